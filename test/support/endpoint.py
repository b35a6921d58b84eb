# One end of a test's traffic, in a network namespace of its own. It answers whatever another one sends;
# told {"to": ADDRESS, "from": ADDRESS, "bytes": N} on a line, it sends by every transport and says on
# a line what came back: {"tcp": SHA256 EQUAL?, "udp": [SENT, CAME BACK BIT FOR BIT], ...}. Its argument
# is how many times longer than usual an answer may take.
import contextlib
import errno
import hashlib
import json
import os
import socket
import struct
import sys
import threading

PORT = 5201
SCTP = 132
SCTP_PORTS = (5201, 5202)
SCTP_DATA = 0
UDP_SEGMENT = 103
SEGMENT_BYTES = 1000
SLOWNESS = float(sys.argv[1])
PATIENCE = 0.5 * SLOWNESS
TCP_PATIENCE = 4 * SLOWNESS
FAMILIES = (socket.AF_INET, socket.AF_INET6)


def crc32c_table():
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


CRC32C = list(crc32c_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def sctp(ports, payload):
    """RFC 9260 sections 3 and 3.3.1: the common header and one DATA chunk."""
    chunk = struct.pack("!BBHIHHI", 0, 3, 16 + len(payload), 1, 0, 0, 0) + payload
    header = struct.pack("!HHI", *ports, 1)
    checksum = struct.pack("<I", crc32c(header + bytes(4) + chunk))
    return header + checksum + chunk


def without_ipv4(family, packet):
    """Raw IPv4 sockets show the IP header, those of IPv6 do not."""
    return packet[(packet[0] & 15) * 4 :] if family == socket.AF_INET else packet


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def answer_tcp():
    server = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=answer_connection, args=(connection,), daemon=True).start()


def answer_connection(connection):
    with connection, contextlib.suppress(OSError):
        connection.settimeout(TCP_PATIENCE)
        connection.sendall(b"".join(iter(lambda: connection.recv(1 << 16), b"")))


def answer_udp():
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    server.bind(("::", PORT))
    while True:
        packet, peer = server.recvfrom(1 << 16)
        with contextlib.suppress(OSError):
            server.sendto(packet, peer)


def answer_sctp(server, family):
    """Where the kernel has SCTP it aborts what it knows nothing of: answers to that would never end."""
    while True:
        packet, peer = server.recvfrom(1 << 16)
        packet = without_ipv4(family, packet)
        if struct.unpack("!HH", packet[:4]) == SCTP_PORTS and packet[12] == SCTP_DATA:
            server.sendto(sctp(SCTP_PORTS[::-1], packet[28:]), peer)


def send_tcp(to, source, size):
    data = os.urandom(size)
    back = b""
    with contextlib.suppress(OSError), socket.create_connection(
        (to, PORT), timeout=TCP_PATIENCE, source_address=(source, 0)
    ) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        back = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    return hashlib.sha256(back).digest() == hashlib.sha256(data).digest()


def datagrams(count, size):
    return [struct.pack("!I", number) + os.urandom(size - 4) for number in range(count)]


def came_back(client, sent, of=lambda packet: packet):
    """How many of the packets came back as they went, in whatever order."""
    missing = set(sent)
    client.settimeout(PATIENCE)
    with contextlib.suppress(TimeoutError):
        while missing:
            missing.discard(of(client.recv(1 << 16)))
    return [len(sent), len(sent) - len(missing)]


def udp_client(to, source):
    client = socket.socket(family_of(to), socket.SOCK_DGRAM)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    client.bind((source, 0))
    client.connect((to, PORT))
    return client


def send_udp(to, source, sizes):
    with udp_client(to, source) as client:
        sent = [packet for size in sizes for packet in datagrams(2, size)]
        for packet in sent:
            client.send(packet)
        return came_back(client, sent)


def send_segments(to, source):
    """Super-packets, as QUIC sends them; the last segment of each is shorter."""
    with udp_client(to, source) as client:
        client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, SEGMENT_BYTES)
        sent = datagrams(9, SEGMENT_BYTES) + datagrams(1, 333)
        for round in range(3):
            try:
                client.send(b"".join(sent))
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                return "refused"  # by a device that computes no checksums; older kernels send none
            if came_back(client, sent)[1] < len(sent):
                return [len(sent), 0]
        return [len(sent), len(sent)]


def send_echoes(to, source):
    is_ipv6 = ":" in to
    protocol, kind = (socket.IPPROTO_ICMPV6, 128) if is_ipv6 else (socket.IPPROTO_ICMP, 8)
    with socket.socket(family_of(to), socket.SOCK_DGRAM, protocol) as client:
        client.bind((source, 0))
        client.connect((to, 0))
        sent = [os.urandom(size) for size in (1, 56, 1301, 4001)]
        for number, payload in enumerate(sent):
            client.send(struct.pack("!BBHHH", kind, 0, 0, 0, number) + payload)
        return came_back(client, sent, of=lambda packet: packet[8:])


def send_sctp(to, source):
    with socket.socket(family_of(to), socket.SOCK_RAW, SCTP) as client:
        client.bind((source, 0))
        client.connect((to, 0))
        payloads = datagrams(3, 604)
        for payload in payloads:
            client.send(sctp(SCTP_PORTS, payload))
        expected = [sctp(SCTP_PORTS[::-1], payload) for payload in payloads]
        return came_back(client, expected, of=lambda packet: without_ipv4(client.family, packet))


def exchange(to, source, size):
    return {
        "tcp": send_tcp(to, source, size),
        "udp": send_udp(to, source, (4, 5, 512, 1371)),
        "segments": send_segments(to, source),
        "fragments": send_udp(to, source, (3001, 9000)),
        "icmp": send_echoes(to, source),
        "sctp": send_sctp(to, source),
    }


def main():
    with open("/proc/sys/net/ipv4/ping_group_range", "w") as setting:
        setting.write("0 0")
    answers = [(answer_tcp, ()), (answer_udp, ())]
    for family in FAMILIES:
        raw = socket.socket(family, socket.SOCK_RAW, SCTP)
        answers.append((answer_sctp, (raw, family)))
    for target, args in answers:
        threading.Thread(target=target, args=args, daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        print(json.dumps(exchange(told["to"], told["from"], told["bytes"])), flush=True)


main()
