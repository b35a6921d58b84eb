import { EncapError } from '../errors.js';

/** Ethernet's, where the node's own interface is not on this machine. */
export const usualMtu = 1500;

/** What --underlay-mtu says. */
export function mtuFrom(text: string): number {
  const mtu = Number(text);
  if (Number.isInteger(mtu) && mtu >= 576 && mtu <= 65535) return mtu;
  throw new EncapError(`cannot use an underlay MTU of ${text}`, {
    code: 'USAGE',
    hint: 'give the bytes of an IP packet, 576 to 65535: --underlay-mtu 1500',
  });
}
