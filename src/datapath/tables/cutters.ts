import { isDeepStrictEqual } from 'node:util';
import { cutter } from '../abi.js';
import type { CutterEntry } from '../entry.js';
import type { RawMap } from '../maps.js';
import type { Table } from '../table.js';
import { arrayTable } from './array.js';

/** What the programs know of the cutter: one entry, or none. */
export function cutters(map: RawMap): Table<number, CutterEntry> {
  return arrayTable('cutters', map, cutter, isDeepStrictEqual);
}
