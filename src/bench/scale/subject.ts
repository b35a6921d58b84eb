import type { ScaleWorld } from './world.js';

/** The datapath as this suite sees it. The command line hands it in: bench looks at no datapath. */
export interface ScaleSubject {
  /** Maps of their own for a world, empty; `borrowed`: its pool also has addresses that are looked up first. */
  open(world: ScaleWorld, borrowed: boolean): OpenedMaps;
  /** The maps that an agent has pinned. */
  pinned(pins: string): Disposable & {
    /** The index of the peer that has a block; undefined: it is not there. */
    readonly peerOf: (cidr: string) => number | undefined;
  };
}

export interface OpenedMaps extends Disposable {
  /** Of all its maps. */
  readonly mapIds: readonly number[];
  /** Writes what the agent of a node would write. Planned before, so that it is the writing alone that takes time. */
  fill(): void;
  /** Gives a block to another node. */
  updateOne(block: number): void;
  /** Gives all blocks to other nodes. */
  updateAll(): void;
  /** Looks random addresses up, so often times 1024, or does all but that: nanoseconds for each. */
  lookup(what: 'with the lookup' | 'without it', times: number): number;
}
