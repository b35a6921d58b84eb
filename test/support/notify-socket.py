# A service manager's end of sd_notify(3): prints each datagram as a line of JSON. Argument: path, or @name.
import json, socket, sys

name = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind("\0" + name[1:] if name.startswith("@") else name)
print(json.dumps("listening"), flush=True)
while True:
    # descriptors that come along (BARRIER=1) are closed by the kernel: nobody asks for them
    print(json.dumps(listener.recv(4096).decode()), flush=True)
