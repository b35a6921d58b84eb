# One end of traffic that must not lose a packet. `answer` sends back what comes, by UDP and TCP, to both families.
# `ask ADDRESS PACE_MS` sends numbered datagrams, and lines over one TCP connection, until its standard input ends, and
# then says {"udp": [SENT, CAME BACK], "tcp": [SENT, CAME BACK], "retransmitted": SEGMENTS THAT HAD BEEN LOST}.
import json
import socket
import struct
import sys
import threading
import time

PORT = 5301
# Offsets in struct tcp_info: segments sent again, and those of them that the other end had got already (RFC 2883): a
# starved machine answers late, which is no loss.
TCPI_TOTAL_RETRANS = 100
TCPI_DSACK_DUPS = 216
TCP_INFO_BYTES = 224


def answer():
    server = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True)
    threading.Thread(target=accept, args=(server,), daemon=True).start()
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    datagrams.bind(("::", PORT))
    print("ready", flush=True)
    while True:
        packet, peer = datagrams.recvfrom(2048)
        try:
            datagrams.sendto(packet, peer)
        except OSError as error:
            print(error, file=sys.stderr, flush=True)


def accept(server):
    while True:
        connection, _ = server.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def echo(connection):
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := connection.recv(1 << 16):
            connection.sendall(data)


def ask(address, pace):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    datagrams.connect((address, PORT))
    stream = socket.create_connection((address, PORT), timeout=20)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stopped = threading.Event()
    back, refused, lines = set(), [], []
    threading.Thread(target=receive, args=(datagrams, back), daemon=True).start()
    reader = threading.Thread(target=read, args=(stream, lines), daemon=True)
    reader.start()
    threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
    print("asking", flush=True)
    sent = 0
    while not stopped.is_set():
        try:
            datagrams.send(struct.pack("!I", sent))
        except OSError as error:
            refused.append(str(error))
        stream.sendall(b"%d\n" % sent)
        sent += 1
        time.sleep(pace / 1000)
    until = time.monotonic() + 10
    while len(back) < sent and time.monotonic() < until:
        time.sleep(0.05)
    information = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    (again,) = struct.unpack_from("=I", information, TCPI_TOTAL_RETRANS)
    (needless,) = struct.unpack_from("=I", information, TCPI_DSACK_DUPS)
    stream.shutdown(socket.SHUT_WR)
    reader.join(20)
    print(
        json.dumps(
            {
                "udp": [sent, len(back)],
                "tcp": [sent, sum(line == number for number, line in enumerate(lines))],
                "retransmitted": max(0, again - needless),
                "lost": sorted(set(range(sent)) - back)[:20],
                "refused": refused[:5],
            }
        ),
        flush=True,
    )


def receive(datagrams, back):
    while True:
        try:
            back.add(struct.unpack("!I", datagrams.recv(2048))[0])
        except OSError:
            pass  # an ICMP error: the datagram that it is about is missing, and counted so


def read(stream, lines):
    for line in stream.makefile("rb"):
        lines.append(int(line))


if sys.argv[1] == "answer":
    answer()
else:
    ask(sys.argv[2], float(sys.argv[3]))
