import type { LookedUp, TableName } from '../../../src/datapath/table.js';
import { weightOf, type Weight } from '../../../src/datapath/weight.js';

/** A table in memory that writes entry by entry, counts, and calls back after each write: a kernel that may die anywhere. */
export class MemoryTable<K, V> implements LookedUp<K, V> {
  readonly content: Map<K, V>;
  writes = 0;

  constructor(
    readonly name: TableName,
    readonly same: (a: V, b: V) => boolean,
    content: ReadonlyMap<K, V> = new Map(),
    readonly afterWrite: () => void = () => undefined,
  ) {
    this.content = new Map(content);
  }

  entries(): ReadonlyMap<K, V> {
    return new Map(this.content);
  }

  get(key: K): V | undefined {
    return this.content.get(key);
  }

  weight(): Weight {
    return this.weigh(this.content);
  }

  weigh(entries: ReadonlyMap<K, V>): Weight {
    const bytes = (what: unknown): Uint8Array => Buffer.from(JSON.stringify(what));
    return weightOf(
      [...entries].map(([key, value]) => ({ keys: bytes(key), values: bytes(value), count: 1 })),
      'there',
    );
  }

  put(entries: ReadonlyMap<K, V>): void {
    for (const [key, value] of entries) {
      this.content.set(key, value);
      this.writes += 1;
      this.afterWrite();
    }
  }

  remove(keys: readonly K[]): void {
    for (const key of keys) {
      this.content.delete(key);
      this.writes += 1;
      this.afterWrite();
    }
  }
}
