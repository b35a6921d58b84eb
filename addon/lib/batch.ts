import { constants } from 'node:os';
import { BpfError } from './error.js';
import { native } from './native.js';
import type { NativeMap, Progress } from './native.js';

const { EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } = constants.errno;
const ENOTSUPP = 524;

/** Entries for each system call: large enough to make calls cheap, small enough to bound memory. */
const chunk = 4096;

/** A map's bytes, as batches see them. */
export interface Table {
  readonly native: NativeMap;
  readonly name: string;
  readonly keySize: number;
  /** What one value takes in the kernel's copy: of per-CPU maps, all CPUs'. */
  readonly valueBytes: number;
}

/** Entries as bytes: the keys lie one behind the other, the values likewise. */
export interface Batch {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
}

/** All entries, each as bytes of its own. */
export function readAll(table: Table): [Uint8Array, Uint8Array][] {
  const { keySize, valueBytes } = table;
  const found: [Uint8Array, Uint8Array][] = [];
  for (const { keys, values, count } of readBatches(table))
    for (let index = 0; index < count; index++)
      found.push([slice(keys, index, keySize), slice(values, index, valueBytes)]);
  return found;
}

/** All entries; by single calls where this kernel has no batches for the type (LPM tries before 5.13, say). */
export function* readBatches(table: Table): Generator<Batch, void> {
  const { native: map, name, keySize, valueBytes } = table;
  const cursor = new Uint8Array(Math.max(keySize, 4));
  let room = chunk;
  let done = 0;
  for (let first = true; ;) {
    const keys = new Uint8Array(room * keySize);
    const values = new Uint8Array(room * valueBytes);
    const { count, errno } = map.lookupBatch(cursor, first, keys, values, room);
    if (isMissing(errno) && first) return yield* readSingly(table);
    if (errno === ENOSPC) {
      room *= 2; // one bucket of the hash holds more than that
      continue;
    }
    if (errno !== 0 && errno !== ENOENT) throw failure('list', name, errno, done);
    if (count > 0)
      yield {
        keys: keys.subarray(0, count * keySize),
        values: values.subarray(0, count * valueBytes),
        count,
      };
    if (errno === ENOENT) return;
    done += count;
    first = false;
  }
}

function* readSingly(table: Table): Generator<Batch, void> {
  for (const keys of readKeys(table)) {
    const values = new Uint8Array(table.valueBytes);
    if (table.native.lookup(keys, values)) yield { keys, values, count: 1 }; // else deleted meanwhile
  }
}

/** All keys. When the current one is deleted meanwhile, the kernel begins again: what was seen ends the walk. */
export function readKeys({ native: map, keySize }: Table): Uint8Array[] {
  const seen = new Set<string>();
  const keys: Uint8Array[] = [];
  let after: Uint8Array | undefined;
  for (;;) {
    const key = new Uint8Array(keySize);
    if (!map.nextKey(after, key)) return keys;
    const text = Buffer.from(key).toString('latin1');
    if (seen.has(text)) return keys;
    seen.add(text);
    keys.push(key);
    after = key;
  }
}

/** Writes all entries and says how many those were. */
export function writeAll(
  table: Table,
  entries: Iterable<readonly [Uint8Array, Uint8Array]>,
): number {
  const { native: map, name, keySize, valueBytes } = table;
  let done = 0;
  let batches = true;
  for (const part of chunks(entries)) {
    const keys = join(
      part.map(([key]) => key),
      keySize,
    );
    const values = join(
      part.map(([, value]) => value),
      valueBytes,
    );
    if (batches) {
      const { count, errno } = map.updateBatch(keys, values, part.length);
      batches = !isMissing(errno);
      if (errno !== 0 && batches)
        throw failure(
          'write all entries to',
          name,
          errno,
          done + doneOf(part.length, { count, errno }),
        );
    }
    if (!batches) writeSingly(table, part, done);
    done += part.length;
  }
  return done;
}

function writeSingly(
  table: Table,
  part: readonly (readonly [Uint8Array, Uint8Array])[],
  before: number,
): void {
  part.forEach(([key, value], index) => {
    counted(table.name, 'write all entries to', before + index, () =>
      table.native.update(key, value, 0),
    );
  });
}

/** Deletes what is there of the keys and says how many those were. */
export function deleteAll(table: Table, all: Iterable<Uint8Array>): number {
  let done = 0;
  let batches = true;
  for (const part of chunks(all)) {
    if (batches) {
      const deleted = deleteBatch(table, part, done);
      batches = deleted !== undefined;
      done += deleted ?? 0;
    }
    if (!batches) {
      for (const key of part) {
        if (counted(table.name, 'delete all keys from', done, () => table.native.delete(key)))
          done++;
      }
    }
  }
  return done;
}

/** A batch stops at a key that is not there: goes on behind it. */
function deleteBatch(
  { native: map, name, keySize }: Table,
  part: readonly Uint8Array[],
  before: number,
): number | undefined {
  const keys = join(part, keySize);
  let done = 0;
  for (let start = 0; start < part.length;) {
    const left = part.length - start;
    const { count, errno } = map.deleteBatch(keys.subarray(start * keySize), left);
    const came = doneOf(left, { count, errno });
    if (isMissing(errno) && done === 0 && came === 0) return undefined;
    if (errno !== 0 && errno !== ENOENT)
      throw failure('delete all keys from', name, errno, before + done + came);
    done += came;
    start += errno === 0 ? left : came + 1;
  }
  return done;
}

/** The kernel leaves the count as it was when it refuses before the first entry. */
function doneOf(asked: number, { count, errno }: Progress): number {
  return errno !== 0 && count >= asked ? 0 : count;
}

function isMissing(errno: number): boolean {
  return errno === EINVAL || errno === ENOTSUPP || errno === EOPNOTSUPP;
}

function failure(operation: string, object: string, errno: number, done: number): BpfError {
  return new BpfError({
    operation,
    object,
    errno,
    cause: `${native.errorText(errno)} (${done} done)`,
  });
}

function counted<T>(object: string, operation: string, done: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof BpfError) throw failure(operation, object, error.errno, done);
    throw error;
  }
}

function* chunks<T>(items: Iterable<T>): Generator<T[]> {
  let part: T[] = [];
  for (const item of items) {
    part.push(item);
    if (part.length < chunk) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(parts.length * size);
  parts.forEach((part, index) => all.set(part, index * size));
  return all;
}

function slice(of: Uint8Array, index: number, size: number): Uint8Array {
  return of.slice(index * size, (index + 1) * size);
}
