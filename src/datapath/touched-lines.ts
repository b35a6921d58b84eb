import { slotsOfALine, type SlotLine } from './entry.js';
import type { Slot } from './slot.js';
import type { LookedUp } from './table.js';

/** Those lines of slots that something is to change in, each read once. */
export class TouchedLines {
  /** As they are, those that are not all 0. */
  readonly before = new Map<number, SlotLine>();
  readonly #after = new Map<number, SlotLine>();
  readonly #table: LookedUp<number, SlotLine>;

  constructor(table: LookedUp<number, SlotLine>) {
    this.#table = table;
  }

  get(number: number): Slot {
    return this.#line(number)[number % slotsOfALine] ?? 0;
  }

  set(number: number, slot: Slot): void {
    this.#line(number)[number % slotsOfALine] = slot;
  }

  /** As they shall be, those that are not all 0. */
  after(): ReadonlyMap<number, SlotLine> {
    return new Map([...this.#after].filter(([, line]) => line.some((slot) => slot !== 0)));
  }

  #line(number: number): SlotLine {
    const index = Math.floor(number / slotsOfALine);
    const known = this.#after.get(index);
    if (known !== undefined) return known;
    const there = this.#table.get(index);
    if (there !== undefined) this.before.set(index, there);
    const line = Uint16Array.from(there ?? new Uint16Array(slotsOfALine));
    this.#after.set(index, line);
    return line;
  }
}
