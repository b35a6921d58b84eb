import { endianness } from 'node:os';
import { align, alignmentOf } from './layout.js';
import type { FieldLayout, Layout } from './layout.js';

/** How a TypeScript value lies in the kernel's bytes. */
export interface Codec<T> {
  readonly size: number;
  readonly layout: Layout;
  encode(value: T, into: DataView, offset: number): void;
  decode(from: DataView, offset: number): T;
}

/** The TypeScript type behind a codec. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never;

const little = endianness() === 'LE';

export const u8: Codec<number> = integer(
  1,
  'host',
  (view, offset, value) => view.setUint8(offset, value),
  (view, offset) => view.getUint8(offset),
);
export const u16: Codec<number> = integer(
  2,
  'host',
  (view, offset, value) => view.setUint16(offset, value, little),
  (view, offset) => view.getUint16(offset, little),
);
export const u32: Codec<number> = integer(
  4,
  'host',
  (view, offset, value) => view.setUint32(offset, value, little),
  (view, offset) => view.getUint32(offset, little),
);
/** Network order, as in packets. */
export const u16be: Codec<number> = integer(
  2,
  'network',
  (view, offset, value) => view.setUint16(offset, value),
  (view, offset) => view.getUint16(offset),
);
/** Network order, as in packets. */
export const u32be: Codec<number> = integer(
  4,
  'network',
  (view, offset, value) => view.setUint32(offset, value),
  (view, offset) => view.getUint32(offset),
);

export const u64: Codec<bigint> = {
  size: 8,
  layout: { kind: 'integer', size: 8, order: 'host' },
  encode(value, into, offset) {
    if (typeof value !== 'bigint') throw new TypeError(`${typeName(value)} is not a bigint`);
    if (BigInt.asUintN(64, value) !== value)
      throw new RangeError(`${value.toString()} does not fit in 64 bits`);
    into.setBigUint64(offset, value, little);
  },
  decode: (from, offset) => from.getBigUint64(offset, little),
};

function integer(
  size: 1 | 2 | 4,
  order: 'host' | 'network',
  set: (view: DataView, offset: number, value: number) => void,
  get: (view: DataView, offset: number) => number,
): Codec<number> {
  const limit = 2 ** (size * 8);
  return {
    size,
    layout: { kind: 'integer', size, order },
    encode(value, into, offset) {
      if (typeof value !== 'number') throw new TypeError(`${typeName(value)} is not a number`);
      if (!Number.isInteger(value) || value < 0 || value >= limit)
        throw new RangeError(`${value} does not fit in ${size * 8} bits`);
      set(into, offset, value);
    },
    decode: get,
  };
}

/** Raw bytes; says nothing of what is inside, so BTF is compared by size alone. */
export function bytes(length: number): Codec<Uint8Array> {
  return {
    size: length,
    layout: { kind: 'bytes', size: length },
    encode(value, into, offset) {
      if (!(value instanceof Uint8Array))
        throw new TypeError(`${typeName(value)} is not a Uint8Array`);
      if (value.length !== length)
        throw new RangeError(`${value.length} bytes given, ${length} expected`);
      view(into, offset, length).set(value);
    },
    decode: (from, offset) => view(from, offset, length).slice(),
  };
}

/** A fixed number of items. */
export function array<T>(item: Codec<T>, length: number): Codec<readonly T[]> {
  return {
    size: item.size * length,
    layout: { kind: 'array', size: item.size * length, item: item.layout, length },
    encode(value, into, offset) {
      if (!Array.isArray(value)) throw new TypeError(`${typeName(value)} is not an array`);
      if (value.length !== length)
        throw new RangeError(`${value.length} items given, ${length} expected`);
      value.forEach((one: T, index) => {
        at(String(index), () => item.encode(one, into, offset + index * item.size));
      });
    },
    decode: (from, offset) =>
      Array.from({ length }, (_, index) => item.decode(from, offset + index * item.size)),
  };
}

/** Names for the numbers of a C enum; `vxlan` stands for `VXLAN` or, in `enum encap`, for `ENCAP_VXLAN`. */
export function enumeration<const T extends Record<string, number>>(
  name: string,
  members: T,
): Codec<keyof T & string> {
  const numbers = new Map<string, number>(Object.entries(members));
  const names = new Map([...numbers].map(([member, number]) => [number, member]));
  return {
    size: 4,
    layout: { kind: 'enumeration', size: 4, name, members: numbers },
    encode(value, into, offset) {
      const number = numbers.get(value);
      if (number === undefined)
        throw new RangeError(`${value} is none of ${[...numbers.keys()].join(', ')}`);
      into.setUint32(offset, number >>> 0, little);
    },
    decode(from, offset) {
      const number = from.getUint32(offset, little);
      const member = names.get(number) ?? names.get(number | 0);
      if (member === undefined) throw new RangeError(`${number} is no member of enum ${name}`);
      return member;
    },
  };
}

/** A C struct: fields in order, naturally aligned, padding zero. `vtepMac` here is `vtep_mac` in C. */
export function struct<F extends Record<string, Codec<unknown>>>(
  name: string,
  fields: F,
): Codec<{ readonly [K in keyof F]: ValueOf<F[K]> }> {
  type Value = { readonly [K in keyof F]: ValueOf<F[K]> };
  const places = layOut(fields);
  const layout = structLayout(name, places);
  return {
    size: layout.size,
    layout,
    encode(value: unknown, into, offset) {
      if (!isRecord(value))
        throw new TypeError(`${typeName(value)} is not an object with the fields of ${name}`);
      view(into, offset, layout.size).fill(0);
      for (const place of places) {
        at(place.name, () => place.codec.encode(value[place.name], into, offset + place.offset));
      }
    },
    decode: (from, offset) =>
      Object.fromEntries(
        places.map((place) => [place.name, place.codec.decode(from, offset + place.offset)]),
      ) as Value,
  };
}

interface Place {
  readonly name: string;
  readonly offset: number;
  readonly codec: Codec<unknown>;
}

function layOut(fields: Record<string, Codec<unknown>>): Place[] {
  let end = 0;
  return Object.entries(fields).map(([name, codec]) => {
    const offset = align(end, alignmentOf(codec.layout));
    end = offset + codec.size;
    return { name, offset, codec };
  });
}

function structLayout(
  name: string,
  places: readonly Place[],
): Layout & { readonly kind: 'struct' } {
  const fields: FieldLayout[] = places.map((place) => ({
    name: place.name,
    offset: place.offset,
    layout: place.codec.layout,
  }));
  const last = places.at(-1);
  const end = last === undefined ? 0 : last.offset + last.codec.size;
  const alignment = alignmentOf({ kind: 'struct', size: end, name, fields });
  return { kind: 'struct', size: align(end, alignment), name, fields };
}

/** Another TypeScript shape for the same bytes. */
export function mapped<A, B>(codec: Codec<A>, to: (a: A) => B, from: (b: B) => A): Codec<B> {
  return {
    size: codec.size,
    layout: codec.layout,
    encode: (value, into, offset) => codec.encode(from(value), into, offset),
    decode: (view, offset) => to(codec.decode(view, offset)),
  };
}

/** The bytes of one value. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const out = new Uint8Array(codec.size);
  codec.encode(value, viewOf(out), 0);
  return out;
}

/** The value in some bytes. */
export function decode<T>(codec: Codec<T>, from: Uint8Array, offset = 0): T {
  return codec.decode(viewOf(from), offset);
}

function viewOf(from: Uint8Array): DataView {
  return new DataView(from.buffer, from.byteOffset, from.byteLength);
}

function view(of: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(of.buffer, of.byteOffset + offset, length);
}

/** Errors inside a struct name the field: `tunnel.vni: 16777216 does not fit`. */
function at(field: string, encode: () => void): void {
  try {
    encode();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    const path = `${field}${/^[\w.]+: /.test(error.message) ? '.' : ': '}${error.message}`;
    throw error instanceof RangeError
      ? new RangeError(path, { cause: error })
      : new TypeError(path, { cause: error });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function typeName(value: unknown): string {
  return value === null
    ? 'null'
    : Array.isArray(value)
      ? 'an array'
      : `a value of type ${typeof value}`;
}
