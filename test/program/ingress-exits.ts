import type { Cidr } from '../../src/net/cidr.js';
import { noPolicy } from '../../src/datapath/entry.js';
import { block, poke, type Exit } from '../support/exit.js';
import {
  arriving,
  arriving6,
  fromB,
  fromB6,
  inIpip,
  inVxlan,
  inVxlan6,
  jumbo,
  patched,
  tooBig,
  vxlan,
  vxlan6,
  wa6,
  wb6,
} from '../support/frames.js';
import { eth, macBytes } from '../support/packet.js';
import { nodes } from '../support/world.js';

const { a, b, c } = nodes;

/** To an address that is none of A's, by A's MAC: A is asked to route it. */
const elsewhere = eth(b.uplinkMac, a.uplinkMac).ipv4(b.underlay, '198.51.100.7');

/** Every way out of the ingress program. */
export const ingressExits: readonly Exit[] = [
  { verdict: 'DECAPSULATED', title: 'a packet from a block of B', packet: fromB },
  {
    verdict: 'PASS_NOT_HOST',
    title: 'a flooded frame for our address',
    packet: eth(b.uplinkMac, c.uplinkMac).ipv4(b.underlay, a.underlay).udp(1, 4789),
  },
  {
    verdict: 'PASS_NOT_HOST',
    title: 'a flooded frame with no IP header',
    packet: flooded(patched(fromB, 14, 0x15)),
  },
  ...[0x15, 0x44].map((first): Exit => ({
    verdict: 'PASS_NOT_OURS',
    title: `a header that starts with ${first.toString(16)}, to another address`,
    packet: patched(elsewhere.udp(50000, 4789).vxlan(4096), 14, first),
  })),
  {
    verdict: 'PASS_NOT_OURS',
    title: 'a damaged header to another address',
    packet: patched(elsewhere.udp(50000, 4789).vxlan(4096), 22, 9),
  },
  {
    verdict: 'PASS_NOT_OURS',
    title: 'IPv6 that is none, to another address',
    packet: patched(
      eth(b.uplinkMac, a.uplinkMac).ipv6(b.underlay6, 'fd00:1::77').udp(50000, 4789).vxlan(4096),
      14,
      0x45,
    ),
  },
  {
    verdict: 'PASS_NOT_OURS',
    title: 'an IHL of 4 before what is no tunnel: the stack’s to drop',
    packet: patched(arriving({ protocol: 6 }).raw('SYN?'), 14, 0x44),
  },
  {
    verdict: 'PASS_NOT_OURS',
    title: 'ICMP behind an IHL of 4',
    packet: patched(arriving({ protocol: 1 }).raw('12345678'), 14, 0x44),
  },
  {
    verdict: 'PASS_PATH_MTU',
    title: 'a router that cannot forward our tunnel packets',
    packet: tooBig(
      1400,
      eth(a.uplinkMac, b.uplinkMac)
        .ipv4(a.underlay, b.underlay, { dontFragment: true })
        .udp(50000, 4789)
        .vxlan(4096)
        .raw(new Uint8Array(1464)),
    ),
  },
  {
    verdict: 'PASS_NOT_HOST',
    title: 'a router’s word that the switch flooded',
    packet: flooded(tooBig(1400, arriving().udp(50000, 4789))),
  },
  { verdict: 'PASS_NOT_OURS', title: 'DNS', packet: arriving().udp(1, 53) },
  {
    verdict: 'PASS_NOT_OURS',
    title: 'a later fragment of a datagram: its port is not known',
    packet: arriving({ fragmentOffset: 8, protocol: 17 }).raw('12345678'),
  },
  {
    verdict: 'PASS_FOREIGN_VNI',
    title: 'another overlay on our port',
    packet: arriving()
      .udp(50000, 4789)
      .vxlan(4097)
      .eth(b.vtepMac, a.vtepMac)
      .ipv4('10.0.0.1', '10.0.0.2'),
  },
  {
    verdict: 'PASS_NOT_OURS',
    title: 'a packet to a node that has no address yet',
    packet: fromB,
    given: poke('peers', 0, new Uint8Array(32)),
  },
  {
    verdict: 'DROP_GSO_TYPE',
    title: 'a received super-packet of no known type',
    packet: inVxlan('10.244.2.9', '10.244.1.5').tcp(1, 2).raw('x'),
    origin: { gsoSize: 1000 },
  },
  {
    verdict: 'DROP_INNER_UDP_GSO',
    title: 'a received UDP super-packet',
    packet: fromB,
    origin: { gsoSize: 1000 },
  },
  {
    verdict: 'DROP_INNER_IP_MALFORMED',
    title: 'VXLAN packets that the kernel merged as plain UDP',
    packet: patched(inVxlan('10.244.2.9', '10.244.1.5').raw('two'), 66, 0, 20),
    origin: { gsoSize: 1000 },
  },
  {
    verdict: 'DROP_OUTER_IP_MALFORMED',
    title: 'a total length beyond the frame',
    packet: patched(fromB, 16, 4, 0),
  },
  { verdict: 'DROP_OUTER_IP_MALFORMED', title: 'an IHL of 4', packet: patched(fromB, 14, 0x44) },
  {
    verdict: 'DROP_OUTER_IP_MALFORMED',
    title: 'IPv6 that is none',
    packet: patched(fromB6, 14, 0x45),
  },
  {
    verdict: 'DROP_OUTER_IP_OPTIONS',
    title: 'outer options',
    packet: arriving({ options: Uint8Array.of(1, 1, 1, 0) })
      .udp(1, 4789)
      .vxlan(4096),
  },
  {
    verdict: 'DROP_OUTER_FRAG',
    title: 'a first outer fragment',
    packet: arriving({ moreFragments: true }).udp(1, 4789).vxlan(4096),
  },
  {
    verdict: 'DROP_OUTER_FRAG',
    title: 'a later IPIP fragment',
    packet: arriving({ fragmentOffset: 9 }).ipv4('10.245.2.9', '10.245.1.5'),
  },
  { verdict: 'DROP_OUTER_CSUM', title: 'a damaged outer header', packet: patched(fromB, 22, 9) },
  {
    verdict: 'DROP_OUTER_MARTIAN',
    title: 'our own address as source',
    packet: vxlan(a.underlay).eth(b.vtepMac, a.vtepMac).ipv4('10.244.2.9', '10.244.1.5'),
  },
  {
    verdict: 'DROP_UDP_MALFORMED',
    title: 'a UDP length beyond the packet',
    packet: patched(fromB, 38, 4, 0),
  },
  {
    verdict: 'DROP_UNKNOWN_PEER',
    title: 'a machine that is no node',
    packet: vxlan('203.0.113.66').eth(b.vtepMac, a.vtepMac).ipv4('10.244.2.9', '10.244.1.5'),
  },
  {
    verdict: 'DROP_UNKNOWN_PEER',
    title: 'a node that may not send IPIP',
    packet: inIpip('10.245.2.9', '10.245.1.5').udp(1, 2),
    given: ({ tables }) => tables.sources.set(b.underlay, { peer: 2, accepted: ['vxlan'] }),
  },
  { verdict: 'DROP_VXLAN_SHORT', title: 'an empty datagram', packet: arriving().udp(1, 4789) },
  { verdict: 'DROP_VXLAN_FLAGS', title: 'group based policy', packet: patched(fromB, 42, 0x88) },
  { verdict: 'DROP_INNER_SHORT', title: 'VXLAN without a frame', packet: vxlan() },
  {
    verdict: 'DROP_INNER_MAC',
    title: "another VTEP's MAC",
    packet: vxlan().eth(b.vtepMac, c.vtepMac).ipv4('10.244.2.9', '10.244.1.5'),
  },
  { verdict: 'DROP_INNER_PROTO', title: 'ARP inside', packet: patched(fromB, 62, 0x08, 0x06) },
  {
    verdict: 'DROP_INNER_IP_MALFORMED',
    title: 'IPv4 that is said to be IPv6',
    packet: patched(fromB.raw(new Uint8Array(20)), 62, 0x86, 0xdd),
  },
  {
    verdict: 'DROP_INNER_FAMILY',
    title: 'IPv6 over IPv4, whose pool travels over IPv6',
    packet: vxlan().eth(b.vtepMac, a.vtepMac).ipv6(wb6, wa6).udp(1, 2),
  },
  {
    verdict: 'DROP_INNER_FAMILY',
    title: 'IPv4 over IPv6, whose pool travels over IPv4',
    packet: vxlan6().eth(b.vtepMac, a.vtepMac).ipv4('10.244.2.9', '10.244.1.5').udp(1, 2),
  },
  { verdict: 'DECAPSULATED', title: 'IPv6 from a block of B', packet: fromB6 },
  {
    verdict: 'DECAPSULATED',
    title: "IPv6 from B's own address",
    packet: inVxlan6(b.underlay6, wa6).udp(1, 2),
  },
  {
    verdict: 'PASS_NOT_OURS',
    title: 'ports behind an IPv6 extension header are not looked for',
    packet: arriving6().extension(60).udp(50000, 4789).vxlan(4096),
  },
  {
    verdict: 'PASS_NOT_OURS',
    title: 'an IPv6 fragment',
    packet: arriving6().extension(44, [0, 1, 0, 0, 0, 9]).udp(50000, 4789).vxlan(4096),
  },
  {
    verdict: 'PASS_NOT_OURS',
    title: 'protocol 41, which is nobody’s while no pool wants it',
    packet: arriving6().ipv6(wb6, wa6).udp(1, 2),
  },
  {
    verdict: 'PASS_NOT_OURS',
    title: 'protocol 4 over IPv6',
    packet: arriving6().ipv4('10.245.2.9', '10.245.1.5').udp(1, 2),
  },
  {
    verdict: 'DROP_OUTER_IP_MALFORMED',
    title: 'an IPv6 payload length beyond the frame',
    packet: arriving6({ payloadLength: 5000 }).udp(50000, 4789).vxlan(4096),
  },
  {
    verdict: 'DROP_OUTER_MARTIAN',
    title: 'our own IPv6 address as source',
    packet: vxlan6(a.underlay6).eth(b.vtepMac, a.vtepMac).ipv6(wb6, wa6).udp(1, 2),
  },
  {
    verdict: 'DROP_UNKNOWN_PEER',
    title: 'a machine that is no node, over IPv6',
    packet: vxlan6('2001:db8::66').eth(b.vtepMac, a.vtepMac).ipv6(wb6, wa6).udp(1, 2),
  },
  {
    verdict: 'DROP_INNER_SHORT',
    title: 'an IPv6 header that is cut off',
    packet: patched(vxlan6().eth(b.vtepMac, a.vtepMac).raw(new Uint8Array(20)), 82, 0x86, 0xdd),
  },
  {
    verdict: 'DROP_INNER_IP_MALFORMED',
    title: 'a jumbogram (RFC 2675)',
    packet: inVxlan6(wb6, wa6, { payloadLength: 0, nextHeader: 0 }).raw(jumbo),
  },
  {
    verdict: 'DECAPSULATED',
    title: 'an IPv6 header and no more (RFC 8200 section 4.7)',
    packet: inVxlan6(wb6, wa6, { nextHeader: 59 }),
  },
  {
    verdict: 'DROP_INNER_TTL',
    title: 'an inner hop limit of 0',
    packet: inVxlan6(wb6, wa6, { hopLimit: 0 }).udp(1, 2),
  },
  {
    verdict: 'DROP_INNER_MARTIAN',
    title: 'a link-local address inside',
    packet: inVxlan6('fe80::5', wa6).udp(1, 2),
  },
  {
    verdict: 'DROP_INNER_MARTIAN',
    title: 'the IPv6 loopback inside',
    packet: inVxlan6('::1', wa6).udp(1, 2),
  },
  {
    verdict: 'DROP_INNER_MARTIAN',
    title: 'an IPv6 multicast group inside',
    packet: inVxlan6(wb6, 'ff0e::1').udp(1, 2),
  },
  {
    verdict: 'DROP_INNER_SRC',
    title: 'IPv6 from an address of ours',
    packet: inVxlan6('fd00:244:0:1::7', wa6).udp(1, 2),
  },
  {
    verdict: 'DROP_INNER_DST',
    title: 'an IPv6 relay',
    packet: inVxlan6(wb6, '2001:db8::7').udp(1, 2),
  },
  {
    verdict: 'DROP_ECN',
    title: 'CE outside, not-ECT inside, over IPv6',
    packet: arriving6({ ecn: 'ce' })
      .udp(50000, 4789, { checksum: 'zero' })
      .vxlan(4096)
      .eth(b.vtepMac, a.vtepMac)
      .ipv6(wb6, wa6)
      .udp(1, 2),
  },
  {
    verdict: 'PASS_FOREIGN_VNI',
    title: 'another IPv6 overlay on our port',
    packet: arriving6().udp(50000, 4789).vxlan(4097).eth(b.vtepMac, a.vtepMac).ipv6(wb6, wa6),
  },
  {
    verdict: 'DROP_INNER_IP_MALFORMED',
    title: 'an inner total length beyond the datagram',
    packet: patched(fromB, 66, 4, 0),
  },
  {
    verdict: 'DROP_INNER_TTL',
    title: 'an inner TTL of 0',
    packet: inVxlan('10.244.2.9', '10.244.1.5', { ttl: 0 }),
  },
  {
    verdict: 'DROP_INNER_MARTIAN',
    title: 'loopback inside',
    packet: inVxlan('127.0.0.1', '10.244.1.5'),
  },
  {
    verdict: 'DROP_INNER_SRC',
    title: 'an address of C, from B',
    packet: inVxlan('10.244.3.9', '10.244.1.5'),
  },
  {
    verdict: 'DROP_NO_POLICY',
    title: 'a destination in a pool that is not ours to route',
    packet: fromB,
    given: block('10.244.1.0/26', 0, noPolicy),
  },
  {
    verdict: 'DECAPSULATED',
    title: 'a source in a pool that is not ours to route: the destination’s pool decides',
    packet: fromB,
    given: block('10.244.2.0/26', 2, noPolicy),
  },
  {
    verdict: 'DROP_MODE_MISMATCH',
    title: 'to an address of an IPIP pool in VXLAN',
    packet: inVxlan('10.244.2.9', '10.245.1.5'),
  },
  {
    verdict: 'DROP_INNER_DST',
    title: 'a relay to the internet',
    packet: inVxlan('10.244.2.9', '198.51.100.7'),
  },
  {
    verdict: 'DROP_ECN',
    title: 'CE outside, not-ECT inside',
    packet: arriving({ ecn: 'ce' }).ipv4('10.245.2.9', '10.245.1.5'),
  },
  {
    verdict: 'DECAPSULATED',
    title: 'an external node, with its own address inside',
    packet: vxlan('198.51.100.1').eth(b.vtepMac, a.vtepMac).ipv4('198.51.100.1', '10.244.1.5'),
    given: ({ tables }) =>
      tables.externals.set('198.51.100.0/24' as Cidr, { peer: 0xffffffff, accepted: ['vxlan'] }),
  },
  {
    verdict: 'DROP_INNER_SRC',
    title: 'an external node, with an address of B inside',
    packet: vxlan('198.51.100.1').eth(b.vtepMac, a.vtepMac).ipv4('10.244.2.9', '10.244.1.5'),
    given: ({ tables }) =>
      tables.externals.set('198.51.100.0/24' as Cidr, { peer: 0xffffffff, accepted: ['vxlan'] }),
  },
];

/** To another machine's MAC. */
function flooded(frame: Uint8Array): Uint8Array {
  frame.set(macBytes(c.uplinkMac), 0);
  return frame;
}
