import type { Desired } from '../model/desired.js';
import { addressBits, addressFromInteger, addressToInteger, familyOf } from '../net/address.js';
import { cidrOf, networkOf, prefixLengthOf, type Cidr } from '../net/cidr.js';
import { PrefixTable } from '../net/prefix-table.js';
import type { BlockEntry, BlockLookup, PoolRow, SlotEntry, SlotRange } from './entry.js';

/** Slots that any pool may have; a larger one needs a block in every eighth. */
const freely = 2 ** 16;
const sparsest = 8;

/** What a pool's part of the slots has to be like, wherever it comes to lie. */
export type SlotShape = Omit<SlotRange, 'first'>;

/** Which pools get slots, and how many of their blocks go there. */
export interface SlotPlan {
  readonly shapes: ReadonlyMap<Cidr, SlotShape>;
  readonly blocks: number;
}

/**
 * Pools that are small, or full enough to take no more memory so than in a hash: each for the length that most of its
 * blocks have.
 */
export function slotPlanOf({ pools, blocks }: Pick<Desired, 'pools' | 'blocks'>): SlotPlan {
  const table = new PrefixTable(pools);
  const counts = new Map<Cidr, Map<number, number>>();
  for (const cidr of blocks.keys()) {
    const pool = table.match(cidr)?.cidr;
    if (pool === undefined) continue;
    const byLength = counts.get(pool) ?? new Map<number, number>();
    counts.set(pool, byLength);
    const length = prefixLengthOf(cidr);
    byLength.set(length, (byLength.get(length) ?? 0) + 1);
  }
  const shapes = new Map<Cidr, SlotShape>();
  let placed = 0;
  for (const [pool, byLength] of counts) {
    const bits = addressBits[familyOf(pool)];
    const [most] = [...byLength].filter(([length]) => length < bits).sort(([, a], [, b]) => b - a);
    if (most === undefined) continue;
    const [length, found] = most;
    const count = 2 ** (length - prefixLengthOf(pool));
    // the programs look at the lower half of an IPv6 address
    if (count > Math.max(freely, sparsest * found) || (bits === 128 && prefixLengthOf(pool) < 64))
      continue;
    shapes.set(pool, { count, length, shift: bits - length });
    placed += found;
  }
  return { shapes, blocks: placed };
}

/** Finds the slot of a block. */
export class Slots {
  readonly #pools: PrefixTable<SlotRange | undefined>;

  constructor(pools: Iterable<readonly [Cidr, PoolRow]>) {
    this.#pools = new PrefixTable([...pools].map(([cidr, { slots }]) => [cidr, slots] as const));
  }

  /** Where a block is, or the block around something longer; undefined: its pool has no slots for it. */
  find(cidr: Cidr): { readonly slot: number; readonly isExact: boolean } | undefined {
    const range = this.#pools.match(cidr)?.value;
    const length = prefixLengthOf(cidr);
    if (range === undefined || length < range.length) return undefined;
    const place =
      (addressToInteger(networkOf(cidr)) >> BigInt(range.shift)) & BigInt(range.count - 1);
    return { slot: range.first + Number(place), isExact: length === range.length };
  }
}

/** Blocks that a pool lies in: its addresses are looked up by their length, where that is not the pool's own. */
export function enclosingBlocks(pools: Desired['pools']): ReadonlySet<Cidr> {
  return new Set(
    [...pools].flatMap(([pool, { blockLengths }]) =>
      blockLengths
        .filter((length) => length < prefixLengthOf(pool))
        .map((length) => cidrOf(networkOf(pool), length)),
    ),
  );
}

/**
 * Where each pool's slots lie: where they are, else where nothing is or was until now, for a program may still
 * be looking there. A pool that there is no room for stays in the hash.
 */
export function slotRanges(
  shapes: ReadonlyMap<Cidr, SlotShape>,
  actual: Held,
  room: number,
): ReadonlyMap<Cidr, SlotRange> {
  const taken = new Set<SlotRange>();
  const ranges = new Map<Cidr, SlotRange>();
  for (const [pool, { slots }] of actual.pools) {
    if (slots === undefined) continue;
    taken.add(slots);
    const shape = shapes.get(pool);
    if (shape?.count === slots.count && shape.length === slots.length) ranges.set(pool, slots);
  }
  for (const slot of strays(actual)) taken.add({ first: slot, count: 1, length: 0, shift: 0 });
  const largestFirst = [...shapes].sort(([, a], [, b]) => b.count - a.count);
  for (const [pool, shape] of largestFirst) {
    if (ranges.has(pool)) continue;
    const first = firstFree(shape.count, taken, room);
    if (first === undefined) continue;
    const range = { ...shape, first };
    ranges.set(pool, range);
    taken.add(range);
  }
  return ranges;
}

/** Slots in use that are no pool's. */
function strays({ pools, slots }: Held): number[] {
  const ranges = [...pools.values()].flatMap(({ slots: range }) => range ?? []);
  return [...slots.keys()].filter((slot) => !ranges.some((range) => isIn(slot, range)));
}

function isIn(slot: number, { first, count }: SlotRange): boolean {
  return slot >= first && slot < first + count;
}

/** At a multiple of its size: so that what was given back fits again. */
function firstFree(count: number, taken: ReadonlySet<SlotRange>, room: number): number | undefined {
  for (let first = 0; first + count <= room; first += count) {
    const isFree = [...taken].every(
      (other) => other.first >= first + count || other.first + other.count <= first,
    );
    if (isFree) return first;
  }
  return undefined;
}

/** What the kernel holds of pools and blocks. */
export interface Held {
  readonly pools: ReadonlyMap<Cidr, PoolRow>;
  readonly blocks: ReadonlyMap<Cidr, BlockEntry>;
  readonly slots: ReadonlyMap<number, SlotEntry>;
}

/** All blocks that the kernel holds, in slots or not. */
export class HeldBlocks implements BlockLookup, Iterable<[Cidr, BlockEntry]> {
  readonly #held: Held;
  readonly #slots: Slots;

  constructor(held: Held) {
    this.#held = held;
    this.#slots = new Slots(held.pools);
  }

  get(cidr: Cidr): BlockEntry | undefined {
    const found = this.#held.blocks.get(cidr);
    if (found !== undefined || this.#held.slots.size === 0) return found;
    const place = this.#slots.find(cidr);
    return place?.isExact === true ? this.#held.slots.get(place.slot) : undefined;
  }

  *values(): IterableIterator<BlockEntry> {
    yield* this.#held.blocks.values();
    yield* this.#held.slots.values();
  }

  /** By CIDR; what is in no pool's slots has none. */
  *[Symbol.iterator](): IterableIterator<[Cidr, BlockEntry]> {
    yield* this.#held.blocks;
    for (const [pool, { slots: range }] of this.#held.pools) {
      if (range === undefined) continue;
      const family = familyOf(pool);
      const network = addressToInteger(networkOf(pool));
      for (let place = 0; place < range.count; place += 1) {
        const entry = this.#held.slots.get(range.first + place);
        if (entry === undefined) continue;
        const address = addressFromInteger(
          network + (BigInt(place) << BigInt(range.shift)),
          family,
        );
        const { peer, policy } = entry;
        yield [`${address}/${range.length}` as Cidr, { peer, policy }];
      }
    }
  }
}
