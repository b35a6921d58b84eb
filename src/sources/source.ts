import type { UnderstoodFiles } from '../model/assemble.js';
import type { Block } from '../model/block.js';
import type { Fault } from '../model/fault.js';
import type { Inventory } from '../model/inventory.js';
import type { Problem } from '../model/problem.js';
import type { Cidr } from '../net/cidr.js';

/** What a source knows at one moment. */
export interface Reading {
  /** The whole world; undefined where it can't be read as a whole: then the last one stays in force. */
  readonly inventory: Inventory | undefined;
  /**
   * By CIDR, the blocks that are not as in the last whole world; undefined: anything may be different. It spares work and
   * is never needed: the inventory has it all.
   */
  readonly changed?: ReadonlyMap<Cidr, Block | undefined> | undefined;
  /** What is wrong with the resources (error: refused or unreadable), and what is merely odd (warning). */
  readonly problems: readonly Problem[];
  /** What the inventory was made of, where it was asked for. */
  readonly resources?: UnderstoodFiles;
  /** What keeps the source itself from following the world, as long as it does; left out: nothing. */
  readonly faults?: readonly Fault[];
}

/** Turns the outside world into inventories: newest wins, and it never yields half a world. */
export interface Source {
  /** For logs and status: `file /etc/encap/cluster.d`. */
  readonly name: string;
  /** Ends when the signal fires; a world that is read again and is the same is yielded once. */
  readonly inventories: (signal: AbortSignal) => AsyncIterable<Reading>;
}
