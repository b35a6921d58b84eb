import { deleteAll, readAll, readBatches, readKeys, writeAll } from './batch.js';
import type { Batch, Table } from './batch.js';
import { bytes, decode, encode } from './codec.js';
import type { Codec } from './codec.js';
import { handle } from './handle.js';
import { native } from './native.js';
import type { NativeMap } from './native.js';
import { Pin } from './pin.js';
import { records } from './records.js';
import { isPerCpu, mapTypeName } from './types.js';
import type { MapType } from './types.js';

export interface MapInfo {
  readonly id: number;
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** At most 15 characters: the kernel cuts there. */
  readonly name: string;
  /** 0 where the map came without BTF. */
  readonly btfId: number;
}

const updateFlags = { any: 0, 'no-exist': 1, exist: 2 } as const;

/** A kernel map as a JavaScript Map. Typed views of one map share its handle: closing one closes all. */
export class BpfMap<K, V> implements Disposable, Iterable<[K, V]> {
  readonly [handle]: NativeMap;
  readonly name: string;
  readonly info: MapInfo;
  readonly #pin: Pin;
  readonly #key: Codec<K>;
  readonly #value: Codec<V>;
  readonly #table: Table;
  readonly #perCpu: boolean;

  /** Made by `BpfObject.map()`, `BpfMap.open()` and `typed()`. */
  constructor(of: MapParts, key: Codec<K>, value: Codec<V>) {
    const { keySize, valueSize, type } = of.info;
    matches(of.name, 'key', key.size, keySize);
    matches(of.name, 'value', value.size, valueSize);
    this[handle] = of.native;
    this.name = of.name;
    this.info = of.info;
    this.#pin = of.pin;
    this.#key = key;
    this.#value = value;
    this.#perCpu = isPerCpu(type);
    const valueBytes = this.#perCpu ? stride(valueSize) * native.possibleCpus() : valueSize;
    this.#table = { native: of.native, name: of.name, keySize, valueBytes };
  }

  static open(path: string): BpfMap<Uint8Array, Uint8Array>;
  static open<K, V>(path: string, key: Codec<K>, value: Codec<V>): BpfMap<K, V>;
  static open<K, V>(
    path: string,
    key?: Codec<K>,
    value?: Codec<V>,
  ): BpfMap<K, V> | BpfMap<Uint8Array, Uint8Array> {
    const parts = partsOf(native.openPin('map', path), undefined, path);
    try {
      return key === undefined || value === undefined
        ? rawMap(parts)
        : new BpfMap(parts, key, value);
    } catch (error) {
      parts.native.close();
      throw error;
    }
  }

  get(key: K): V | undefined {
    this.#refusePerCpu('getPerCpu');
    const value = new Uint8Array(this.#table.valueBytes);
    return this.#native.lookup(encode(this.#key, key), value)
      ? decode(this.#value, value)
      : undefined;
  }

  has(key: K): boolean {
    return this.#native.lookup(encode(this.#key, key), new Uint8Array(this.#table.valueBytes));
  }

  /** Reads and deletes in one step; of queues and stacks (their key is `new Uint8Array(0)`) the next value. */
  take(key: K): V | undefined {
    this.#refusePerCpu('getPerCpu');
    const value = new Uint8Array(this.#table.valueBytes);
    return this.#native.take(encode(this.#key, key), value)
      ? decode(this.#value, value)
      : undefined;
  }

  set(key: K, value: V, flags: keyof typeof updateFlags = 'any'): this {
    this.#refusePerCpu('setPerCpu');
    this.#native.update(encode(this.#key, key), encode(this.#value, value), flagsOf(flags));
    return this;
  }

  /** False: was not there. */
  delete(key: K): boolean {
    return this.#native.delete(encode(this.#key, key));
  }

  /** A snapshot: what is deleted while you iterate does not disturb it. */
  keys(): IterableIterator<K> {
    return readKeys(this.#table)
      .map((key) => decode(this.#key, key))
      .values();
  }

  *values(): IterableIterator<V> {
    for (const [, value] of this.readAll()) yield value;
  }

  entries(): IterableIterator<[K, V]> {
    return this.readAll().values();
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }

  /** In batches where the kernel has them. Returns how many were written; a BpfError says how many before it. */
  setAll(entries: Iterable<readonly [K, V]>): number {
    this.#refusePerCpu('setPerCpu');
    return writeAll(
      this.#table,
      Array.from(
        entries,
        ([key, value]) => [encode(this.#key, key), encode(this.#value, value)] as const,
      ),
    );
  }

  /** In batches where the kernel has them. Returns how many were there. */
  deleteAll(keys: Iterable<K>): number {
    return deleteAll(
      this.#table,
      Array.from(keys, (key) => encode(this.#key, key)),
    );
  }

  /** All entries, in batches where the kernel has them. */
  readAll(): [K, V][] {
    this.#refusePerCpu('readAllPerCpu');
    return readAll(this.#table).map(([key, value]) => [
      decode(this.#key, key),
      decode(this.#value, value),
    ]);
  }

  /** All entries as the kernel has them, many at a time: what reads millions makes no object of each. */
  readBatches(): IterableIterator<Batch> {
    return readBatches(this.#table);
  }

  /** The value of each possible CPU, by its number. */
  getPerCpu(key: K): readonly V[] | undefined {
    this.#refuseShared();
    const values = new Uint8Array(this.#table.valueBytes);
    return this.#native.lookup(encode(this.#key, key), values) ? this.#split(values) : undefined;
  }

  setPerCpu(key: K, values: readonly V[]): this {
    this.#refuseShared();
    const step = stride(this.info.valueSize);
    const cpus = this.#table.valueBytes / step;
    if (values.length !== cpus)
      throw new RangeError(
        `${this.name} has a value for each of ${cpus} CPUs, not ${values.length}`,
      );
    const all = new Uint8Array(this.#table.valueBytes);
    values.forEach((value, cpu) => all.set(encode(this.#value, value), cpu * step));
    this.#native.update(encode(this.#key, key), all, 0);
    return this;
  }

  readAllPerCpu(): [K, readonly V[]][] {
    this.#refuseShared();
    return readAll(this.#table).map(([key, values]) => [
      decode(this.#key, key),
      this.#split(values),
    ]);
  }

  /** No more writes from user space, by anyone. */
  freeze(): void {
    this.#native.freeze();
  }

  pin(path: string): void {
    this.#pin.put(this.#native, path);
  }

  /** Where pin(), `pinPath` or open() has it. */
  get pinPath(): string | undefined {
    return this.#pin.path;
  }

  unpin(): void {
    this.#pin.remove();
  }

  typed<A, B>(key: Codec<A>, value: Codec<B>): BpfMap<A, B> {
    return new BpfMap(
      { native: this.#native, name: this.name, info: this.info, pin: this.#pin },
      key,
      value,
    );
  }

  records(signal?: AbortSignal): AsyncIterable<Uint8Array> {
    if (this.info.type !== 'ringbuf')
      throw new TypeError(`${this.name} is a map of type ${this.info.type}, not a ring buffer`);
    return records(this.#native, signal);
  }

  [Symbol.dispose](): void {
    this.#native.close();
  }

  get #native(): NativeMap {
    return this[handle];
  }

  #split(values: Uint8Array): V[] {
    const step = stride(this.info.valueSize);
    return Array.from({ length: values.length / step }, (_, cpu) =>
      decode(this.#value, values, cpu * step),
    );
  }

  #refusePerCpu(instead: string): void {
    if (this.#perCpu)
      throw new TypeError(`${this.name} has a value for each CPU: use ${instead}()`);
  }

  #refuseShared(): void {
    if (!this.#perCpu) throw new TypeError(`${this.name} has one value for all CPUs`);
  }
}

/** What all views of a map share. */
export interface MapParts {
  readonly native: NativeMap;
  readonly name: string;
  readonly info: MapInfo;
  readonly pin: Pin;
}

/** The parts of a map that was just opened. */
export function partsOf(of: NativeMap, name?: string, pinPath?: string): MapParts {
  const { type, ...rest } = of.info();
  const info = { ...rest, type: mapTypeName(type) };
  const known = name ?? info.name;
  return { native: of, name: known, info, pin: new Pin(known, pinPath) };
}

/** Bytes in, bytes out. */
export function rawMap(parts: MapParts): BpfMap<Uint8Array, Uint8Array> {
  return new BpfMap(parts, bytes(parts.info.keySize), bytes(parts.info.valueSize));
}

/** Per-CPU values begin at multiples of 8. */
function stride(valueSize: number): number {
  return Math.ceil(valueSize / 8) * 8;
}

function matches(map: string, part: 'key' | 'value', given: number, size: number): void {
  if (given !== size)
    throw new RangeError(`the ${part} of ${map} has ${size} bytes, its codec ${given}`);
}

function flagsOf(flags: keyof typeof updateFlags): number {
  if (!Object.hasOwn(updateFlags, flags))
    throw new TypeError(`flags must be one of ${Object.keys(updateFlags).join(', ')}`);
  return updateFlags[flags];
}
