import type { Codec } from 'libbpf-ts';
import type { RawMap } from '../maps.js';
import type { LookedUp, TableName } from '../table.js';
import { weightOf } from '../weight.js';
import { batchesOf } from './batches.js';
import { Understood } from './understood.js';

/** A hash or LPM trie as a table: entries come and go by key. */
export function hashTable<K, V>(
  name: TableName,
  raw: RawMap,
  { key, value }: { readonly key: Codec<K>; readonly value: Codec<V> },
  same: (a: V, b: V) => boolean,
): LookedUp<K, V> {
  const map = raw.typed(key, value);
  const understood = new Understood(key, value);
  return {
    name,
    same,
    entries: () => understood.read(raw.readAll()),
    nonsense: () => understood.keys(),
    sweep: () => {
      raw.deleteAll(understood.nonsense);
    },
    weight: () => weightOf(raw.readBatches(), 'there'),
    weigh: (entries) => weightOf(batchesOf(entries, key, value), 'there'),
    get: (one) => map.get(one),
    put: (entries) => {
      map.setAll(entries);
    },
    remove: (keys) => {
      map.deleteAll(keys);
    },
  };
}
