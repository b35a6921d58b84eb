import { addressFromBytes, type Address, type Family } from '../../../src/net/address.js';

/** An IP header as it is written, whether or not it makes sense. */
export interface Ip {
  readonly family: Family;
  readonly source: Address;
  readonly destination: Address;
  /** DSCP and ECN, RFC 2474 and RFC 3168: the TOS or the traffic class. */
  readonly tos: number;
  readonly ttl: number;
  /** What follows the header itself. */
  readonly protocol: number;
  readonly headerBytes: number;
  /** Of header and payload, as the header has it. */
  readonly totalBytes: number;
  readonly fragment: 'whole' | 'first' | 'later';
  /** IPv6 packets are never cut on their way. */
  readonly dontFragment: boolean;
  /**
   * What is wrong with it: it is no such header at all, it is cut off, or the packet is shorter than it says. Of the
   * last, a super-packet's length that its field cannot hold is one more (RFC 2675).
   */
  readonly fault: 'header' | 'cut' | 'length' | undefined;
  readonly bytes: Uint8Array;
}

export const protocols = { hopByHop: 0, icmp: 1, ipip: 4, udp: 17, ipv6: 41, icmpv6: 58 } as const;

export const etherTypes: ReadonlyMap<number, Family> = new Map([
  [0x0800, 'ipv4'],
  [0x86dd, 'ipv6'],
]);

/** A header's shortest form; the fields that are read lie in it. */
export const shortest: Readonly<Record<Family, number>> = { ipv4: 20, ipv6: 40 };

/** The header at the start of `bytes`, all of which may belong to the packet; undefined: too short for one. */
export function readIp(family: Family, bytes: Uint8Array): Ip | undefined {
  if (bytes.length < shortest[family]) return undefined;
  return family === 'ipv4' ? ipv4(bytes) : ipv6(bytes);
}

/** What the header carries, without what the link put behind it. */
export function payloadOf({ bytes, headerBytes, totalBytes }: Ip): Uint8Array {
  return bytes.subarray(headerBytes, totalBytes);
}

/** What of a packet tells its transport. */
export type Upper = Pick<Ip, 'protocol' | 'fragment' | 'bytes' | 'headerBytes'> & {
  /** Whether half a UDP header, its ports, says enough. */
  readonly isHidden?: boolean;
};

/** RFC 768. A later fragment has no ports; what ends within them has none either. */
export function isToPort(upper: Upper, port: number): boolean {
  const { protocol, fragment, bytes, headerBytes, isHidden = false } = upper;
  const udp = bytes.subarray(headerBytes);
  return (
    protocol === protocols.udp &&
    fragment !== 'later' &&
    udp.length >= (isHidden ? 4 : 8) &&
    u16(udp, 2) === port
  );
}

/** Hop-by-hop, routing, fragment, authentication, destination options, mobility: RFC 8200 section 4, RFC 4302, RFC 6275. */
const extensions: ReadonlySet<number> = new Set([0, 43, 44, 51, 60, 135]);

/**
 * What stands behind an IPv6 packet's extension headers. Hidden: after eight of them nobody looks, and of a first
 * fragment they may go on in the next.
 */
export function behindExtensions(packet: Ip): Upper | 'hidden' {
  const { family, bytes } = packet;
  let { protocol, headerBytes } = packet;
  if (family === 'ipv4' || !extensions.has(protocol)) return packet;
  const nothing = { ...packet, protocol: noNextHeader };
  let beyond: typeof nothing | 'hidden' = nothing;
  for (let seen = 0; extensions.has(protocol); seen += 1) {
    if (bytes.length < headerBytes + 4) return beyond;
    if (seen === 8) return 'hidden';
    const [next = 0, length = 0] = bytes.subarray(headerBytes);
    if (protocol === 44 && (u16(bytes, headerBytes + 2) & 0xfff8) !== 0) return nothing;
    if (protocol === 44) beyond = 'hidden';
    headerBytes += protocol === 44 ? 8 : protocol === 51 ? (length + 2) * 4 : (length + 1) * 8;
    protocol = next;
  }
  if (protocol === protocols.udp && bytes.length < headerBytes + 4) return beyond;
  return { ...packet, protocol, headerBytes, isHidden: true };
}

const noNextHeader = 59;

/** RFC 791 section 3.1. */
function ipv4(bytes: Uint8Array): Ip {
  const [first = 0] = bytes;
  const headerBytes = (first & 15) * 4;
  const totalBytes = u16(bytes, 2);
  const fragmentation = u16(bytes, 6);
  const offset = fragmentation & 0x1fff;
  return {
    family: 'ipv4',
    source: addressFromBytes(bytes.subarray(12, 16)),
    destination: addressFromBytes(bytes.subarray(16, 20)),
    tos: bytes[1] ?? 0,
    ttl: bytes[8] ?? 0,
    protocol: bytes[9] ?? 0,
    headerBytes,
    totalBytes,
    dontFragment: (fragmentation & 0x4000) !== 0,
    fragment: offset !== 0 ? 'later' : (fragmentation & 0x2000) !== 0 ? 'first' : 'whole',
    fault:
      first >> 4 !== 4 || headerBytes < shortest.ipv4
        ? 'header'
        : headerBytes > bytes.length
          ? 'cut'
          : totalBytes < headerBytes || totalBytes > bytes.length
            ? 'length'
            : undefined,
    bytes,
  };
}

/** RFC 8200 section 3; a payload of 0 bytes behind which hop-by-hop options stand is a jumbogram (RFC 2675). */
function ipv6(bytes: Uint8Array): Ip {
  const payloadBytes = u16(bytes, 4);
  const protocol = bytes[6] ?? 0;
  const totalBytes = shortest.ipv6 + payloadBytes;
  return {
    family: 'ipv6',
    source: addressFromBytes(bytes.subarray(8, 24)),
    destination: addressFromBytes(bytes.subarray(24, 40)),
    tos: (u16(bytes, 0) >> 4) & 0xff,
    ttl: bytes[7] ?? 0,
    protocol,
    headerBytes: shortest.ipv6,
    totalBytes,
    fragment: 'whole',
    dontFragment: true,
    fault:
      (bytes[0] ?? 0) >> 4 !== 6
        ? 'header'
        : totalBytes > bytes.length || (payloadBytes === 0 && protocol === protocols.hopByHop)
          ? 'length'
          : undefined,
    bytes,
  };
}

/** 16 bits in network order. */
export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
