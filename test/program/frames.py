# Writes frames.json beside it: what goes into the egress program and what must come out, built by
# scapy and never by our own encoder. What the kernel's flow hash decides is left 0: the outer source
# port and flow label; a UDP checksum is the one of source port 0. Run: python3 frames.py
import json
from pathlib import Path

from scapy.all import (
    ICMP,
    IP,
    SCTP,
    TCP,
    UDP,
    Ether,
    ICMPv6EchoRequest,
    IPOption_EOL,
    IPOption_NOP,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
    Raw,
    SCTPChunkInit,
)
from scapy.layers.vxlan import VXLAN

A, B, C = "192.168.1.11", "192.168.1.12", "192.168.2.13"
A6, B6 = "fd00:1::11", "fd00:1::12"
VTEP_A, VTEP_B, VTEP_C = "66:00:00:00:00:0b", "66:00:00:00:00:0c", "66:00:00:00:00:0d"
POOL_ROUTE = {"src": "02:00:00:00:01:0b", "dst": "02:fe:fe:fe:fe:fe"}
ETHER_TYPE = {IP: 0x0800, IPv6: 0x86DD}
SYN = TCP(
    sport=40000,
    dport=80,
    flags="S",
    seq=1,
    options=[("MSS", 1410), ("NOP", None), ("WScale", 7)],
)
INIT = SCTPChunkInit(init_tag=1, a_rwnd=1500, n_out_streams=1, n_in_streams=1, init_tsn=1)


def bytes_of_mtu(size):
    return Raw(bytes(i % 251 for i in range(size)))


def ipv4(src, dst, mtu):
    """What a workload may send over IPv4: a name, and the packet."""

    def ip(**fields):
        return IP(**{"src": src, "dst": dst, "ttl": 63, **fields})

    nested = IP(src="172.16.0.1", dst="172.16.0.2") / UDP(sport=1, dport=2) / Raw(b"n")
    yield "a TCP SYN", ip(id=7, flags="DF") / SYN
    yield "a UDP datagram", ip(id=8) / UDP(sport=7777, dport=8888) / Raw(b"payload-0123456789")
    yield "a UDP datagram without a checksum", ip(id=8) / UDP(
        sport=7777, dport=8888, chksum=0
    ) / Raw(b"payload")
    yield "a UDP datagram of one byte", ip(id=8) / UDP(sport=7777, dport=8888) / Raw(b"1")
    yield "an empty UDP datagram", ip(id=8) / UDP(sport=7777, dport=8888)
    yield "an ICMP echo", ip(ttl=64, id=9) / ICMP(id=1, seq=1) / Raw(bytes(range(56)))
    yield "an SCTP INIT", ip(id=10, proto=132) / SCTP(sport=5, dport=6, tag=0) / INIT
    yield "a first fragment", ip(id=11, flags="MF") / UDP(sport=1, dport=2, len=1008) / Raw(
        b"f" * 992
    )
    yield "a last fragment", ip(id=11, frag=125, proto=17) / Raw(b"f" * 64)
    yield "IP options", ip(id=12, options=[IPOption_NOP()] * 3 + [IPOption_EOL()]) / UDP(
        sport=7, dport=8
    ) / Raw(b"o")
    yield "a header and no more", ip(id=13, proto=59)
    yield "DSCP EF", ip(id=14, tos=0xB8) / UDP(sport=7777, dport=8888) / Raw(b"ef")
    yield "a workload's own IPIP", ip(id=15) / nested
    yield "a workload's own VXLAN", ip(id=16) / UDP(sport=1, dport=4789) / VXLAN(
        vni=7, flags=8
    ) / Ether(src=VTEP_A, dst=VTEP_B) / nested
    yield "a full MTU", ip(id=17, flags="DF") / UDP(sport=7777, dport=8888) / bytes_of_mtu(mtu - 28)
    yield "an odd length near it", ip(id=18) / UDP(sport=7777, dport=8888) / bytes_of_mtu(mtu - 29)


def ipv6(src, dst, mtu):
    """The same over IPv6."""

    def ip(**fields):
        return IPv6(**{"src": src, "dst": dst, "hlim": 63, **fields})

    def udp(size=18):
        return UDP(sport=7777, dport=8888) / bytes_of_mtu(size)

    nested = IPv6(src="fd00:172::1", dst="fd00:172::2") / UDP(sport=1, dport=2) / Raw(b"n")
    padding = [PadN(optdata=bytes(4))]
    yield "a TCP SYN", ip() / SYN
    yield "a UDP datagram", ip() / udp()
    yield "a UDP datagram of one byte", ip() / udp(1)
    yield "an empty UDP datagram", ip() / UDP(sport=7777, dport=8888)
    yield "an ICMPv6 echo", ip() / ICMPv6EchoRequest(id=1, seq=1, data=bytes(range(56)))
    yield "an SCTP INIT", ip(nh=132) / SCTP(sport=5, dport=6, tag=0) / INIT
    yield "a first fragment", ip() / IPv6ExtHdrFragment(nh=17, offset=0, m=1, id=11) / UDP(
        sport=1, dport=2, len=1008, chksum=0x1234
    ) / Raw(b"f" * 992)
    yield "a last fragment", ip() / IPv6ExtHdrFragment(nh=17, offset=125, m=0, id=11) / Raw(
        b"f" * 63
    )
    yield "hop-by-hop options", ip() / IPv6ExtHdrHopByHop(options=padding) / udp()
    yield "destination options", ip() / IPv6ExtHdrDestOpt(options=padding) / udp()
    yield "a routing header", ip() / IPv6ExtHdrRouting(addresses=[], segleft=0) / udp()
    yield "a header and no more", ip(nh=59)
    yield "DSCP EF", ip(tc=0xB8) / udp()
    yield "a flow label", ip(fl=0xBEEF5) / udp()
    yield "a workload's own IPv6 tunnel", ip() / nested
    yield "a workload's own VXLAN", ip() / UDP(sport=1, dport=4789) / VXLAN(vni=7, flags=8) / Ether(
        src=VTEP_A, dst=VTEP_B
    ) / nested
    yield "a full MTU", ip() / udp(mtu - 48)
    yield "an odd length near it", ip() / udp(mtu - 49)


def tos_of(packet):
    return packet.tos if IP in packet and packet.name == "IP" else packet.tc


def outer_ip(inner, node, protocol):
    """RFC 6040 and RFC 2983: ECN and DSCP are the inner packet's."""
    if ":" in node:
        return IPv6(src=A6, dst=node, tc=tos_of(inner), fl=0, hlim=64, nh=protocol)
    return IP(src=A, dst=node, tos=tos_of(inner), flags="DF", id=0, ttl=64, proto=protocol)


def carried(encap, inner, node, vtep, checksum):
    """The packet between nodes; of the Ethernet header before it the next hop is written later."""
    if encap == "none":
        return inner
    if encap != "vxlan":
        return outer_ip(inner, node, {"ipip": 4, "ip6ip": 41}[encap]) / inner
    udp = UDP(sport=0, dport=4789) if checksum == "full" else UDP(sport=0, dport=4789, chksum=0)
    ethernet = Ether(src=VTEP_A, dst=vtep, type=ETHER_TYPE[type(inner)])
    return outer_ip(inner, node, 17) / udp / VXLAN(flags=8, vni=4096) / ethernet / inner


def row(title, encap, inner, node, vtep, checksum):
    packet = carried(encap, inner, node, vtep, checksum)
    return {
        "title": title,
        "encap": encap,
        "checksum": checksum,
        "inner": bytes(Ether(**POOL_ROUTE, type=ETHER_TYPE[type(inner)]) / inner).hex(),
        "outer": bytes(Ether(**POOL_ROUTE, type=ETHER_TYPE[type(packet)]) / packet).hex(),
    }


# Where; encapsulation; pool; the other end's number in it; its node and VTEP; outer UDP checksum; inner MTU.
EVERYTHING = [
    ("VXLAN to a peer in the same subnet", "vxlan", "10.244", 2, B, VTEP_B, "zero", 1450),
    ("IPIP to a peer in the same subnet", "ipip", "10.245", 2, B, VTEP_B, "none", 1480),
    ("VXLAN over IPv6", "vxlan", "fd00:244:0", 2, B6, VTEP_B, "full", 1430),
    ("IPv4 in VXLAN over IPv6", "vxlan", "10.249", 2, B6, VTEP_B, "full", 1430),
    ("IPv6 in VXLAN over IPv4", "vxlan", "fd00:249:0", 2, B, VTEP_B, "zero", 1450),
    ("IP6-in-IP over IPv6", "ip6ip", "fd00:250:0", 2, B6, VTEP_B, "none", 1460),
    ("IP6-in-IP over IPv4", "ip6ip", "fd00:251:0", 2, B, VTEP_B, "none", 1480),
]
SOMETHING = [
    ("VXLAN CrossSubnet to a peer behind the router", "vxlan", "10.246", 3, C, VTEP_C, "zero"),
    ("IPIP CrossSubnet to a peer behind the router", "ipip", "10.248", 3, C, VTEP_C, "none"),
    ("VXLAN CrossSubnet to a peer in the same subnet", "none", "10.246", 2, B, VTEP_B, "none"),
    ("Never to a peer behind the router", "none", "10.247", 3, C, VTEP_C, "none"),
    ("IPv6 CrossSubnet in the same subnet", "none", "fd00:246:0", 2, B6, VTEP_B, "none"),
    ("VXLAN over IPv6, checksum waived", "vxlan", "fd00:244:0", 2, B6, VTEP_B, "waived"),
    ("IPv4 in VXLAN over IPv6, checksum waived", "vxlan", "10.249", 2, B6, VTEP_B, "waived"),
]
FROM_TUNNEL_ADDRESS = [
    ("VXLAN from the tunnel address", "vxlan", "10.244", 2, B, VTEP_B, "zero"),
    ("IPIP from the tunnel address", "ipip", "10.245", 2, B, VTEP_B, "none"),
    ("VXLAN over IPv6 from the tunnel address", "vxlan", "fd00:244:0", 2, B6, VTEP_B, "full"),
]
SOME = {"a TCP SYN", "a UDP datagram", "a last fragment"}


def address(pool, node, host):
    if ":" in pool:
        return f"{pool}:{node}::{host or ''}"
    return f"{pool}.{node}.{host}"


def packets(pool, other, host, mtu):
    ends = address(pool, 1, host), address(pool, other, 9)
    return ipv6(*ends, mtu) if ":" in pool else ipv4(*ends, mtu)


def rows():
    for where, encap, pool, other, node, vtep, checksum, mtu in EVERYTHING:
        for name, inner in packets(pool, other, 5, mtu):
            yield row(f"{where}: {name}", encap, inner, node, vtep, checksum)
    for host, table in ((5, SOMETHING), (0, FROM_TUNNEL_ADDRESS)):
        for where, encap, pool, other, node, vtep, checksum in table:
            for name, inner in packets(pool, other, host, 1280):
                if name in SOME:
                    yield row(f"{where}: {name}", encap, inner, node, vtep, checksum)


def write(path):
    path.write_text(json.dumps(list(rows()), indent=2) + "\n")


write(Path(__file__).with_name("frames.json"))
