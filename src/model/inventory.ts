import type { Address } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import type { Block } from './block.js';
import type { Node, NodeName } from './node.js';
import type { Pool } from './pool.js';
import type { Settings } from './settings.js';

/** A whole Calico world as one value: what sources yield and `decide` reads. */
export interface Inventory {
  /** By name; two pools of one CIDR are both here, `decide` lets the lowest name win. */
  readonly pools: readonly Pool[];
  /** Of two with one CIDR the later counts. */
  readonly blocks: Iterable<Block>;
  readonly nodes: ReadonlyMap<NodeName, Node>;
  /** Live addresses, where a WorkloadList says so; then the allocations do not. */
  readonly workloads: ReadonlyMap<Address, NodeName> | undefined;
  readonly settings: Settings;
}

/** An address range of hosts outside the cluster that may send us tunnel packets. */
export type ExternalNodes = readonly Cidr[];
