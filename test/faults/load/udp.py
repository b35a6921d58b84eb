# One end of the datagrams of a load: udp.py OWN PEER PACKETS_PER_SECOND. Sends numbered datagrams to its twin at PEER,
# and tallies what comes from there. Numbers begin anew with each window, so that what was on its way when one ended is
# counted where it belongs. Each line on stdin is answered by a line of JSON:
#   window N       sends under another number from now on; {"sent": of the window that ended}
#   quiet          sends no more; {"sent": of the window that ended}
#   tally N        what came of a window, {"received", "distinct", "duplicates", "reordered", "strange"}; strange: it names
#                  another receiver, or comes from another address
#   lost N SENT    the first ranges of numbers that did not come, [[first, last], …]
#   when N FIRST   seconds after the window's first datagram at which a number was sent
#   overruns       datagrams that the socket had no room for
import json
import os
import socket
import struct
import sys
import threading
import time
from array import array

PORT = 7001
HEADER = struct.Struct("!4s4sII")  # receiver, sender, window, number
SMALL, LARGE = 64, 1372  # bytes; every sixteenth is as large as the smallest overlay takes without cutting
BURST = 8  # what was slept through is not sent later in one go: the queue of a CPU has 1000 places
SO_RCVBUFFORCE = 33

own, peer, pps = sys.argv[1], sys.argv[2], int(sys.argv[3])
me, other = socket.inet_aton(own), socket.inet_aton(peer)
inbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
inbox.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
inbox.bind((own, PORT))
outbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
outbox.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
outbox.bind((own, 0))


class Tally:
    def __init__(self):
        self.seen = bytearray()
        self.highest = -1
        self.counts = dict.fromkeys(("received", "distinct", "duplicates", "reordered", "strange"), 0)

    def take(self, number):
        counts = self.counts
        counts["received"] += 1
        if number >= len(self.seen):
            self.seen.extend(bytes(number + 4096 - len(self.seen)))
        if self.seen[number]:
            counts["duplicates"] += 1
            return
        self.seen[number] = 1
        counts["distinct"] += 1
        if number < self.highest:
            counts["reordered"] += 1
        else:
            self.highest = number

    def gaps(self, sent):
        seen = self.seen[:sent] + bytes(max(0, sent - len(self.seen)))
        first = seen.find(0)
        while first >= 0:
            end = seen.find(1, first)
            yield [first, (sent if end < 0 else end) - 1]
            first = -1 if end < 0 else seen.find(0, end)


tallies = {}


def receive():
    while True:
        data, (source, _) = inbox.recvfrom(2048)
        receiver, sender, window, number = HEADER.unpack_from(data)
        tally = tallies.get(window) or tallies.setdefault(window, Tally())
        if receiver != me or sender != other or source != peer:
            tally.counts["strange"] += 1
        else:
            tally.take(number)


class Sender(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.lock = threading.Lock()
        self.window = None
        self.times = {}

    def turn(self, window):
        with self.lock:
            sent = 0 if self.window is None else len(self.times[self.window])
            self.window = window
            if window is not None:
                self.times[window] = array("d")
            return sent

    def run(self):
        paddings = [bytes(size - HEADER.size) for size in (SMALL, LARGE)]
        due = time.monotonic()
        while True:
            time.sleep(0.001)
            now = time.monotonic()
            count = min(int((now - due) * pps), BURST)
            if count == 0:
                continue
            due = now if count == BURST else due + count / pps
            with self.lock:
                if self.window is None:
                    continue
                times = self.times[self.window]
                for _ in range(count):
                    number = len(times)
                    header = HEADER.pack(other, me, self.window, number)
                    times.append(time.monotonic())
                    try:
                        outbox.sendto(header + paddings[number % 16 == 15], (peer, PORT))
                    except OSError:
                        pass  # its number is missing at the other end


def overruns():
    inode = str(os.fstat(inbox.fileno()).st_ino)
    with open("/proc/net/udp") as lines:
        return next(int(fields[12]) for fields in map(str.split, lines) if fields[9] == inode)


sender = Sender()
threading.Thread(target=receive, daemon=True).start()
sender.start()
print("{}", flush=True)
for line in sys.stdin:
    verb, *numbers = line.split()
    numbers = [int(number) for number in numbers]
    if verb == "window":
        answer = {"sent": sender.turn(numbers[0])}
    elif verb == "quiet":
        answer = {"sent": sender.turn(None)}
    elif verb == "tally":
        answer = tallies.get(numbers[0], Tally()).counts
    elif verb == "lost":
        answer = list(tallies.get(numbers[0], Tally()).gaps(numbers[1]))[:20]
    elif verb == "when":
        times = sender.times[numbers[0]]
        answer = round(times[numbers[1]] - times[0], 4)
    else:
        answer = overruns()
    print(json.dumps(answer), flush=True)
