import { slot } from '../abi.js';
import { sameSlot, type SlotEntry } from '../entry.js';
import type { RawMap } from '../maps.js';
import type { Table } from '../table.js';
import { arrayTable } from './array.js';

/** Place of a block in its pool's part of the slots → its owner and policy. */
export function slots(map: RawMap): Table<number, SlotEntry> {
  return arrayTable('slots', map, slot, sameSlot);
}
