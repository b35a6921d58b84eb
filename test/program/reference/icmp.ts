import { addressToBytes } from '../../../src/net/address.js';
import { internetChecksum } from '../../support/packet.js';
import { payloadOf, protocols, u16, type Ip } from './ip.js';

/** Whether a packet is ICMP of its own family. */
export function isIcmp({ family, protocol }: Ip): boolean {
  return protocol === (family === 'ipv4' ? protocols.icmp : protocols.icmpv6);
}

/** An error message: nobody is ever told of these (RFC 1122 section 3.2.2, RFC 4443 section 2.4 e). */
export function isIcmpError(packet: Ip): boolean {
  const [type] = payloadOf(packet);
  if (!isIcmp(packet) || packet.fragment === 'later' || type === undefined) return false;
  return packet.family === 'ipv4' ? [3, 4, 5, 11, 12].includes(type) : type < 128;
}

/** 0 where a message has the right checksum, else what is missing: RFC 792, RFC 4443 section 2.3. */
export function icmpChecksum(
  { family, source, destination }: Pick<Ip, 'family' | 'source' | 'destination'>,
  message: Uint8Array,
): number {
  if (family === 'ipv4') return internetChecksum(message);
  const pseudo = Uint8Array.from([
    ...addressToBytes(source),
    ...addressToBytes(destination),
    ...[0, 0, message.length >> 8, message.length & 255, 0, 0, 0, protocols.icmpv6],
  ]);
  return internetChecksum(pseudo, message);
}

/** What a router says of a packet that is too big for it; undefined: the packet says something else. */
export function readTooBig(
  packet: Ip,
): { readonly mtu: number; readonly quote: Uint8Array } | undefined {
  const message = payloadOf(packet);
  if (!isIcmp(packet) || packet.fault !== undefined || packet.fragment !== 'whole')
    return undefined;
  const [type, code] = message;
  // RFC 4443 section 3.2: the code is ignored
  const isIt = packet.family === 'ipv4' ? type === 3 && code === 4 : type === 2;
  if (message.length < 8 || !isIt) return undefined;
  if (icmpChecksum(packet, message) !== 0) return undefined;
  // RFC 1191 section 4: the upper half is unused
  const mtu = u16(message, 6) + (packet.family === 'ipv4' ? 0 : u16(message, 4) * 0x10000);
  return { mtu, quote: message.subarray(8) };
}
