import { u32, type BpfMap, type Codec } from 'libbpf-ts';
import type { LookedUp, TableName } from '../table.js';

/** An array as a table: every index exists in the kernel, all zero means that it is not used. */
export function arrayTable<V>(
  name: TableName,
  map: BpfMap<Uint8Array, Uint8Array>,
  codec: Codec<V>,
  same: (a: V, b: V) => boolean,
): LookedUp<number, V> {
  const typed = map.typed(u32, codec);
  const unused = new Uint8Array(codec.size);
  return {
    name,
    same,
    entries: () => new Map(used(map.readAll(), codec)),
    get: (index) => {
      const value = map.get(keyOf(index));
      return value === undefined || isUnused(value) ? undefined : codec.decode(viewOf(value), 0);
    },
    put: (entries) => {
      typed.setAll(entries);
    },
    remove: (indices) => {
      map.setAll(indices.map((index) => [keyOf(index), unused] as const));
    },
  };
}

function* used<V>(
  entries: readonly [Uint8Array, Uint8Array][],
  codec: Codec<V>,
): Iterable<[number, V]> {
  for (const [key, value] of entries)
    if (!isUnused(value)) yield [u32.decode(viewOf(key), 0), codec.decode(viewOf(value), 0)];
}

function isUnused(value: Uint8Array): boolean {
  return value.every((byte) => byte === 0);
}

function keyOf(index: number): Uint8Array {
  const key = new Uint8Array(u32.size);
  u32.encode(index, viewOf(key), 0);
  return key;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
