import { addressToBytes, familyOf, type Address, type Family } from './address.js';

export const flowProtocols = ['tcp', 'udp', 'icmp'] as const;

/** icmp stands for the echo request of either family. */
export type FlowProtocol = (typeof flowProtocols)[number];

/** An IP packet, as far as somebody asks for it. */
export interface Flow {
  readonly source: Address;
  /** Of the source's family. */
  readonly destination: Address;
  readonly protocol: FlowProtocol;
  /** Of ICMP they are nothing. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Of the whole IP packet: `leastBytes` or more. */
  readonly sizeBytes: number;
}

/** Bytes of the headers alone. */
export function leastBytes(family: Family, protocol: FlowProtocol): number {
  return headerBytes[family] + { tcp: 20, udp: 8, icmp: 8 }[protocol];
}

/** The packet with right checksums, filled with zeros, not to be fragmented (RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 792, RFC 4443). */
export function packetOf(flow: Flow): Uint8Array {
  const { source, destination, protocol, sizeBytes } = flow;
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  const family = familyOf(source);
  const isIpv4 = family === 'ipv4';
  const number = { tcp: 6, udp: 17, icmp: isIpv4 ? 1 : 58 }[protocol];
  const start = headerBytes[family];
  if (isIpv4) {
    bytes.set([0x45, 0]);
    view.setUint16(2, sizeBytes);
    view.setUint16(6, 0x4000); // DF
    bytes.set([ttl, number], 8);
    bytes.set(addressToBytes(source), 12);
    bytes.set(addressToBytes(destination), 16);
    view.setUint16(10, checksum(bytes.subarray(0, start)));
  } else {
    bytes[0] = 0x60;
    view.setUint16(4, sizeBytes - start);
    bytes.set([number, ttl], 6);
    bytes.set(addressToBytes(source), 8);
    bytes.set(addressToBytes(destination), 24);
  }
  writeTransport(view, start, flow);
  const sum = checksum(
    bytes.subarray(start),
    number === 1 ? 0 : pseudoHeader(flow, number, sizeBytes - start),
  );
  // RFC 768: a sum of zero is sent as all ones
  view.setUint16(start + checksumAt[protocol], protocol === 'udp' && sum === 0 ? 0xffff : sum);
  return bytes;
}

const ttl = 64;

const checksumAt: Readonly<Record<FlowProtocol, number>> = { tcp: 16, udp: 6, icmp: 2 };

const headerBytes: Readonly<Record<Family, number>> = { ipv4: 20, ipv6: 40 };

function writeTransport(
  view: DataView,
  start: number,
  { source, protocol, sourcePort, destinationPort, sizeBytes }: Flow,
): void {
  if (protocol === 'icmp') {
    view.setUint8(start, familyOf(source) === 'ipv4' ? 8 : 128); // echo request
    return;
  }
  view.setUint16(start, sourcePort);
  view.setUint16(start + 2, destinationPort);
  if (protocol === 'udp') view.setUint16(start + 4, sizeBytes - start);
  else view.setUint16(start + 12, 0x5010); // five words; ACK
}

/** RFC 9293 section 3.1, RFC 8200 section 8.1: the same sum, for lengths below 64 KiB. */
function pseudoHeader({ source, destination }: Flow, protocol: number, length: number): number {
  return sumOf(addressToBytes(source)) + sumOf(addressToBytes(destination)) + protocol + length;
}

/** RFC 1071. */
function checksum(bytes: Uint8Array, start = 0): number {
  let sum = start + sumOf(bytes);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2)
    sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return sum;
}
