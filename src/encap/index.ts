import { ip6ip } from './ip6ip.js';
import { ipip } from './ipip.js';
import { vxlan } from './vxlan.js';

/** Every encapsulation there is: a new one is a file and a line here. */
export const encapsulations = { ipip, ip6ip, vxlan } as const;

export type EncapName = keyof typeof encapsulations;
