import test from 'ava';
import fc from 'fast-check';
import {
  array,
  Btf,
  bytes,
  checkCodec,
  decode,
  encode,
  enumeration,
  mapped,
  struct,
  u16,
  u16be,
  u32,
  u32be,
  u64,
  u8,
} from '../lib/index.js';
import type { Codec } from '../lib/index.js';
import { fixture } from './support/compile.js';

const color = enumeration('color', { red: 1, blue: 2 });
const inner = struct('inner', { packets: u64, bytes: u64 });

const values: [string, Codec<unknown>, fc.Arbitrary<unknown>][] = [
  ['u8', u8, fc.integer({ min: 0, max: 0xff })],
  ['u16', u16, fc.integer({ min: 0, max: 0xffff })],
  ['u16be', u16be, fc.integer({ min: 0, max: 0xffff })],
  ['u32', u32, fc.integer({ min: 0, max: 0xffffffff })],
  ['u32be', u32be, fc.integer({ min: 0, max: 0xffffffff })],
  ['u64', u64, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })],
  ['bytes', bytes(5), fc.uint8Array({ minLength: 5, maxLength: 5 })],
  [
    'array',
    array(u16, 3),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 3, maxLength: 3 }),
  ],
  ['enumeration', color, fc.constantFrom('red', 'blue')],
  [
    'struct',
    struct('mixed', { a: u8, b: u32, inner, c: u8 }),
    fc.record({
      a: fc.integer({ min: 0, max: 0xff }),
      b: fc.integer({ min: 0, max: 0xffffffff }),
      inner: fc.record({
        packets: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        bytes: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      }),
      c: fc.integer({ min: 0, max: 0xff }),
    }),
  ],
];

for (const [name, codec, arbitrary] of values) {
  test(`what ${name} encodes, it decodes`, (t) => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        t.deepEqual(decode(codec, encode(codec, value)), value);
      }),
      { numRuns: 50 },
    );
  });
}

test('network order puts the high byte first', (t) => {
  t.deepEqual(encode(u16be, 0x0800), Uint8Array.of(8, 0));
  t.deepEqual(encode(u32be, 0xc0a80101), Uint8Array.of(192, 168, 1, 1));
});

test('fields lie where C puts them, and padding is zero', (t) => {
  const codec = struct('mixed', { a: u8, b: u32, c: u8, d: u64, e: u16 });
  t.is(codec.size, 32);
  const into = new Uint8Array(codec.size).fill(0xff);
  codec.encode({ a: 1, b: 2, c: 3, d: 4n, e: 5 }, new DataView(into.buffer), 0);
  t.deepEqual(
    [...into.entries()].filter(([, byte]) => byte !== 0),
    [
      [0, 1],
      [4, 2],
      [8, 3],
      [16, 4],
      [24, 5],
    ],
  );
});

test('a mapped codec has another shape and the same bytes', (t) => {
  const text = mapped(
    bytes(4),
    (address) => address.join('.'),
    (dotted: string) => Uint8Array.from(dotted.split('.'), Number),
  );
  t.deepEqual(encode(text, '10.0.0.1'), Uint8Array.of(10, 0, 0, 1));
  t.is(decode(text, Uint8Array.of(10, 0, 0, 1)), '10.0.0.1');
});

const wrong: [string, () => unknown, RegExp][] = [
  ['a number that does not fit', () => encode(u8, 256), /^256 does not fit in 8 bits$/],
  ['a negative number', () => encode(u32, -1), /^-1 does not fit in 32 bits$/],
  ['a fraction', () => encode(u16, 1.5), /^1\.5 does not fit in 16 bits$/],
  ['NaN', () => encode(u16, Number.NaN), /^NaN does not fit/],
  [
    'a number for a bigint',
    () => encode(u64, 1 as never),
    /^a value of type number is not a bigint$/,
  ],
  ['2 ** 64', () => encode(u64, 1n << 64n), /^18446744073709551616 does not fit in 64 bits$/],
  ['too few bytes', () => encode(bytes(6), new Uint8Array(5)), /^5 bytes given, 6 expected$/],
  [
    'text for bytes',
    () => encode(bytes(6), 'abcdef' as never),
    /^a value of type string is not a Uint8Array$/,
  ],
  ['too many items', () => encode(array(u8, 1), [1, 2]), /^2 items given, 1 expected$/],
  ['an unknown name', () => encode(color, 'green' as never), /^green is none of red, blue$/],
  [
    'an unknown number',
    () => decode(color, Uint8Array.of(9, 0, 0, 0)),
    /^9 is no member of enum color$/,
  ],
  [
    'null for a struct',
    () => encode(inner, null as never),
    /^null is not an object with the fields of inner$/,
  ],
  [
    'a wrong field deep inside',
    () => encode(struct('s', { list: array(inner, 1) }), { list: [{ packets: 1n, bytes: -1n }] }),
    /^list\.0\.bytes: -1 does not fit in 64 bits$/,
  ],
  [
    'a missing field',
    () => encode(inner, { packets: 1n } as never),
    /^bytes: a value of type undefined/,
  ],
];

for (const [name, run, message] of wrong) {
  test(`${name} is refused, with the field's name`, (t) => {
    t.throws(run, { message });
  });
}

const traffic = { color, seen: inner, words: array(u32be, 2) };

test('a codec that lies as C does is accepted; fields that only fill space may be left out', (t) => {
  const btf = Btf.open(fixture('counter'));
  t.notThrows(() => checkCodec(btf, struct('traffic', { ...traffic, zero: bytes(8) })));
  t.throws(() => checkCodec(btf, struct('traffic', traffic)), {
    message: /has 40 bytes, expected 32/,
  });
  t.notThrows(() => checkCodec(btf, color));
  t.notThrows(() => checkCodec(btf, array(inner, 4)));
});

const mismatches: [Codec<unknown>, string][] = [
  [struct('nowhere', { a: u8 }), 'struct nowhere is not in abi.h'],
  [enumeration('shape', { round: 1 }), 'enum shape is not in abi.h'],
  [struct('inner', { packets: u32, bytes: u64 }), 'inner.packets has 8 bytes, expected 4'],
  [struct('inner', { bytes: u64, packets: u64 }), 'inner.bytes is at 8, expected 0'],
  [struct('inner', { packets: u64 }), 'inner.bytes is not in abi.ts'],
  [struct('inner', { packets: u64, lostPackets: u64 }), 'inner.lost_packets is not in abi.h'],
  [
    struct('inner', { packets: inner, bytes: u64 }),
    'inner.packets is an int, expected struct inner',
  ],
  [struct('traffic', { color: u32, seen: u64 }), 'traffic.seen is a struct, expected an integer'],
  [
    struct('traffic', { color, seen: struct('inner', { packets: u64, octets: u64 }) }),
    'traffic.seen.octets is not in abi.h',
  ],
  [
    struct('traffic', { color, seen: inner, words: array(u32be, 3) }),
    'traffic.words has 2 items, expected 3',
  ],
  [
    struct('traffic', { color, seen: inner, words: array(u32, 2) }),
    'traffic.words[] is in network order, expected host order',
  ],
  [enumeration('color', { red: 1, blue: 3 }), 'COLOR_BLUE of enum color is 2, expected 3'],
  [enumeration('color', { red: 1 }), 'COLOR_BLUE of enum color is not in abi.ts'],
  [enumeration('color', { red: 1, blue: 2, green: 3 }), 'GREEN of enum color is not in abi.h'],
  [
    struct('traffic', { color: enumeration('color', { red: 2, blue: 1 }), seen: inner }),
    'COLOR_RED of enum color is 1, expected 2',
  ],
];

for (const [codec, message] of mismatches) {
  test(`refused: ${message}`, (t) => {
    t.throws(() => checkCodec(Btf.open(fixture('counter')), codec), {
      name: 'BtfMismatch',
      message: `abi.h and abi.ts disagree: ${message}`,
    });
  });
}

test('the files of a mismatch can be named', (t) => {
  const sides = { c: 'maps.h', typescript: 'tables.ts' };
  t.throws(() => checkCodec(Btf.open(fixture('counter')), struct('nowhere', { a: u8 }), sides), {
    message: 'maps.h and tables.ts disagree: struct nowhere is not in maps.h',
  });
});
