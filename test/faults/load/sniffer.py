# Looks at every frame that a node's uplinks send (after the programs) and receive (before them), whatever interface
# they are: sniffer.py '{"pools": [CIDR, …], "owners": [[CIDR, UNDERLAY], …], "inside": [PREFIX, …]}'. Interfaces whose
# names begin with one of `inside` are the node's own. Each line on stdin is answered by a line of JSON:
#   forbid | allow         whether addresses of the pools may go in clear; forbidden at first
#   owners JSON            other owners from now on; one CIDR may have more than one
#   probes                 {"to": {DESTINATION: {UNDERLAY: COUNT}}, "distinct", "again"}: encapsulated datagrams to port
#                          7003, which begin with a number, since the last such line; again: numbers seen before
#   read                   {"seen", "encapsulated", "clear", "allowed", "toNobody", "mispaired", "examples", "missed"};
#                          toNobody: of those in clear, what was addressed to no machine; allowed: in clear, while it might
#                          be; missed: frames that this socket had no room for
import ipaddress
import json
import socket
import struct
import sys
import threading

SOL_PACKET, PACKET_STATISTICS, SO_RCVBUFFORCE = 263, 6, 33
VXLAN_PORT, PROBE_PORT = 4789, 7003
NOBODY = bytes.fromhex("02fefefefefe")
SNAP = 160

given = json.loads(sys.argv[1])
inside = tuple(given["inside"])


def prefix(cidr):
    network = ipaddress.ip_network(cidr)
    return network.version, int(network.network_address), int(network.netmask)


pools = [prefix(cidr) for cidr in given["pools"]]


def owned(rows):
    return [(prefix(cidr), ipaddress.ip_address(address).packed) for cidr, address in rows]


owners = owned(given["owners"])
allowed = False
counts = dict.fromkeys(("seen", "encapsulated", "clear", "allowed", "toNobody", "mispaired"), 0)
examples = []
missed = 0
lock = threading.Lock()


def within(address, prefixes):
    version, number = (4 if len(address) == 4 else 6), int.from_bytes(address, "big")
    return any(v == version and number & mask == net for v, net, mask in prefixes)


def ip(packet):
    """Source, destination, protocol, payload; None: no IP."""
    if len(packet) < 20:
        return None
    if packet[0] >> 4 == 4:
        return packet[12:16], packet[16:20], packet[9], packet[(packet[0] & 15) * 4 :]
    if packet[0] >> 4 == 6 and len(packet) >= 40:
        return packet[8:24], packet[24:40], packet[6], packet[40:]
    return None


def arp(frame):
    return frame[28:32], frame[38:42], -1, b""


class Probes:
    def __init__(self):
        self.to, self.numbers, self.again = {}, set(), 0

    def take(self, destination, underlay, number):
        there = self.to.setdefault(socket.inet_ntoa(destination), {})
        node = socket.inet_ntoa(underlay)
        there[node] = there.get(node, 0) + 1
        self.again += number in self.numbers
        self.numbers.add(number)

    def said(self):
        return {"to": self.to, "distinct": len(self.numbers), "again": self.again}


probes = Probes()
known = {}  # what was judged before is not judged again


def owns(underlay, address):
    there = [owner for network, owner in owners if within(address, [network])]
    return underlay == address or underlay in there


def judge(outer):
    """What a packet on the wire is: encapsulated, clear, mispaired, or None: nothing of ours."""
    source, destination, protocol, rest = outer
    if protocol == 17 and len(rest) >= 50 and struct.unpack_from("!H", rest, 2)[0] == VXLAN_PORT:
        inner = ip(rest[30:])
    elif protocol in (4, 41):
        inner = ip(rest)
    else:
        inner = None
    if inner is None:
        return "clear" if within(source, pools) or within(destination, pools) else None
    if inner[2] == 17 and struct.unpack_from("!H", inner[3], 2)[0] == PROBE_PORT:
        probes.take(inner[1], destination, struct.unpack_from("!I", inner[3], 8)[0])
    return paired(source, destination, inner[0], inner[1])


def paired(*pair):
    if pair not in known:
        known[pair] = "encapsulated" if owns(pair[0], pair[2]) and owns(pair[1], pair[3]) else "mispaired"
    return known[pair]


def look(frame):
    kind = frame[12:14]
    outer = arp(frame) if kind == b"\x08\x06" else ip(frame[14:])
    if outer is None:
        return
    what = judge(outer)
    counts["seen"] += 1
    if what == "clear" and allowed:
        what = "allowed"
    if what is None:
        return
    counts[what] += 1
    if what == "clear" and frame[:6] == NOBODY:
        counts["toNobody"] += 1
    if what in ("clear", "mispaired") and len(examples) < 5:
        examples.append(f"{what} {frame[:100].hex()}")


def sniff(wire):
    while True:
        frame, (interface, *_) = wire.recvfrom(SNAP)
        if not interface.startswith(inside):
            with lock:
                look(frame)


wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
threading.Thread(target=sniff, args=(wire,), daemon=True).start()
print("{}", flush=True)
for line in sys.stdin:
    verb, _, rest = line.strip().partition(" ")
    with lock:
        if verb == "owners":
            owners = owned(json.loads(rest))
            known.clear()
        elif verb in ("allow", "forbid"):
            allowed = verb == "allow"
        missed += struct.unpack("II", wire.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        answer = {**counts, "examples": examples, "missed": missed}
        if verb == "probes":
            answer, probes = probes.said(), Probes()
    print(json.dumps(answer), flush=True)
