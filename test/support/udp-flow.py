# One end of a UDP flow. `serve PORT` answers each datagram that says `?`, and once told `go N SECONDS` by one, sends
# N datagrams over that time by itself. `ask ADDRESS PORT N` asks N times, one after the other, and says on stdout how
# many answers came. `hear ADDRESS PORT N SECONDS` asks for three seconds, then says `go`, then counts what comes.
import socket
import sys
import time


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def asked(peer, patience):
    peer.settimeout(patience)
    try:
        peer.send(b"?")
        return peer.recv(2048) == b"!"
    except OSError:
        return False


def serve(port):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", port))
    print("ready", flush=True)
    while True:
        data, peer = server.recvfrom(2048)
        if data == b"?":
            server.sendto(b"!", peer)
            continue
        _, count, seconds = data.decode().split()
        for _ in range(int(count)):
            server.sendto(b"#", peer)
            time.sleep(float(seconds) / int(count))


def ask(address, port, count):
    peer = socket.socket(family_of(address), socket.SOCK_DGRAM)
    peer.connect((address, port))
    print(sum(asked(peer, 1) for _ in range(count)), flush=True)


def steady(address, port):
    """Asks for ever, ten times a second, and says for each whether there was an answer."""
    peer = socket.socket(family_of(address), socket.SOCK_DGRAM)
    peer.connect((address, port))
    while True:
        print("answered" if asked(peer, 0.2) else "silence", flush=True)
        time.sleep(0.1)


def hear(address, port, count, seconds):
    peer = socket.socket(family_of(address), socket.SOCK_DGRAM)
    peer.connect((address, port))
    until = time.monotonic() + 3
    while time.monotonic() < until:
        asked(peer, 1)
        time.sleep(0.05)
    peer.send(f"go {count} {seconds}".encode())
    heard = 0
    peer.settimeout(3)
    try:
        while heard < count:
            heard += peer.recv(2048) == b"#"
    except OSError:
        pass
    print(heard, flush=True)


words = sys.argv[2:]
if sys.argv[1] == "serve":
    serve(int(words[0]))
elif sys.argv[1] == "ask":
    ask(words[0], int(words[1]), int(words[2]))
elif sys.argv[1] == "steady":
    steady(words[0], int(words[1]))
else:
    hear(words[0], int(words[1]), int(words[2]), float(words[3]))
