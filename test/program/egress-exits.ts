import { noPolicy } from '../../src/datapath/entry.js';
import { block, poke, type Exit } from '../support/exit.js';
import { jumbo, patched, pooled, pooled6, routed, toB, toB6, wa6, wb6 } from '../support/frames.js';
import { eth, type Packet } from '../support/packet.js';
import { nodes } from '../support/world.js';

const { a, b, c } = nodes;
const forwarded = { from: 'pod' } as const;

/** RFC 8200 section 4.5: the first of more. */
const fragmented = [0, 1, 0, 0, 0, 1];
/** PadN (section 4.2). */
const padded = [1, 4, 0, 0, 0, 0];

/** Every way out of the egress program. */
export const egressExits: readonly Exit[] = [
  { verdict: 'ENCAPSULATED', title: 'a packet for a block of B', packet: toB },
  {
    verdict: 'DIRECT',
    title: 'a CrossSubnet pool, B in our subnet',
    packet: pooled('10.246.1.5', '10.246.2.9'),
  },
  {
    verdict: 'DIRECT_AGAIN',
    title: 'the same packet, after it waited for the neighbour',
    packet: pooled('10.246.1.5', '10.246.2.9'),
    origin: { mark: 0x1000 },
  },
  { verdict: 'ENCAPSULATED', title: 'an IPv6 packet for a block of B', packet: toB6 },
  {
    verdict: 'ENCAPSULATED',
    title: 'an IPv6 packet masqueraded to this node’s address',
    packet: pooled6(a.underlay6, wb6).udp(1, 2),
    origin: forwarded,
  },
  {
    verdict: 'PASS_NOT_POOL',
    title: 'IPv6 neighbour discovery',
    packet: eth(a.uplinkMac, '33:33:ff:00:00:12').ipv6('fe80::1', 'ff02::1:ff00:12').raw('ns'),
  },
  {
    verdict: 'DROP_IP_MALFORMED',
    title: 'IPv6 that is none',
    packet: patched(toB6, 14, 0x45),
  },
  {
    verdict: 'DROP_IP_MALFORMED',
    title: 'an IPv6 packet that ends before its header says',
    packet: pooled6(wa6, wb6, { payloadLength: 999 }).udp(1, 2),
  },
  {
    verdict: 'DROP_TTL',
    title: 'a hop limit of 0',
    packet: pooled6(wa6, wb6, { hopLimit: 0 }).udp(1, 2),
  },
  {
    verdict: 'DROP_WORKLOAD_TUNNEL',
    title: "a workload's VXLAN to a node, over IPv6",
    packet: eth(a.uplinkMac, c.uplinkMac).ipv6(wa6, b.underlay6).udp(1, 4789),
    origin: forwarded,
  },
  ...(
    [
      ['hop-by-hop options', [0]],
      ['destination options', [60]],
      ['a routing header', [43]],
      ['a fragment header', [44]],
      ['three of them', [0, 60, 60]],
      ['more of them than anyone sends', Array<number>(9).fill(60)],
    ] as const
  ).map(([title, headers]): Exit => ({
    verdict: 'DROP_WORKLOAD_TUNNEL',
    title: `a workload's VXLAN to a node, behind ${title}`,
    packet: behind(headers, 4789),
    origin: forwarded,
  })),
  {
    verdict: 'DROP_WORKLOAD_TUNNEL',
    title: "a first fragment of a workload's to a node, that leaves the UDP header to the next",
    packet: cutOff([44, 60]),
    origin: forwarded,
  },
  {
    verdict: 'PASS_NOT_POOL',
    title: "a workload's packet to a node that is cut off behind destination options",
    packet: cutOff([60]),
    origin: forwarded,
  },
  {
    verdict: 'PASS_NOT_POOL',
    title: "a first fragment of a workload's DNS to a node",
    packet: behind([44], 53),
    origin: forwarded,
  },
  {
    verdict: 'PASS_NOT_POOL',
    title: "a workload's DNS to a node, behind destination options",
    packet: behind([60, 60], 53),
    origin: forwarded,
  },
  {
    verdict: 'PASS_NOT_POOL',
    title: "a later fragment of a workload's datagram to a node",
    packet: eth(a.uplinkMac, c.uplinkMac)
      .ipv6(wa6, b.underlay6)
      .extension(44, [0, 8, 0, 0, 0, 1])
      .udp(1, 4789),
    origin: forwarded,
  },
  {
    verdict: 'PASS_NOT_POOL',
    title: "a workload's 6in4 to a node, which no node of ours takes",
    packet: routed(b.underlay).ipv6(wa6, wb6),
    origin: forwarded,
  },
  {
    verdict: 'DROP_NO_BLOCK',
    title: 'an IPv6 pool address in no block',
    packet: pooled6(wa6, 'fd00:244:0:77::9').udp(1, 2),
  },
  {
    verdict: 'DROP_SRC_SPOOF',
    title: 'a workload that uses an IPv6 address of one of B',
    packet: pooled6('fd00:244:0:2::5', wb6).udp(1, 2),
    origin: forwarded,
  },
  {
    verdict: 'DROP_INNER_MARTIAN',
    title: 'a multicast group as source',
    packet: pooled('224.0.0.5', '10.244.2.9').udp(1, 2),
  },
  {
    verdict: 'DROP_INNER_MARTIAN',
    title: 'an IPv6 multicast group as source',
    packet: pooled6('ff0e::1', wb6).udp(1, 2),
  },
  {
    verdict: 'PASS_NOT_IP',
    title: 'LLDP',
    packet: eth(a.uplinkMac, '01:80:c2:00:00:0e').raw('lldp'),
  },
  {
    verdict: 'PASS_NOT_POOL',
    title: 'a packet that took another route',
    packet: routed('198.51.100.7').udp(1, 2),
  },
  {
    verdict: 'PASS_NOT_POOL',
    title: "a workload's VXLAN to a machine that is no node",
    packet: routed('198.51.100.7').udp(1, 4789),
    origin: forwarded,
  },
  {
    verdict: 'PASS_OWN_TUNNEL',
    title: 'what we redirected',
    packet: routed(b.underlay).udp(50000, 4789),
    origin: { from: 'pod', mark: 0x1000 },
  },
  {
    verdict: 'DROP_IP_MALFORMED',
    title: 'a packet that ends before its header says',
    packet: patched(toB, 16, 4, 0),
  },
  {
    verdict: 'DROP_IP_MALFORMED',
    title: 'a header that is longer than its packet',
    packet: patched(pooled('10.244.1.5', '10.244.2.9').udp(1, 2), 14, 0x4f),
  },
  {
    verdict: 'DROP_IP_MALFORMED',
    title: 'a jumbogram (RFC 2675)',
    packet: pooled6(wa6, wb6, { payloadLength: 0, nextHeader: 0 }).raw(jumbo),
  },
  {
    verdict: 'ENCAPSULATED',
    title: 'an IPv6 header and no more (RFC 8200 section 4.7)',
    packet: pooled6(wa6, wb6, { nextHeader: 59 }),
  },
  {
    verdict: 'DROP_TTL',
    title: 'a TTL of 0',
    packet: pooled('10.244.1.5', '10.244.2.9', { ttl: 0 }),
  },
  {
    verdict: 'DROP_WORKLOAD_TUNNEL',
    title: "a workload's VXLAN to a node",
    packet: routed(b.underlay).udp(1, 4789),
    origin: forwarded,
  },
  {
    verdict: 'DROP_WORKLOAD_TUNNEL',
    title: "a workload's IPIP to this node's own address",
    packet: routed(a.underlay).ipv4('10.244.1.5', '10.244.2.9'),
    origin: forwarded,
  },
  {
    verdict: 'DROP_NOT_IN_POOL',
    title: 'a route that outlived its pool',
    packet: pooled('10.244.1.5', '10.9.0.1'),
  },
  {
    verdict: 'DROP_NO_BLOCK',
    title: 'a pool address in no block',
    packet: pooled('10.244.1.5', '10.244.200.1'),
  },
  {
    verdict: 'DROP_LOCAL_BLOCK',
    title: 'an unused address of our own block',
    packet: pooled('10.244.1.5', '10.244.1.7'),
  },
  {
    verdict: 'DROP_SRC_SPOOF',
    title: 'a workload that uses the address of one of B',
    packet: pooled('10.244.2.5', '10.244.2.9'),
    origin: forwarded,
  },
  {
    verdict: 'DROP_SRC_SPOOF',
    title: 'a workload that uses this node’s address',
    packet: pooled(a.underlay, '10.244.2.9'),
    origin: forwarded,
  },
  {
    verdict: 'ENCAPSULATED',
    title: 'a connection to a Service, masqueraded to this node’s tunnel address',
    packet: pooled('10.244.1.0', '10.244.2.9'),
    origin: forwarded,
  },
  {
    verdict: 'ENCAPSULATED',
    title: 'a NodePort connection, masqueraded likewise',
    packet: pooled('10.244.1.0', '10.244.2.9'),
    origin: { from: 'uplink' },
  },
  {
    verdict: 'DIRECT',
    title: 'a connection masqueraded to this node’s address, to a node that needs no tunnel',
    packet: pooled(a.underlay, '10.246.2.9'),
    origin: forwarded,
  },
  {
    verdict: 'DROP_NO_PEER',
    title: 'a block whose node was removed',
    packet: toB,
    given: block('10.244.2.0/26', 9, 0),
  },
  {
    verdict: 'DROP_NO_PEER',
    title: 'a block whose peer is out of bounds',
    packet: toB,
    given: block('10.244.2.0/26', 1e6, 0),
  },
  {
    verdict: 'DROP_NO_POLICY',
    title: 'a block of a pool that is not ours to route',
    packet: toB,
    given: block('10.244.2.0/26', 2, noPolicy),
  },
  {
    verdict: 'ENCAPSULATED',
    title: 'a workload whose own pool is not ours to route: the destination’s pool decides',
    packet: toB,
    origin: forwarded,
    given: block('10.244.1.0/26', 0, noPolicy),
  },
  {
    verdict: 'DROP_NO_SELF',
    title: 'a node that has no address yet',
    packet: toB,
    given: poke('peers', 0, new Uint8Array(32)),
  },
  {
    verdict: 'DROP_UNKNOWN_ENCAP',
    title: 'an encapsulation of a newer user space',
    packet: toB,
    given: poke('policies', 0, Uint8Array.of(7, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0)),
  },
  {
    verdict: 'ANSWERED_TOO_BIG',
    title: 'a packet of the full MTU with DF',
    packet: pooled('10.244.1.5', '10.244.2.9', { dontFragment: true }).raw(new Uint8Array(1480)),
  },
  {
    verdict: 'ANSWERED_TOO_BIG',
    title: 'an IPv6 packet of the full MTU',
    packet: pooled6(wa6, wb6).raw(new Uint8Array(1460)),
  },
  {
    verdict: 'DROP_TOO_BIG',
    title: 'a packet of the full MTU without DF',
    packet: pooled('10.244.1.5', '10.244.2.9').raw(new Uint8Array(1480)),
  },
  {
    verdict: 'DROP_TOO_BIG',
    title: 'an ICMP error of the full MTU',
    packet: pooled('10.244.1.5', '10.244.2.9', { dontFragment: true, protocol: 1 }).raw(
      Uint8Array.of(11, ...new Uint8Array(1479)),
    ),
  },
  {
    verdict: 'DROP_TOO_BIG',
    title: 'an ICMPv6 error of the full MTU',
    packet: pooled6(wa6, wb6, { nextHeader: 58 }).raw(Uint8Array.of(1, ...new Uint8Array(1459))),
  },
  {
    verdict: 'ANSWERED_TOO_BIG',
    title: 'an ICMPv6 echo request of the full MTU',
    packet: pooled6(wa6, wb6, { nextHeader: 58 }).raw(Uint8Array.of(128, ...new Uint8Array(1459))),
  },
  {
    verdict: 'DROP_NO_CHECKSUM',
    title: 'a super-packet over IPv6: each segment would need a checksum of its own',
    packet: pooled6(wa6, wb6).tcp(1, 2).raw(new Uint8Array(2000)),
    origin: { gsoSize: 1000 },
  },
  {
    verdict: 'DROP_NO_CHECKSUM',
    title: 'a UDP super-packet whose segments’ checksums are left to nobody',
    packet: pooled('10.244.1.5', '10.244.2.9').udp(1, 2).raw(new Uint8Array(2000)),
    origin: { gsoSize: 1000 },
  },
  {
    verdict: 'DROP_GSO_TYPE',
    title: 'a super-packet of no type that can be encapsulated',
    packet: pooled('10.244.1.5', '10.244.2.9').tcp(1, 2).raw(new Uint8Array(2000)),
    origin: { gsoSize: 1000 },
  },
  {
    verdict: 'DROP_GSO_TYPE',
    title: 'a super-packet whose pieces differ in size, as SCTP’s: how large they are nobody says',
    packet: pooled('10.244.1.5', '10.244.2.9', { protocol: 132 }).raw(new Uint8Array(2000)),
    origin: { gsoSize: 0xffff },
  },
];

/** A workload's datagram to B, behind extension headers. */
function behind(headers: readonly number[], port: number): Packet {
  return extended(headers).udp(1, port);
}

/** The same without the datagram, which the last of the headers announces. */
function cutOff(headers: readonly number[]): Uint8Array {
  const last = 14 + 40 + (headers.length - 1) * 8;
  return patched(extended(headers), last, 17);
}

function extended(headers: readonly number[]): Packet {
  const start = eth(a.uplinkMac, c.uplinkMac).ipv6(wa6, b.underlay6);
  return headers.reduce(
    (packet, header) => packet.extension(header, header === 44 ? fragmented : padded),
    start,
  );
}
