import { isDeepStrictEqual } from 'node:util';
import {
  firstPeer,
  sameBlock,
  samePeer,
  samePolicy,
  samePool,
  sameLine,
  sameSource,
  selfIndex,
  type BlockEntry,
} from '../../../src/datapath/entry.js';
import { Places, type Remembered } from '../../../src/datapath/indices.js';
import { Placement, type Touched } from '../../../src/datapath/placement.js';
import {
  planMaps,
  planNetwork,
  remember,
  type MapTables,
  type NetworkTables,
} from '../../../src/datapath/plan.js';
import { peerIn, SlotLines } from '../../../src/datapath/slot.js';
import { HeldBlocks } from '../../../src/datapath/slots.js';
import { Switching, type SwitchTiming } from '../../../src/datapath/switching.js';
import { reconcile, type Change } from '../../../src/datapath/reconcile.js';
import {
  sameRoute,
  underlayOf,
  type KernelAddress,
  type KernelNeighbour,
} from '../../../src/datapath/underlay.js';
import type { Desired } from '../../../src/model/desired.js';
import type { Address } from '../../../src/net/address.js';
import type { Cidr } from '../../../src/net/cidr.js';
import { MemoryTable } from './memory-table.js';
import { uplinkWith } from './uplinks.js';

/** A kernel in memory, reconciled by the code that reconciles the real one; `afterWrite` sees each single write. */
export class Kernel {
  readonly maps;
  readonly network;
  nowMs = 0;
  readonly switching: Switching;
  /** How many slots there are. */
  slots = 4096;
  #remembered: Remembered = new Map();
  #placement: Placement | undefined;
  readonly #peers = new Places('peers', firstPeer, 12);
  readonly #policies = new Places('policies', 0, 8);

  /** Called after each single write: the moment at which a kernel may die. */
  afterWrite: () => void = () => undefined;

  constructor(timing: SwitchTiming = { delayMs: 0, graceMs: 0 }) {
    const afterWrite = (): void => this.afterWrite();
    this.switching = new Switching(timing);
    this.maps = {
      sources: new MemoryTable<Address, Entry<'sources'>>(
        'sources',
        sameSource,
        new Map(),
        afterWrite,
      ),
      externals: new MemoryTable<Cidr, Entry<'externals'>>(
        'externals',
        sameSource,
        new Map(),
        afterWrite,
      ),
      peers: new MemoryTable<number, Entry<'peers'>>('peers', samePeer, new Map(), afterWrite),
      policies: new MemoryTable<number, Entry<'policies'>>(
        'policies',
        samePolicy,
        new Map(),
        afterWrite,
      ),
      blocks: new MemoryTable<Cidr, Entry<'blocks'>>('blocks', sameBlock, new Map(), afterWrite),
      slots: new MemoryTable<number, Entry<'slots'>>('slots', sameLine, new Map(), afterWrite),
      pools: new MemoryTable<Cidr, Entry<'pools'>>('pools', samePool, new Map(), afterWrite),
    } satisfies MapTables;
    this.network = {
      neighbours: new MemoryTable<string, KernelNeighbour>(
        'neighbours',
        () => true,
        new Map(),
        afterWrite,
      ),
      addresses: new MemoryTable<Address, KernelAddress>(
        'addresses',
        isDeepStrictEqual,
        new Map(),
        afterWrite,
      ),
      routes: new MemoryTable('routes', sameRoute, new Map(), afterWrite),
    } satisfies NetworkTables;
  }

  /** All blocks in the tables. */
  get held(): ReadonlyMap<Cidr, BlockEntry> {
    const { pools, blocks, slots } = this.maps;
    return new Map(
      new HeldBlocks({ pools: pools.content, blocks: blocks.content, slots: slots.content }),
    );
  }

  get writes(): number {
    return [...Object.values(this.maps), ...Object.values(this.network)].reduce(
      (sum, table) => sum + table.writes,
      0,
    );
  }

  apply(desired: Desired): readonly Change[] {
    const { image, steps } = planMaps(
      desired,
      this.maps,
      {
        peers: this.#peers,
        policies: this.#policies,
        slots: this.slots,
        remembered: this.#remembered,
      },
      this.switching,
      this.nowMs,
    );
    const underlay = underlayOf(desired, uplinkWith(), () => 'crosses families');
    const changes = reconcile([
      ...steps,
      ...planNetwork(underlay, this.network, this.switching.isDelaying),
    ]);
    this.#remembered = remember(image);
    this.#placement = new Placement(desired, image, this.maps);
    return changes;
  }

  /** Writes these blocks alone; false where that is not enough, and then a whole round comes. */
  touch(desired: Desired, touched: Touched): boolean {
    const steps = this.#placement?.plan(desired, touched, this.maps);
    if (steps === undefined) {
      this.apply(desired);
      return false;
    }
    reconcile(steps);
    return true;
  }

  /** Blocks are where they were put last, and nowhere else. */
  isAsPut(): boolean {
    return this.#placement?.isIn(this.maps) === true;
  }

  /** As the programs look a block up: who would get its packets now; undefined = nobody, they are dropped. */
  ownerOf(block: Cidr): string | undefined {
    const pool = block.replace(/(\d+\.\d+)\..*/, '$1.0.0/16') as Cidr;
    const route = this.network.routes.content.get(`unicast ${pool} metric 0`);
    const row = this.maps.pools.content.get(pool);
    if (route === undefined || row?.blockLengths.includes(26) !== true) return undefined;
    const place = Number(/^\d+\.\d+\.(\d+)/.exec(block)?.[1]) * 4; // a /24 has four /26
    const slot =
      row.slots === undefined
        ? 0
        : new SlotLines(this.maps.slots.content).get(row.slots.first + place);
    const peer = slot === 0 ? this.maps.blocks.content.get(block)?.peer : peerIn(slot);
    if (peer === undefined) return undefined;
    if (peer === selfIndex.ipv4) return 'self';
    return this.maps.peers.content.get(peer)?.underlay;
  }
}

type Entry<Name extends keyof MapTables> =
  ReturnType<MapTables[Name]['entries']> extends ReadonlyMap<unknown, infer Value> ? Value : never;
