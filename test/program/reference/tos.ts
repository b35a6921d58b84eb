import { internetChecksum } from '../../support/packet.js';
import type { Ip } from './ip.js';
import type { Switches } from './world.js';

/** RFC 3168 section 5: the two bits under the DSCP. */
const codepoints = { notEct: 0, ect1: 1, ect0: 2, ce: 3 } as const;

/** The TOS of the outer header: RFC 6040 section 4.1 (normal mode) for ECN, RFC 2983 for the DSCP. */
export function outerTos(innerTos: number, dscp: Switches['dscp']): number {
  return typeof dscp === 'string' ? innerTos : (dscp.pipe << 2) | (innerTos & 3);
}

/** The inner packet with what happened to the outer header on its way, RFC 6040 section 4.2; undefined: to be dropped. */
export function withTosOf(
  outerTos: number,
  inner: Ip,
  dscp: Switches['dscp'],
): Uint8Array | undefined {
  const ecn = merged(outerTos & 3, inner.tos & 3);
  if (ecn === undefined) return undefined;
  const tos = ((dscp === 'uniform' ? outerTos : inner.tos) & 0xfc) | ecn;
  const packet = inner.bytes.slice(0, inner.totalBytes);
  if (tos !== inner.tos) setTos(packet, inner, tos);
  return packet;
}

/** Figure 4: inner ECN under outer ECN. */
function merged(outer: number, inner: number): number | undefined {
  if (outer === codepoints.ce) return inner === codepoints.notEct ? undefined : codepoints.ce;
  return outer === codepoints.ect1 && inner === codepoints.ect0 ? codepoints.ect1 : inner;
}

/** Writes the TOS or traffic class. A checksum that was wrong stays as wrong as it was (RFC 1624). */
function setTos(packet: Uint8Array, { family, headerBytes }: Ip, tos: number): void {
  if (family === 'ipv6') {
    packet[0] = 0x60 | (tos >> 4);
    packet[1] = ((tos & 15) << 4) | ((packet[1] ?? 0) & 15);
    return;
  }
  const fault = internetChecksum(packet.subarray(0, headerBytes));
  packet[1] = tos;
  packet.fill(0, 10, 12);
  const right = internetChecksum(packet.subarray(0, headerBytes));
  const kept = fault === 0 ? right : right + 0xffff - fault;
  const checksum = kept > 0xffff ? kept - 0xffff : kept;
  packet.set([checksum >> 8, checksum & 255], 10);
}
