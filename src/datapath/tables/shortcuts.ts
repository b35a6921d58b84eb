import { isDeepStrictEqual } from 'node:util';
import { shortcut } from '../abi.js';
import type { ShortcutEntry } from '../entry.js';
import type { RawMap } from '../maps.js';
import type { Table } from '../table.js';
import { arrayTable } from './array.js';

/** What shortcuts have to know: one entry, or none, and then every packet takes the stack. */
export function shortcuts(map: RawMap): Table<number, ShortcutEntry> {
  return arrayTable('shortcuts', map, shortcut, isDeepStrictEqual);
}
