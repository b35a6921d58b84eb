import { encode, type Batch, type Codec } from 'libbpf-ts';

/** Entries as the kernel would give them, one at a time. */
export function* batchesOf<K, V>(
  entries: Iterable<readonly [K, V]>,
  key: Codec<K>,
  value: Codec<V>,
): Generator<Batch> {
  for (const [k, v] of entries) yield { keys: encode(key, k), values: encode(value, v), count: 1 };
}
