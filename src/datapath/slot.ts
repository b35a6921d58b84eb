import { slotsOfALine, type PeerIndex, type SlotLine } from './entry.js';

/** A block as its slot has it: a number of 16 bits, 0 where there is none (struct slot_line of abi.h). */
export type Slot = number;

/** The last peer that a slot can name. */
export const lastPeer: PeerIndex = 0x7ffe;

export function slotOf(peer: PeerIndex): Slot {
  return (peer + 1) * 2;
}

/** The same, where addresses of the block have entries of their own. */
export function withLonger(slot: Slot): Slot {
  return slot | 1;
}

export function hasLonger(slot: Slot): boolean {
  return slot % 2 === 1;
}

export function peerIn(slot: Slot): PeerIndex {
  return (slot >>> 1) - 1;
}

/** Slots by their number, in lines; what is not set is 0. Lines that it was given are not copied: those are for reading. */
export class SlotLines {
  readonly lines: Map<number, SlotLine>;

  constructor(lines: ReadonlyMap<number, SlotLine> = new Map()) {
    this.lines = new Map(lines);
  }

  get(number: number): Slot {
    return this.lines.get(Math.floor(number / slotsOfALine))?.[number % slotsOfALine] ?? 0;
  }

  set(number: number, slot: Slot): void {
    const index = Math.floor(number / slotsOfALine);
    const line = this.lines.get(index) ?? new Uint16Array(slotsOfALine);
    line[number % slotsOfALine] = slot;
    this.lines.set(index, line);
  }

  /** Those that are not 0, with their numbers. */
  *[Symbol.iterator](): IterableIterator<[number, Slot]> {
    for (const [index, line] of this.lines)
      for (const [place, slot] of line.entries())
        if (slot !== 0) yield [index * slotsOfALine + place, slot];
  }
}
