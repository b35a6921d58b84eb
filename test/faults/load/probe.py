# Numbered datagrams to many addresses in turn, which nobody answers: probe.py PACKETS_PER_SECOND ADDRESS… Each line on
# stdin is answered by a line of JSON:
#   go      begins to send, {}
#   quiet   sends no more, {"sent": since the last go}
#   once    sends one to each address, {"sent"}
import json
import socket
import struct
import sys
import threading
import time

PORT = 7003
pps, addresses = int(sys.argv[1]), sys.argv[2:]
outbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
lock = threading.Lock()
number = 0
going = False


def send(address):
    global number
    outbox.sendto(struct.pack("!I", number) + bytes(60), (address, PORT))
    number += 1


def run():
    due = time.monotonic()
    while True:
        time.sleep(0.001)
        now = time.monotonic()
        count = min(int((now - due) * pps), 8)
        due = now if count == 8 else due + count / pps
        with lock:
            for _ in range(count if going else 0):
                send(addresses[number % len(addresses)])


threading.Thread(target=run, daemon=True).start()
print("{}", flush=True)
began = 0
for line in sys.stdin:
    with lock:
        if line.strip() == "quiet":
            going, answer = False, {"sent": number - began}
        elif line.strip() == "go":
            going, began, answer = True, number, {}
        else:
            for address in addresses:
                send(address)
            answer = {"sent": len(addresses)}
    print(json.dumps(answer), flush=True)
