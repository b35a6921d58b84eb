import { decode, type Codec } from 'libbpf-ts';

/** Reads entries, and keeps the keys of those that are none of ours. */
export class Understood<K, V> {
  readonly #key: Codec<K>;
  readonly #value: Codec<V>;
  /** Keys of the last reading's entries that a codec refused: somebody else wrote them. */
  nonsense: readonly Uint8Array[] = [];

  constructor(key: Codec<K>, value: Codec<V>) {
    this.#key = key;
    this.#value = value;
  }

  /** What makes sense of these. */
  read(raw: Iterable<readonly [Uint8Array, Uint8Array]>): ReadonlyMap<K, V> {
    const entries = new Map<K, V>();
    const nonsense: Uint8Array[] = [];
    for (const [key, value] of raw)
      try {
        entries.set(decode(this.#key, key), decode(this.#value, value));
      } catch {
        nonsense.push(key); // a codec refuses what its type does not have
      }
    this.nonsense = nonsense;
    return entries;
  }

  /** As they are listed. */
  keys(): readonly string[] {
    return this.nonsense.map((key) => Buffer.from(key).toString('hex'));
  }
}
