import { etherTypes, protocols, u16 } from '../reference/ip.js';
import type { Family } from '../../../src/net/address.js';

/** Where the headers of a frame begin, as far as it has them; a guess that need not be right. */
export interface Anatomy {
  /** IP headers from the outside in. */
  readonly ips: readonly { readonly at: number; readonly family: Family }[];
  readonly udps: readonly number[];
  readonly vxlan: number | undefined;
}

/** Takes a frame apart. */
export function anatomyOf(frame: Uint8Array, vxlanPort = 4789): Anatomy {
  const ips: { at: number; family: Family }[] = [];
  const udps: number[] = [];
  let vxlan: number | undefined;
  let family = etherTypes.get(u16(frame, 12));
  let at = 14;
  while (family !== undefined && at < frame.length && ips.length < 4) {
    ips.push({ at, family });
    const protocol = frame[at + (family === 'ipv4' ? 9 : 6)];
    at += family === 'ipv4' ? ((frame[at] ?? 0) & 15) * 4 : 40;
    if (protocol === protocols.udp) {
      udps.push(at);
      if (u16(frame, at + 2) !== vxlanPort) break;
      vxlan ??= at + 8;
      family = etherTypes.get(u16(frame, at + 8 + 8 + 12));
      at += 8 + 8 + 14;
    } else family = innerFamilies.get(protocol ?? 0);
  }
  return { ips, udps, vxlan };
}

const innerFamilies = new Map<number, Family>([
  [protocols.ipip, 'ipv4'],
  [protocols.ipv6, 'ipv6'],
]);
