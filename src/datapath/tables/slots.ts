import { slotLine } from '../abi.js';
import { sameLine, type SlotLine } from '../entry.js';
import type { RawMap } from '../maps.js';
import type { LookedUp } from '../table.js';
import { arrayTable } from './array.js';

/** Lines of slots: the blocks of pools that have a part of them, by their place in the pool. */
export function slots(map: RawMap): LookedUp<number, SlotLine> {
  return arrayTable('slots', map, slotLine, sameLine);
}
