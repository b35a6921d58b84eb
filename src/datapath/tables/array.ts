import { encode, u32, type Codec } from 'libbpf-ts';
import type { RawMap } from '../maps.js';
import type { LookedUp, TableName } from '../table.js';
import { isZero, usedEntries } from '../used.js';
import { weightOf } from '../weight.js';
import { batchesOf } from './batches.js';
import { Understood } from './understood.js';

/** An array as a table: every index exists in the kernel, all zero means that it is not used. */
export function arrayTable<V>(
  name: TableName,
  map: RawMap,
  codec: Codec<V>,
  same: (a: V, b: V) => boolean,
): LookedUp<number, V> {
  const typed = map.typed(u32, codec);
  const unused = new Uint8Array(codec.size);
  const understood = new Understood(u32, codec);
  return {
    name,
    same,
    entries: () => understood.read(usedEntries(map)),
    nonsense: () => understood.keys(),
    sweep: () => {
      map.setAll(understood.nonsense.map((key) => [key, unused] as const));
    },
    weight: () => weightOf(map.readBatches(), 'absent'),
    weigh: (entries) => weightOf(batchesOf(entries, u32, codec), 'absent'),
    get: (index) => {
      const value = map.get(encode(u32, index));
      return value === undefined || isZero(value, 0, value.length) ? undefined : typed.get(index);
    },
    put: (entries) => {
      typed.setAll(entries);
    },
    remove: (indices) => {
      map.setAll(indices.map((index) => [encode(u32, index), unused] as const));
    },
  };
}
