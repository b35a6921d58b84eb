import { isDeepStrictEqual } from 'node:util';
import {
  firstPeer,
  sameBlock,
  samePeer,
  samePolicy,
  sameSource,
  selfIndex,
} from '../../../src/datapath/entry.js';
import { Places, type Remembered } from '../../../src/datapath/indices.js';
import {
  planMaps,
  planNetwork,
  remember,
  type MapTables,
  type NetworkTables,
} from '../../../src/datapath/plan.js';
import { Switching, type SwitchTiming } from '../../../src/datapath/switching.js';
import { reconcile, type Change } from '../../../src/datapath/reconcile.js';
import {
  sameRoute,
  underlayOf,
  type KernelAddress,
  type KernelNeighbour,
} from '../../../src/datapath/underlay.js';
import type { Desired, PoolEntry } from '../../../src/model/desired.js';
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
  #remembered: Remembered = new Map();
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
      pools: new MemoryTable<Cidr, PoolEntry>('pools', samePool, new Map(), afterWrite),
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
      { peers: this.#peers, policies: this.#policies, remembered: this.#remembered },
      this.switching,
      this.nowMs,
    );
    const underlay = underlayOf(desired, uplinkWith(), () => 'crosses families');
    const changes = reconcile([
      ...steps,
      ...planNetwork(underlay, this.network, this.switching.isDelaying),
    ]);
    this.#remembered = remember(image);
    return changes;
  }

  /** As the programs look a block up: who would get its packets now; undefined = nobody, they are dropped. */
  ownerOf(block: Cidr): string | undefined {
    const pool = block.replace(/(\d+\.\d+)\..*/, '$1.0.0/16') as Cidr;
    const route = this.network.routes.content.get(`unicast ${pool} metric 0`);
    const lengths = this.maps.pools.content.get(pool)?.blockLengths ?? [];
    const entry = this.maps.blocks.content.get(block);
    if (route === undefined || !lengths.includes(26) || entry === undefined) return undefined;
    if (entry.peer === selfIndex.ipv4) return 'self';
    return this.maps.peers.content.get(entry.peer)?.underlay;
  }
}

type Entry<Name extends keyof MapTables> =
  ReturnType<MapTables[Name]['entries']> extends ReadonlyMap<unknown, infer Value> ? Value : never;

function samePool(a: PoolEntry, b: PoolEntry): boolean {
  return a.blockLengths.join() === b.blockLengths.join();
}
