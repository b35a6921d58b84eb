import { addressFromBytes } from '../net/address.js';

// Words for the fields of headers.

/** One header of a frame in words: `UDP`, `7777 > 8888, 26 bytes`. */
export interface Layer {
  readonly name: string;
  readonly says: string;
  /** What it takes of the frame; of one that carries no more headers, all that is behind it too. */
  readonly bytes: number;
}

/** RFC 8200 section 4: headers between IPv6 and what it carries. */
export const extensions = new Map([
  [0, 'Hop-by-hop options'],
  [43, 'Routing header'],
  [44, 'Fragment header'],
  [60, 'Destination options'],
]);

/** What is no header of ours to read. */
export function data(bytes: Uint8Array): Layer {
  return { name: 'data', says: `${bytes.length} bytes`, bytes: bytes.length };
}

/** A header that ends before it should. */
export function cut(name: string, { length }: Uint8Array): Layer {
  return { name, says: `cut off: ${length} bytes are there`, bytes: length };
}

/** What the link put behind a packet. */
export function trailer(bytes: number): Layer {
  return { name: 'trailer', says: `${bytes} bytes that belong to no packet`, bytes };
}

/** What an IP header leaves for the rest. */
export function payload(bytes: Uint8Array, header: number, total: number) {
  const end = Math.min(Math.max(total, header), bytes.length);
  return { bytes: bytes.subarray(header, end), trailing: bytes.length - end };
}

/** Source and destination address. */
export function ends(source: Uint8Array, destination: Uint8Array): string {
  return `${addressFromBytes(source)} > ${addressFromBytes(destination)}`;
}

/** Source and destination port. */
export function ports(bytes: Uint8Array): string {
  return `${u16(bytes, 0)} > ${u16(bytes, 2)}`;
}

/** What follows an IP header, by its number. */
export function protocolName(protocol: number): string {
  return names.get(protocol) ?? `protocol ${protocol}`;
}

const names = new Map([
  ...extensions,
  [1, 'ICMP'],
  [4, 'IPv4 in IP'],
  [6, 'TCP'],
  [17, 'UDP'],
  [41, 'IPv6 in IP'],
  [58, 'ICMPv6'],
  [59, 'no next header'],
  [132, 'SCTP'],
]);

/** RFC 2474, RFC 3168 section 5. */
export function tosText(tos: number): string {
  return words(`dscp ${tos >> 2}`, `ecn ${codepoints[tos & 3] ?? ''}`);
}

const codepoints = ['not-ECT', 'ECT(1)', 'ECT(0)', 'CE'];

/** What a header says of its length, and what is there where that is less. */
export function bytesText(says: number, there: number): string {
  return says > there ? `${says} bytes, of which ${there} are there!` : `${says} bytes`;
}

/** The parts that there are. */
export function words(...parts: readonly (string | false)[]): string {
  return parts.filter((part) => part !== false).join(', ');
}

/** 16 bits in network order. */
export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** So many hexadecimal digits. */
export function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}
