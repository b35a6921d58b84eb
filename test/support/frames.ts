import { eth, type Ipv4Options, type Packet } from './packet.js';
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

/** A frame with some bytes overwritten. */
export function patched(packet: Packet, offset: number, ...bytes: readonly number[]): Uint8Array {
  const frame = packet.bytes();
  frame.set(bytes, offset);
  return frame;
}

/** From a workload on A to one on B, and back. */
export const toB = pooled('10.244.1.5', '10.244.2.9').udp(1, 2).raw('to B');
export const fromB = inVxlan('10.244.2.9', '10.244.1.5').udp(1, 2).raw('from B');
