# The connections of a load. `tcp.py serve` answers; `tcp.py drive ADDRESS PATIENCE` keeps four kinds alive to it: one
# that sends at a limited rate, one that sends a byte a second, one of questions and answers, and short ones one after
# the other. A line on stdin ends them, each by its own last exchange, and is answered by a line of JSON, for each kind:
#   {"connections", "bytes", "refused", "resets", "stalled", "wrong", "slowestMs"}; refused: did not come about, stalled: no
#   progress for PATIENCE seconds, wrong: other bytes than were sent
import json
import socket
import struct
import sys
import threading
import time

PORT = 7002
PATTERN = bytes(range(251)) * 263  # 251 is no power of two: a lost or repeated segment shifts it
CHUNK = 16 << 10
MESSAGE = 64
COUNTS = ("connections", "bytes", "refused", "resets", "stalled", "wrong", "slowestMs")


def at(offset, size):
    start = offset % 251
    return PATTERN[start : start + size]


def serve():
    server = socket.create_server(("", PORT), backlog=1024)
    print("{}", flush=True)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection):
    with connection:
        try:
            sink(connection) if connection.recv(1) == b"s" else echo(connection)
        except OSError:
            pass  # its client counts it


def sink(connection):
    """Until its end, then says how many bytes came as they should."""
    good = 0
    while data := connection.recv(1 << 16):
        if data == at(good, len(data)):
            good += len(data)
    connection.sendall(struct.pack("!Q", good))


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


class Kind(threading.Thread):
    """One kind of connection, until `over`."""

    def __init__(self, address, patience):
        super().__init__()
        self.address, self.patience = address, patience
        self.said = dict.fromkeys(COUNTS, 0)

    def run(self):
        while not over.is_set():
            try:
                self.talk()
            except TimeoutError:
                self.said["stalled"] += 1
            except OSError:
                self.said["resets" if self.is_open else "refused"] += 1
                over.wait(0.05)

    def connected(self, first):
        began = time.monotonic()
        self.is_open = False
        connection = socket.create_connection((self.address, PORT), timeout=self.patience)
        self.is_open = True
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(first)
        self.said["connections"] += 1
        self.slow(began)
        return connection

    def slow(self, began):
        self.said["slowestMs"] = max(self.said["slowestMs"], round((time.monotonic() - began) * 1000))

    def sink(self, chunk, pause):
        with self.connected(b"s") as connection:
            sent = 0
            while not over.wait(pause):
                began = time.monotonic()
                connection.sendall(at(sent, chunk))
                self.slow(began)
                sent += chunk
            connection.shutdown(socket.SHUT_WR)
            good = b"".join(iter(lambda: connection.recv(8), b""))
            self.said["bytes"] += sent
            if good != struct.pack("!Q", sent):
                self.said["wrong"] += 1

    def ask(self, connection):
        began = time.monotonic()
        question = at(self.said["bytes"], MESSAGE)
        connection.sendall(question)
        back = b""
        while len(back) < MESSAGE:
            data = connection.recv(MESSAGE - len(back))
            if not data:
                raise ConnectionResetError
            back += data
        self.said["bytes"] += MESSAGE
        self.slow(began)
        if back != question:
            self.said["wrong"] += 1


class Bulk(Kind):
    def talk(self):
        self.sink(CHUNK, 0.016)  # 1 MB a second


class Idle(Kind):
    def talk(self):
        self.sink(1, 1)


class Questions(Kind):
    def talk(self):
        with self.connected(b"e") as connection:
            while not over.wait(0.01):
                self.ask(connection)


class Short(Kind):
    def talk(self):
        with self.connected(b"e") as connection:
            self.ask(connection)
        over.wait(0.02)


over = threading.Event()
if sys.argv[1] == "serve":
    serve()
else:
    kinds = [kind(sys.argv[2], float(sys.argv[3])) for kind in (Bulk, Idle, Questions, Short)]
    for kind in kinds:
        kind.start()
    while not all(kind.said["connections"] for kind in kinds):
        time.sleep(0.01)
    print("{}", flush=True)
    sys.stdin.readline()
    over.set()
    for kind in kinds:
        kind.join()
    print(json.dumps({type(kind).__name__.lower(): kind.said for kind in kinds}), flush=True)
