import type { Family } from '../../src/net/address.js';
import { ecn, type Ecn } from './packet.js';

// Fields of frames, found where the RFCs put them.

/** Where the outer IP header starts. */
export const ethernetBytes = 14;

const headerBytes = { ipv4: 20, ipv6: 40 } as const;

/** Which family the Ethernet header announces. */
export function familyIn(frame: Uint8Array): Family {
  return u16At(frame, 12) === 0x0800 ? 'ipv4' : 'ipv6';
}

/** Length of the first IP header, without options. */
export function ipBytesOf(frame: Uint8Array): number {
  return headerBytes[familyIn(frame)];
}

/** TOS or traffic class of the header that stands there. */
export function tosAt(frame: Uint8Array, at = ethernetBytes): number {
  const start = u16At(frame, at);
  return start >> 12 === 4 ? start & 0xff : (start >> 4) & 0xff;
}

/** TTL or hop limit. */
export function ttlAt(frame: Uint8Array, at = ethernetBytes): number {
  return frame[at + (u16At(frame, at) >> 12 === 4 ? 8 : 7)] ?? 0;
}

/** RFC 6437; of IPv6 only. */
export function flowLabelAt(frame: Uint8Array, at = ethernetBytes): number {
  return ((u16At(frame, at) & 0xf) << 16) | u16At(frame, at + 2);
}

/** The UDP source port behind the first IP header. */
export function sourcePortOf(frame: Uint8Array): number {
  return u16At(frame, ethernetBytes + ipBytesOf(frame));
}

/** A TOS or traffic class. */
export function tosOf(dscp: number, codepoint: Ecn): number {
  return (dscp << 2) | ecn[codepoint];
}

/** Two bytes in network order. */
export function u16At(frame: Uint8Array, at: number): number {
  return ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
}
