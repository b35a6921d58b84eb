import type { EncapName } from '../encap/index.js';
import type { Cidr } from '../net/cidr.js';

/** When a pool's traffic is encapsulated, and with what. */
export type Mode =
  | { readonly when: 'never' }
  | { readonly when: 'always' | 'cross-subnet'; readonly encap: EncapName };

/** Calico's IPPool, as far as routing and encapsulation depend on it. */
export interface Pool {
  /** metadata.name. */
  readonly name: string;
  readonly cidr: Cidr;
  /** What Felix makes of vxlanMode and ipipMode: VXLAN wins where both are set. */
  readonly mode: Mode;
  readonly natOutgoing: boolean;
  /** True for pools of allowedUses [LoadBalancer]: they have no part in routing. */
  readonly loadBalancerOnly: boolean;
  readonly disabled: boolean;
  readonly blockSize: number;
}
