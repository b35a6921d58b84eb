import type { BpfMap } from 'libbpf-ts';
import type { LookedUp, TableName } from '../table.js';

/** A hash or LPM trie as a table: entries come and go by key. */
export function hashTable<K, V>(
  name: TableName,
  map: BpfMap<K, V>,
  same: (a: V, b: V) => boolean,
): LookedUp<K, V> {
  return {
    name,
    same,
    entries: () => new Map(map.readAll()),
    get: (key) => map.get(key),
    put: (entries) => {
      map.setAll(entries);
    },
    remove: (keys) => {
      map.deleteAll(keys);
    },
  };
}
