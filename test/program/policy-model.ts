import { internetChecksum, ipv4Bytes, macBytes } from '../support/packet.js';
import { borrowed, nodes, pools, type NodeName } from '../support/world.js';

/**
 * What node A may decapsulate, said a second time from the policy's text: the inner packet, or undefined.
 * Plain and slow on purpose; shares nothing with the programs but the fields' places in the RFCs.
 */
export function decapsulable(frame: Uint8Array): Uint8Array | undefined {
  const outer = readIpv4(frame.subarray(14), frame.length - 14);
  if (text(frame.subarray(0, 6)) !== text(macBytes(nodes.a.uplinkMac))) return undefined;
  if (word(frame, 12) !== 0x0800 || outer === undefined) return undefined;
  if (outer.header !== 20 || (outer.fragment & 0x3fff) !== 0) return undefined;
  if (internetChecksum(frame.subarray(14, 34)) !== 0) return undefined;
  if (outer.destination !== nodes.a.underlay) return undefined;
  const sender = (['b', 'c'] as const).find((name) => nodes[name].underlay === outer.source);
  if (sender === undefined) return undefined;

  const carried = outer.protocol === 4 ? { encap: 'ipip', bytes: outer.payload } : vxlan(outer);
  if (carried === undefined) return undefined;
  const inner = readIpv4(carried.bytes, carried.bytes.length);
  if (inner === undefined || inner.ttl === 0) return undefined;
  const source = ownerOf(inner.source);
  if (source === undefined ? inner.source !== outer.source : source.node !== sender)
    return undefined;
  const destination = ownerOf(inner.destination);
  if (destination?.node !== 'a' || destination.encap !== carried.encap) return undefined;
  if ((outer.tos & 3) === 3 && (inner.tos & 3) === 0) return undefined;
  return carried.bytes.subarray(0, inner.total);
}

interface Ipv4Header {
  readonly header: number;
  readonly total: number;
  readonly tos: number;
  readonly fragment: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  readonly payload: Uint8Array;
}

/** RFC 791 section 3.1. */
function readIpv4(bytes: Uint8Array, room: number): Ipv4Header | undefined {
  if (bytes.length < 20) return undefined;
  const [first = 0, tos = 0] = bytes;
  const header = (first & 15) * 4;
  const total = word(bytes, 2);
  if (first >> 4 !== 4 || header < 20 || total < header || total > room) return undefined;
  return {
    header,
    total,
    tos,
    fragment: word(bytes, 6),
    ttl: bytes[8] ?? 0,
    protocol: bytes[9] ?? 0,
    source: bytes.subarray(12, 16).join('.'),
    destination: bytes.subarray(16, 20).join('.'),
    payload: bytes.subarray(header, total),
  };
}

/** RFC 768 and RFC 7348 section 5, with our port, VNI and VTEP. */
function vxlan(outer: Ipv4Header): { encap: string; bytes: Uint8Array } | undefined {
  const udp = outer.payload;
  const length = udp.length < 8 ? 0 : word(udp, 4);
  if (outer.protocol !== 17 || word(udp, 2) !== 4789) return undefined;
  if (length < 8 + 8 + 14 || length > udp.length) return undefined;
  const header = udp.subarray(8, 16);
  const frame = udp.subarray(16, length);
  if (text(header) !== text(Uint8Array.of(8, 0, 0, 0, 0, 0x10, 0, 0))) return undefined;
  if (text(frame.subarray(0, 6)) !== text(macBytes(nodes.a.vtepMac))) return undefined;
  return word(frame, 12) === 0x0800 ? { encap: 'vxlan', bytes: frame.subarray(14) } : undefined;
}

/** Whose block an address is in, and what its pool travels in. */
function ownerOf(address: string): { node: NodeName; encap: string } | undefined {
  const [first, second, third = 0, last = 0] = ipv4Bytes(address);
  const pool = pools.find(({ cidr }) => cidr.startsWith(`${first ?? 0}.${second ?? 0}.`));
  const node = (['a', 'b', 'c'] as const).find((name) => nodes[name].third === third);
  if (pool === undefined || node === undefined || last > 63) return undefined;
  return { node: address === borrowed ? 'b' : node, encap: pool.policy.otherSubnet };
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function text(bytes: Uint8Array): string {
  return bytes.join();
}
