import { unrouted, type Desired, type Owner } from '../model/desired.js';
import { familyOf } from '../net/address.js';
import { prefixLengthOf, type Cidr } from '../net/cidr.js';
import { PrefixTable } from '../net/prefix-table.js';
import { noPolicy, selfIndex, type BlockEntry } from './entry.js';
import { isInSlot, type Image } from './image.js';
import { slotStep, type MapTables, type Rest } from './plan.js';
import { step, type Step } from './reconcile.js';
import { slotOf, withLonger } from './slot.js';
import {
  blockCounts,
  enclosingBlocks,
  sameShape,
  shapeOf,
  slotPlanFrom,
  Slots,
  type SlotPlan,
  type BlockCounts,
} from './slots.js';
import { TouchedLines } from './touched-lines.js';
import { shifted, type Weight } from './weight.js';

/** Blocks whose owner changed, and who it was; undefined: there was none. */
export type Touched = ReadonlyMap<Cidr, Owner | undefined>;

type BlockTables = Pick<MapTables, 'blocks' | 'slots'>;

/** Where a round put the blocks: single ones that change after it go to where a whole round would put them. */
export class Placement {
  /** What the round put beside them. */
  readonly rest: Rest;
  readonly #slots: Slots;
  readonly #enclosing: ReadonlySet<Cidr>;
  readonly #pools: PrefixTable<unknown>;
  readonly #counts: BlockCounts;
  /** By slot, how many entries lie within its block. */
  readonly #longer = new Map<number, number>();
  #weights: Record<'blocks' | 'slots', Weight>;
  #unplaced: number;

  constructor(desired: Desired, { blocks, slots, ...rest }: Image, tables: BlockTables) {
    this.#weights = { blocks: tables.blocks.weigh(blocks), slots: tables.slots.weigh(slots) };
    this.#unplaced = blocks.size;
    this.rest = rest;
    const { pools } = rest;
    this.#slots = new Slots(pools);
    this.#enclosing = enclosingBlocks(desired.pools);
    this.#pools = new PrefixTable(desired.pools);
    this.#counts = blockCounts(desired);
    for (const cidr of blocks.keys()) {
      const place = this.#slots.find(cidr);
      if (place?.isExact === false) this.#countLonger(place.slot, 1);
    }
  }

  /** Which slots there are meant to be. */
  get slotPlan(): SlotPlan {
    return slotPlanFrom(this.#counts);
  }

  /** How many blocks are in the hash, for they have no slot. */
  get unplaced(): number {
    return this.#unplaced;
  }

  /** Whether these tables hold the blocks as they were put. */
  isIn(tables: BlockTables): boolean {
    return (
      tables.blocks.weight() === this.#weights.blocks &&
      tables.slots.weight() === this.#weights.slots
    );
  }

  /** The way of these entries to what is desired; undefined: more than they would have to change. */
  plan(desired: Desired, touched: Touched, tables: BlockTables): readonly Step[] | undefined {
    const entries = new Map<Cidr, BlockEntry>();
    const held = new Map<Cidr, BlockEntry>();
    const lines = new TouchedLines(tables.slots);
    const slots = new Set<number>();
    for (const [cidr, before] of touched) {
      const owner = desired.blocks.get(cidr);
      const entry = owner === undefined ? undefined : this.#entryOf(owner, cidr);
      if ((entry === undefined) !== (owner === undefined)) return undefined;
      const more = (owner === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
      if (more !== 0 && !this.#count(cidr, more)) return undefined;
      const there = tables.blocks.get(cidr);
      if (there !== undefined) held.set(cidr, there);
      const place = this.#slots.find(cidr);
      const isPlaced = entry !== undefined && isInSlot(entry, place) && !this.#enclosing.has(cidr);
      if (entry !== undefined && !isPlaced) entries.set(cidr, entry);
      if (place === undefined) continue;
      slots.add(place.slot);
      if (place.isExact) lines.set(place.slot, isPlaced ? slotOf(entry.peer) : 0);
      else this.#countLonger(place.slot, more);
    }
    for (const number of slots) {
      const slot = lines.get(number) & ~1;
      const hasLonger = slot !== 0 && (this.#longer.get(number) ?? 0) > 0;
      lines.set(number, hasLonger ? withLonger(slot) : slot);
    }
    const { pools } = this.rest;
    const after = lines.after();
    this.#unplaced += entries.size - held.size;
    this.#weights = {
      blocks: shifted(
        this.#weights.blocks,
        tables.blocks.weigh(held),
        tables.blocks.weigh(entries),
      ),
      slots: shifted(
        this.#weights.slots,
        tables.slots.weigh(lines.before),
        tables.slots.weigh(after),
      ),
    };
    return [
      step(tables.blocks, entries, held),
      slotStep(tables.slots, { slots: after, pools }, { slots: lines.before, pools }),
    ];
  }

  /** undefined: a name that the last round gave no index. */
  #entryOf({ peer, policy }: Owner, cidr: Cidr): BlockEntry | undefined {
    const peerIndex = peer === 'self' ? selfIndex[familyOf(cidr)] : this.rest.names.peers.get(peer);
    const policyIndex = policy === unrouted ? noPolicy : this.rest.names.policies.get(policy);
    return peerIndex === undefined || policyIndex === undefined
      ? undefined
      : { peer: peerIndex, policy: policyIndex };
  }

  /** False where the pool's part of the slots is to be another one from now on. */
  #count(cidr: Cidr, more: number): boolean {
    const pool = this.#pools.match(cidr)?.cidr;
    const byLength = pool === undefined ? undefined : this.#counts.get(pool);
    if (pool === undefined || byLength === undefined) return false;
    const before = shapeOf(pool, byLength)?.shape;
    const length = prefixLengthOf(cidr);
    byLength.set(length, (byLength.get(length) ?? 0) + more);
    return sameShape(before, shapeOf(pool, byLength)?.shape);
  }

  #countLonger(slot: number, more: number): void {
    this.#longer.set(slot, (this.#longer.get(slot) ?? 0) + more);
  }
}
