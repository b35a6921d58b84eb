import { crossingOf, probe } from '../../src/datapath/config.js';
import type { Family } from '../../src/net/address.js';

/** Why this kernel can't take packets of a family out of headers of another; undefined: it need not, or can. */
export function whyNotTaken(over: Family, inside: Family): string | undefined {
  return over === inside || crossingOf(probe()) === 'crosses families'
    ? undefined
    : 'this kernel takes no packet out of headers of the other family, that came with 6.3';
}
