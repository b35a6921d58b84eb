import {
  eth,
  internetChecksum,
  ipBytes,
  type Ipv4Options,
  type Ipv6Options,
  type Packet,
} from './packet.js';
import { nodes } from './world.js';

const { a, b, c } = nodes;

/** NOBODY's MAC: what a packet that took a pool route is addressed to. */
export const nobody = '02:fe:fe:fe:fe:fe';

/** A packet that took a pool route on node A. */
export function pooled(source: string, destination: string, options: Ipv4Options = {}): Packet {
  return eth(a.uplinkMac, nobody).ipv4(source, destination, options);
}

/** A packet of a workload on A that took another route, over the router. */
export function routed(destination: string): Packet {
  return eth(a.uplinkMac, c.uplinkMac).ipv4('10.244.1.5', destination);
}

/** A packet to node A's own address; from B unless said otherwise. */
export function arriving(options: Ipv4Options = {}, source: string = b.underlay): Packet {
  return eth(b.uplinkMac, a.uplinkMac).ipv4(source, a.underlay, options);
}

/** The same, up to the VXLAN header of our VNI. */
export function vxlan(source?: string): Packet {
  return arriving({}, source).udp(50000, 4789, { checksum: 'zero' }).vxlan(4096);
}

/** A packet that B sends to A in VXLAN. */
export function inVxlan(source: string, destination: string, options: Ipv4Options = {}): Packet {
  return vxlan().eth(b.vtepMac, a.vtepMac).ipv4(source, destination, options);
}

/** A packet that B sends to A in IPIP. */
export function inIpip(source: string, destination: string, options: Ipv4Options = {}): Packet {
  return arriving().ipv4(source, destination, options);
}

/** The same over IPv6. */
export function arriving6(options: Ipv6Options = {}, source: string = b.underlay6): Packet {
  return eth(b.uplinkMac, a.uplinkMac).ipv6(source, a.underlay6, options);
}

export function vxlan6(source?: string): Packet {
  return arriving6({}, source).udp(50000, 4789, { checksum: 'zero' }).vxlan(4096);
}

/** An IPv6 packet that B sends to A in VXLAN over IPv6. */
export function inVxlan6(source: string, destination: string, options: Ipv6Options = {}): Packet {
  return vxlan6().eth(b.vtepMac, a.vtepMac).ipv6(source, destination, options);
}

/** An IPv6 packet that took a pool route on node A. */
export function pooled6(source: string, destination: string, options: Ipv6Options = {}): Packet {
  return eth(a.uplinkMac, nobody).ipv6(source, destination, options);
}

/** Addresses of workloads on A and B in the corpus' IPv6 pool. */
export const [wa6, wb6] = ['fd00:244:0:1::5', 'fd00:244:0:2::9'];

/** Hop-by-hop options that say 100,000 bytes, RFC 2675 section 2: UDP's header alone is there. */
export const jumbo = Uint8Array.of(17, 0, 0xc2, 4, 0, 1, 0x86, 0xa0, 0, 1, 0, 2, 0, 0, 0, 0);

/** A frame with some bytes overwritten. */
export function patched(packet: Packet, offset: number, ...bytes: readonly number[]): Uint8Array {
  const frame = packet.bytes();
  frame.set(bytes, offset);
  return frame;
}

/** From a workload on A to one on B, and back. */
export const toB = pooled('10.244.1.5', '10.244.2.9').udp(1, 2).raw('to B');
export const toB6 = pooled6(wa6, wb6).udp(1, 2).raw('to B');
export const fromB6 = inVxlan6(wb6, wa6).udp(1, 2).raw('from B');
export const fromB = inVxlan('10.244.2.9', '10.244.1.5').udp(1, 2).raw('from B');

/** What a router on the way says of a tunnel packet of A's: too big, so many bytes would fit (RFC 1191, RFC 8201). */
export function tooBig(
  mtu: number,
  sent: Pick<Packet, 'bytes'>,
  options: { damaged?: boolean } = {},
): Uint8Array {
  const quoted = sent.bytes();
  const isIpv6 = quoted[12] === 0x86;
  const outer = isIpv6
    ? eth(c.uplinkMac, a.uplinkMac).ipv6('fd00:1::fe', a.underlay6, { nextHeader: 58 })
    : eth(c.uplinkMac, a.uplinkMac).ipv4('192.168.1.254', a.underlay, { protocol: 1 });
  const message = new Uint8Array(8 + quoted.length - 14);
  message.set(isIpv6 ? [2, 0] : [3, 4]);
  new DataView(message.buffer).setUint32(4, mtu);
  message.set(quoted.subarray(14), 8);
  const pseudo = isIpv6
    ? [ipBytes('fd00:1::fe'), ipBytes(a.underlay6), Uint8Array.of(0, 0, message.length >> 8)]
    : [];
  const sum = internetChecksum(
    ...pseudo,
    ...(isIpv6 ? [Uint8Array.of(message.length & 255, 0, 0, 0, 58)] : []),
    message,
  );
  new DataView(message.buffer).setUint16(2, options.damaged === true ? sum ^ 1 : sum);
  return outer.raw(message).bytes();
}
