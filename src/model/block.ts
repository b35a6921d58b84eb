import type { Address } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import type { NodeName } from './node.js';

/** Calico's AllocationBlock (IPAMBlock): who owns a range, and who has single addresses of it. */
export interface Block {
  readonly cidr: Cidr;
  /** From `affinity: host:NODE`; undefined for a block without owner, or a virtual one. */
  readonly node: NodeName | undefined;
  /** Allocated addresses. `node` is attributes[].secondary.node; undefined where there is none. */
  readonly allocations: ReadonlyMap<Address, NodeName | undefined>;
}
