import type { Family } from '../net/address.js';
import type { Encapsulation } from './encapsulation.js';
import { ip6ip } from './ip6ip.js';
import { ipip } from './ipip.js';
import { vxlan } from './vxlan.js';

/** Every encapsulation there is: a new one is a file and a line here. */
export const encapsulations = { ipip, ip6ip, vxlan } as const;

export type EncapName = keyof typeof encapsulations;

/** All of their names, in the order in which they are listed everywhere. */
export const encapNames = Object.keys(encapsulations) as readonly EncapName[];

/** Whether an encapsulation can carry packets of a family. */
export function carries(name: EncapName, inner: Family): boolean {
  const { inner: carried }: Encapsulation = encapsulations[name];
  return carried.includes(inner);
}

/** Whether an encapsulation can travel over an underlay of a family. */
export function travelsOver(name: EncapName, underlay: Family): boolean {
  const { underlays }: Encapsulation = encapsulations[name];
  return underlays.includes(underlay);
}
