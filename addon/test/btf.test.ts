import { existsSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { Btf } from '../lib/index.js';
import { fixture } from './support/compile.js';

test('a struct has its fields at their places, nested ones behind their type', (t) => {
  const btf = Btf.open(fixture('counter'));
  const traffic = btf.struct('traffic');
  t.is(traffic?.size, 40);
  t.deepEqual(
    traffic?.fields.map(({ name, offset }) => [name, offset]),
    [
      ['color', 0],
      ['seen', 8],
      ['words', 24],
      ['zero', 32],
    ],
  );
  const seen = btf.resolve(traffic?.fields[1]?.type ?? 0);
  t.like(seen, { kind: 'struct', name: 'inner', size: 16 });
});

test('an enum that only a struct mentions has its names and numbers', (t) => {
  const btf = Btf.open(fixture('counter'));
  t.deepEqual(
    [...(btf.enum('color') ?? [])],
    [
      ['COLOR_RED', 1],
      ['COLOR_BLUE', 2],
    ],
  );
  t.is(btf.enum('shape'), undefined);
});

test('types are found by name and kind', (t) => {
  const btf = Btf.open(fixture('counter'));
  t.like(btf.find('count', 'function'), { kind: 'function', name: 'count' });
  t.is(btf.find('count', 'struct'), undefined);
  t.like(btf.find('__be16', 'typedef'), { kind: 'typedef' });
  t.is(btf.sizeOf(btf.find('__be16', 'typedef')?.id ?? 0), 2);
  t.true([...btf.types].length > 10);
});

test("the kernel's own types are read where it has them", (t) => {
  if (!existsSync('/sys/kernel/btf/vmlinux')) {
    t.log('skipped: this kernel has no BTF (/sys/kernel/btf/vmlinux)');
    t.pass();
    return;
  }
  const btf = Btf.kernel();
  t.true((btf.struct('sk_buff')?.size ?? 0) > 100);
  t.is(btf.enum('bpf_map_type')?.get('BPF_MAP_TYPE_LPM_TRIE'), 11);
});

test('an id that is not there, or no BTF at all, is an error', (t) => {
  const btf = Btf.open(fixture('counter'));
  t.throws(() => btf.type(1_000_000), { instanceOf: RangeError });
  t.throws(() => Btf.open('/nonexistent'), { name: 'BpfError', code: 'ENOENT' });
  t.throws(() => new Btf(new Uint8Array(10)), { instanceOf: RangeError });
});

test('damaged BTF gives an error or types, never anything worse', (t) => {
  const data = rawBtf();
  fc.assert(
    fc.property(fc.nat(data.length - 1), fc.nat(255), (at, byte) => {
      const damaged = data.slice();
      damaged[at] = byte;
      try {
        const btf = new Btf(damaged);
        for (const type of btf.types) btf.find(type.name, 'struct');
      } catch (error) {
        t.true(error instanceof RangeError, String(error));
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});

/** One struct of one int, by hand: header, two types, strings. */
function rawBtf(): Uint8Array {
  const strings = Buffer.from('\0int\0s\0a\0');
  const types = [1, 0x01000000, 4, 0x01000020, 5, 0x04000001, 4, 7, 1, 0];
  const words = [24, 0, types.length * 4, types.length * 4, strings.length];
  const bytes = Buffer.alloc(24 + types.length * 4);
  bytes.writeUInt16LE(0xeb9f, 0);
  bytes.writeUInt8(1, 2);
  words.forEach((word, index) => bytes.writeUInt32LE(word, 4 + index * 4));
  types.forEach((word, index) => bytes.writeUInt32LE(word, 24 + index * 4));
  return new Uint8Array(Buffer.concat([bytes, strings]));
}
