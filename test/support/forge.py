"""forge.py NODE PEER MTU: tells NODE (RFC 792: destination unreachable, fragmentation needed) that a VXLAN packet of its to
PEER was too large, and that MTU would do. Nobody has said so."""

import socket
import struct
import sys


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def main():
    node, peer, mtu = sys.argv[1], sys.argv[2], int(sys.argv[3])
    addresses = socket.inet_aton(node) + socket.inet_aton(peer)
    quoted = struct.pack("!BBHHHBBH", 0x45, 0, 1450, 7, 0x4000, 64, 17, 0) + addresses
    quoted = quoted[:10] + struct.pack("!H", checksum(quoted)) + quoted[12:]
    quoted += struct.pack("!HHHH", 51877, 4789, 1430, 0)
    icmp = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quoted
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.sendto(icmp, (node, 0))


main()
