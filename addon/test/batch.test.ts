import test from 'ava';
import { deleteAll, readAll, writeAll } from '../lib/batch.js';
import type { Table } from '../lib/batch.js';
import type { NativeMap, Progress } from '../lib/native.js';

const EINVAL = 22;
const ENOENT = 2;
const ENOSPC = 28;
const ENOTSUPP = 524;

/** A map of bytes whose kernel refuses batches with an errno, or needs room for a whole bucket. */
class FakeMap implements NativeMap {
  readonly entries = new Map<number, number>();
  calls = 0;
  readonly #refusal: number | undefined;
  readonly #bucket: number;

  constructor({ refusal, bucket = 1 }: { refusal?: number; bucket?: number }) {
    this.#refusal = refusal;
    this.#bucket = bucket;
  }

  lookup(key: Uint8Array, into: Uint8Array): boolean {
    this.calls++;
    const value = this.entries.get(key[0] ?? 0);
    into[0] = value ?? 0;
    return value !== undefined;
  }

  update(key: Uint8Array, value: Uint8Array): void {
    this.calls++;
    this.entries.set(key[0] ?? 0, value[0] ?? 0);
  }

  delete(key: Uint8Array): boolean {
    this.calls++;
    return this.entries.delete(key[0] ?? 0);
  }

  nextKey(after: Uint8Array | undefined, into: Uint8Array): boolean {
    const keys = [...this.entries.keys()];
    const next = keys[after === undefined ? 0 : keys.indexOf(after[0] ?? 0) + 1];
    into[0] = next ?? 0;
    return next !== undefined;
  }

  lookupBatch(
    cursor: Uint8Array,
    first: boolean,
    keys: Uint8Array,
    values: Uint8Array,
    count: number,
  ): Progress {
    if (this.#refusal !== undefined) return { count, errno: this.#refusal };
    if (count < this.#bucket) return { count: 0, errno: ENOSPC };
    const from = first ? 0 : (cursor[0] ?? 0);
    const part = [...this.entries].slice(from, from + Math.min(count, 50));
    part.forEach(([key, value], index) => {
      keys[index] = key;
      values[index] = value;
    });
    cursor[0] = from + part.length;
    return { count: part.length, errno: from + part.length >= this.entries.size ? ENOENT : 0 };
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): Progress {
    if (this.#refusal !== undefined) return { count, errno: this.#refusal };
    for (let index = 0; index < count; index++)
      this.entries.set(keys[index] ?? 0, values[index] ?? 0);
    return { count, errno: 0 };
  }

  deleteBatch(keys: Uint8Array, count: number): Progress {
    if (this.#refusal !== undefined) return { count, errno: this.#refusal };
    for (let index = 0; index < count; index++)
      if (!this.entries.delete(keys[index] ?? 0)) return { count: index, errno: ENOENT };
    return { count, errno: 0 };
  }

  info(): never {
    throw new Error('not asked');
  }

  take(): never {
    throw new Error('not asked');
  }

  freeze(): void {
    this.calls++;
  }

  pin(): void {
    this.calls++;
  }

  close(): void {
    this.calls++;
  }
}

const byte = (value: number) => Uint8Array.of(value);
const kernels: [string, ConstructorParameters<typeof FakeMap>[0], boolean][] = [
  ['has batches', {}, true],
  ['needs room for a bucket of 10 000', { bucket: 10_000 }, true],
  ['answers ENOTSUPP (5.10, LPM tries)', { refusal: ENOTSUPP }, false],
  ['answers EINVAL (before 5.6)', { refusal: EINVAL }, false],
];

for (const [name, kernel, batches] of kernels) {
  test(`all entries are written, read and deleted on a kernel that ${name}`, (t) => {
    const map = new FakeMap(kernel);
    const table: Table = { native: map, name: 'fake', keySize: 1, valueBytes: 1 };
    const keys = Array.from({ length: 200 }, (_, key) => key);
    t.is(
      writeAll(
        table,
        keys.map((key) => [byte(key), byte(255 - key)] as const),
      ),
      200,
    );
    t.deepEqual(
      readAll(table).map(([key, value]) => [key[0], value[0]]),
      keys.map((key) => [key, 255 - key]),
    );
    t.is(deleteAll(table, [201, 0, 1, 202, 2, 203].map(byte)), 3);
    t.is(map.entries.size, 197);
    t.is(map.calls > 0, !batches, `${map.calls} single calls`);
  });
}
