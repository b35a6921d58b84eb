import type { Desired } from '../model/desired.js';
import { addressBits, addressFromInteger, addressToInteger, familyOf } from '../net/address.js';
import { cidrOf, networkOf, prefixLengthOf, type Cidr } from '../net/cidr.js';
import { PrefixTable } from '../net/prefix-table.js';
import {
  noPolicy,
  slotsOfALine,
  type BlockEntry,
  type BlockLookup,
  type PoolRow,
  type SlotLine,
  type SlotRange,
} from './entry.js';
import type { Change } from './reconcile.js';
import { peerIn, SlotLines } from './slot.js';

/** Slots that any pool may have; a larger one needs a block in every eighth. */
const freely = 2 ** 16;
const sparsest = 8;

/** What a pool's part of the slots has to be like, wherever it comes to lie. */
export type SlotShape = Omit<SlotRange, 'first' | 'policy'>;

/** Which pools get slots, and how many of their blocks go there. */
export interface SlotPlan {
  readonly shapes: ReadonlyMap<Cidr, SlotShape>;
  readonly blocks: number;
}

/** By pool, how many blocks have a prefix of each length. */
export type BlockCounts = ReadonlyMap<Cidr, Map<number, number>>;

export function blockCounts({ pools, blocks }: Pick<Desired, 'pools' | 'blocks'>): BlockCounts {
  const table = new PrefixTable(pools);
  const counts = new Map([...pools.keys()].map((pool) => [pool, new Map<number, number>()]));
  for (const cidr of blocks.keys()) {
    const byLength = counts.get(table.match(cidr)?.cidr ?? cidr);
    const length = prefixLengthOf(cidr);
    byLength?.set(length, (byLength.get(length) ?? 0) + 1);
  }
  return counts;
}

/**
 * Pools that are small, or full enough to take no more memory so than in a hash: each for the length that most of its
 * blocks have.
 */
export function slotPlanOf(desired: Pick<Desired, 'pools' | 'blocks'>): SlotPlan {
  return slotPlanFrom(blockCounts(desired));
}

/** The same of blocks that have been counted. */
export function slotPlanFrom(counts: BlockCounts): SlotPlan {
  const shapes = new Map<Cidr, SlotShape>();
  let placed = 0;
  for (const [pool, byLength] of counts) {
    const plan = shapeOf(pool, byLength);
    if (plan === undefined) continue;
    shapes.set(pool, plan.shape);
    placed += plan.blocks;
  }
  return { shapes, blocks: placed };
}

/** The slots of one pool, and how many of its blocks go there; undefined: it gets none. */
export function shapeOf(
  pool: Cidr,
  byLength: ReadonlyMap<number, number>,
): { readonly shape: SlotShape; readonly blocks: number } | undefined {
  const bits = addressBits[familyOf(pool)];
  const [most] = [...byLength]
    .filter(([length, count]) => length < bits && count > 0)
    .sort(([a, some], [b, others]) => others - some || a - b);
  if (most === undefined) return undefined;
  const [length, blocks] = most;
  // lines are one pool's alone: in a small pool some bits of its own prefix count too
  const count = Math.max(slotsOfALine, 2 ** (length - prefixLengthOf(pool)));
  // the programs look at the lower half of an IPv6 address
  if (count > Math.max(freely, sparsest * blocks) || (bits === 128 && prefixLengthOf(pool) < 64))
    return undefined;
  return { shape: { count, length, shift: bits - length }, blocks };
}

export function sameShape(a: SlotShape | undefined, b: SlotShape | undefined): boolean {
  return a?.count === b?.count && a?.length === b?.length;
}

/** The slot of a block, or (not exact) of the block around something longer. */
export interface FoundSlot {
  readonly slot: number;
  readonly range: SlotRange;
  readonly isExact: boolean;
}

/** Finds the slot of a block. */
export class Slots {
  readonly #pools: PrefixTable<SlotRange | undefined>;

  constructor(pools: Iterable<readonly [Cidr, PoolRow]>) {
    this.#pools = new PrefixTable([...pools].map(([cidr, { slots }]) => [cidr, slots] as const));
  }

  /** undefined: its pool has no slots for it. */
  find(cidr: Cidr): FoundSlot | undefined {
    const range = this.#pools.match(cidr)?.value;
    const length = prefixLengthOf(cidr);
    if (range === undefined || length < range.length) return undefined;
    const place =
      (addressToInteger(networkOf(cidr)) >> BigInt(range.shift)) & BigInt(range.count - 1);
    return { slot: range.first + Number(place), range, isExact: length === range.length };
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

/** Where a pool's slots lie. */
export type SlotPlace = Omit<SlotRange, 'policy'>;

/**
 * Where each pool's slots lie: where they are, else where nothing is or was until now, for a program may still
 * be looking there. A pool that there is no room for stays in the hash.
 */
export function slotPlaces(
  shapes: ReadonlyMap<Cidr, SlotShape>,
  actual: Held,
  room: number,
): ReadonlyMap<Cidr, SlotPlace> {
  const taken: Stretch[] = strays(actual);
  const places = new Map<Cidr, SlotPlace>();
  for (const [pool, { slots }] of actual.pools) {
    if (slots === undefined) continue;
    taken.push(slots);
    const shape = shapes.get(pool);
    if (shape?.count === slots.count && shape.length === slots.length)
      places.set(pool, { ...shape, first: slots.first });
  }
  const largestFirst = [...shapes].sort(([, a], [, b]) => b.count - a.count);
  for (const [pool, shape] of largestFirst) {
    if (places.has(pool)) continue;
    const first = firstFree(shape.count, taken, room);
    if (first === undefined) continue;
    places.set(pool, { ...shape, first });
    taken.push({ first, count: shape.count });
  }
  return places;
}

type Stretch = Pick<SlotRange, 'first' | 'count'>;

/** Lines in use that are no pool's. */
function strays({ pools, slots }: Held): Stretch[] {
  const ranges = [...pools.values()].flatMap(({ slots: range }) => range ?? []);
  return [...slots.keys()]
    .map((line) => ({ first: line * slotsOfALine, count: slotsOfALine }))
    .filter((line) => !ranges.some((range) => overlap(line, range)));
}

function overlap(a: Stretch, b: Stretch): boolean {
  return a.first < b.first + b.count && b.first < a.first + a.count;
}

/** At a multiple of its size: so that what was given back fits again. */
function firstFree(count: number, taken: readonly Stretch[], room: number): number | undefined {
  for (let first = 0; first + count <= room; first += count)
    if (!taken.some((other) => overlap({ first, count }, other))) return first;
  return undefined;
}

/** What the kernel holds of pools and blocks. */
export interface Held {
  readonly pools: ReadonlyMap<Cidr, PoolRow>;
  readonly blocks: ReadonlyMap<Cidr, BlockEntry>;
  /** Lines that are not all 0. */
  readonly slots: ReadonlyMap<number, SlotLine>;
}

/** All blocks that the kernel holds, in slots or not. */
export class HeldBlocks implements BlockLookup, Iterable<[Cidr, BlockEntry]> {
  readonly #held: Held;
  readonly #slots: Slots;
  readonly #lines: SlotLines;

  constructor(held: Held) {
    this.#held = held;
    this.#slots = new Slots(held.pools);
    this.#lines = new SlotLines(held.slots);
  }

  get(cidr: Cidr): BlockEntry | undefined {
    const found = this.#held.blocks.get(cidr);
    if (found !== undefined || this.#held.slots.size === 0) return found;
    const place = this.#slots.find(cidr);
    if (place?.isExact !== true) return undefined;
    const slot = this.#lines.get(place.slot);
    return slot === 0 ? undefined : { peer: peerIn(slot), policy: place.range.policy };
  }

  *values(): IterableIterator<BlockEntry> {
    yield* this.#held.blocks.values();
    const ranges = [...this.#held.pools.values()].flatMap(({ slots }) => slots ?? []);
    for (const [number, slot] of this.#lines) {
      const range = ranges.find((one) => overlap({ first: number, count: 1 }, one));
      yield { peer: peerIn(slot), policy: range?.policy ?? noPolicy };
    }
  }

  /** By CIDR; what is in no pool's slots has none. */
  *[Symbol.iterator](): IterableIterator<[Cidr, BlockEntry]> {
    yield* this.#held.blocks;
    for (const [pool, { slots: range }] of this.#held.pools) {
      if (range === undefined) continue;
      for (let number = range.first; number < range.first + range.count; number += 1) {
        const slot = this.#lines.get(number);
        if (slot === 0) continue;
        yield [blockIn(pool, range, number), { peer: peerIn(slot), policy: range.policy }];
      }
    }
  }
}

/** The block that a slot of a pool is for. */
function blockIn(pool: Cidr, { first, count, length, shift }: SlotRange, number: number): Cidr {
  // what the places count from: the pool's address, less the bits of it that are in them
  const base = (addressToInteger(networkOf(pool)) >> BigInt(shift)) & ~BigInt(count - 1);
  const address = (base + BigInt(number - first)) << BigInt(shift);
  return `${addressFromInteger(address, familyOf(pool))}/${length}` as Cidr;
}

/** Lines of slots are written, blocks are told of. */
export function slotChanges(
  lines: readonly number[],
  desired: Pick<Held, 'slots' | 'pools'>,
  actual: Pick<Held, 'slots' | 'pools'>,
): Change[] {
  const [after, before] = [new SlotLines(desired.slots), new SlotLines(actual.slots)];
  const ranges = [...desired.pools, ...actual.pools].flatMap(([pool, { slots: range }]) =>
    range === undefined ? [] : [{ pool, range }],
  );
  const keyOf = (number: number): string => {
    const at = ranges.find(({ range }) => overlap(range, { first: number, count: 1 }));
    return at === undefined ? `slot ${number}` : blockIn(at.pool, at.range, number);
  };
  return lines.flatMap((line) =>
    Array.from({ length: slotsOfALine }, (_, place) => line * slotsOfALine + place)
      .filter((number) => after.get(number) !== before.get(number))
      .map((number): Change => {
        const slot = after.get(number);
        const key = keyOf(number);
        return slot === 0
          ? { table: 'slots', action: 'remove', key }
          : { table: 'slots', action: 'put', key, value: { peer: peerIn(slot) } };
      }),
  );
}
