import test from 'ava';
import fc from 'fast-check';
import { bytes, open, possibleCpus, struct, u32, u8 } from '../lib/index.js';
import type { BpfMap, BpfObject } from '../lib/index.js';
import { array } from '../lib/codec.js';
import { fixture } from './support/compile.js';
import { kernelTest } from './support/kernel.js';

const value = struct('value', { a: u32, b: bytes(3) });
const prefix = struct('prefix', { length: u32, address: bytes(4) });
const some = (a: number) => ({ a, b: Uint8Array.of(1, 2, a & 0xff) });

/** What every map with keys of its own promises. */
for (const name of ['hash', 'lru_hash']) {
  kernelTest(`a ${name} map behaves like a JavaScript Map`, (t) => {
    using object = loaded();
    const map = object.map(name, u32, value);
    t.is(map.get(1), undefined);
    t.false(map.has(1));
    t.is(map.set(1, some(10)).set(2, some(20)), map);
    t.deepEqual(map.get(1), some(10));
    t.true(map.has(2));
    t.deepEqual([...map.keys()].sort(), [1, 2]);
    t.deepEqual(byKey(map), [
      [1, some(10)],
      [2, some(20)],
    ]);
    t.deepEqual([...map.values()].map(({ a }) => a).sort(), [10, 20]);
    t.true(map.delete(1));
    t.false(map.delete(1));
    t.is(
      map.setAll([
        [1, some(1)],
        [3, some(3)],
      ]),
      2,
    );
    t.is(map.deleteAll([1, 5, 3, 6]), 2);
    t.deepEqual(map.take(2), some(20));
    t.is(map.take(2), undefined);
    t.deepEqual(map.readAll(), []);
  });
}

kernelTest('an array has all its entries from the start and deletes none', (t) => {
  using object = loaded();
  const map = object.map('array', u32, value);
  t.is(map.readAll().length, 64);
  t.is(
    map.setAll([
      [3, some(3)],
      [4, some(4)],
    ]),
    2,
  );
  t.deepEqual(map.get(4), some(4));
  t.throws(() => map.delete(4), {
    name: 'BpfError',
    code: 'EINVAL',
    message: /^cannot delete from array: /,
  });
  t.throws(() => map.deleteAll([4]), { name: 'BpfError', code: 'EINVAL' });
  t.throws(() => map.set(64, some(1)), { name: 'BpfError', code: 'E2BIG' });
});

kernelTest('flags say whether a key may be new', (t) => {
  using object = loaded();
  const map = object.map('hash', u32, value);
  t.throws(() => map.set(1, some(1), 'exist'), { name: 'BpfError', code: 'ENOENT' });
  map.set(1, some(1), 'no-exist');
  t.throws(() => map.set(1, some(1), 'no-exist'), {
    name: 'BpfError',
    code: 'EEXIST',
    message: 'cannot write to hash: EEXIST: File exists',
  });
  t.throws(() => map.set(1, some(1), 'always' as never), { instanceOf: TypeError });
});

for (const name of ['percpu_hash', 'percpu_array', 'lru_percpu_hash']) {
  kernelTest(`a ${name} map has a value for each possible CPU`, (t) => {
    using object = loaded();
    const map = object.map(name, u32, value);
    const each = Array.from({ length: possibleCpus() }, (_, cpu) => some(cpu + 1));
    map.setPerCpu(7, each);
    t.deepEqual(map.getPerCpu(7), each);
    t.deepEqual(new Map(map.readAllPerCpu()).get(7), each);
    t.true(map.has(7));
    t.throws(() => map.get(7), { instanceOf: TypeError, message: /use getPerCpu/ });
    t.throws(() => map.set(7, some(1)), { instanceOf: TypeError, message: /use setPerCpu/ });
    t.throws(() => map.setAll([]), { instanceOf: TypeError });
    t.throws(() => map.readAll(), { instanceOf: TypeError });
    t.throws(() => map.setPerCpu(7, [...each, some(1)]), { instanceOf: RangeError });
  });
}

kernelTest("a program adds to its own CPU's value only", (t) => {
  using object = loaded();
  object.program('on_each_cpu').run(new Uint8Array(64), { repeat: 5 });
  const counts = object.map('percpu_array', u32, value).getPerCpu(1) ?? [];
  t.is(counts.length, possibleCpus());
  t.is(
    counts.reduce((sum, { a }) => sum + a, 0),
    5,
  );
  t.is(Math.max(...counts.map(({ a }) => a)), 5);
});

kernelTest('an LPM trie finds the longest prefix that an address has', (t) => {
  using object = loaded();
  const map = object.map('lpm_trie', prefix, value);
  const cidr = (length: number, ...address: number[]) => ({
    length,
    address: Uint8Array.from(address),
  });
  t.is(
    map.setAll([
      [cidr(8, 10, 0, 0, 0), some(8)],
      [cidr(24, 10, 1, 2, 0), some(24)],
      [cidr(32, 10, 1, 2, 3), some(32)],
    ]),
    3,
  );
  t.is(map.get(cidr(32, 10, 1, 2, 3))?.a, 32);
  t.is(map.get(cidr(32, 10, 1, 2, 4))?.a, 24);
  t.is(map.get(cidr(32, 10, 9, 9, 9))?.a, 8);
  t.is(map.get(cidr(32, 11, 0, 0, 1)), undefined);
  t.is(map.readAll().length, 3);
  t.is([...map.keys()].length, 3);
  t.is(map.deleteAll([cidr(8, 10, 0, 0, 0), cidr(9, 10, 0, 0, 0)]), 1);
  t.is(map.get(cidr(32, 10, 9, 9, 9)), undefined);
});

kernelTest(
  'a queue gives the oldest value, a stack the newest, and both are full at their size',
  (t) => {
    using object = loaded();
    const none = new Uint8Array(0);
    for (const [name, order] of [
      ['queue', [1, 2, 3, 4]],
      ['stack', [4, 3, 2, 1]],
    ] as const) {
      const map = object.map(name, bytes(0), value);
      for (const a of [1, 2, 3, 4]) map.set(none, some(a));
      t.throws(() => map.set(none, some(5)), { name: 'BpfError', code: 'E2BIG' });
      t.is(map.get(none)?.a, order[0]); // looks, does not take
      t.deepEqual(
        order.map(() => map.take(none)?.a),
        [...order],
      );
      t.is(map.take(none), undefined);
    }
  },
);

kernelTest('maps of references exist and are empty', (t) => {
  using object = loaded();
  t.like(object.map('prog_array').info, { type: 'prog_array', valueSize: 4 });
  t.is(object.map('prog_array', u32, u32).get(0), undefined);
  t.is(object.map('devmap', u32, u32).get(0), undefined);
  t.like(object.map('cpumap').info, { type: 'cpumap' });
  t.like(object.map('xskmap').info, { type: 'xskmap' });
  t.like(object.map('ringbuf').info, { type: 'ringbuf', keySize: 0, maxEntries: 65536 });
});

kernelTest('20 000 entries are written, read and deleted in batches', (t) => {
  using object = loaded();
  const map = object.map('large', u32, u32);
  const entries = Array.from({ length: 20_000 }, (_, key) => [key, key * 2] as const);
  t.is(map.setAll(entries), 20_000);
  t.true(byKey(map.readAll()).every(([key, value], index) => key === index && value === key * 2));
  const batches = [...map.readBatches()];
  t.is(
    batches.reduce((sum, { count }) => sum + count, 0),
    20_000,
  );
  t.true(
    batches.every(
      ({ keys, values, count }) => keys.length === 4 * count && values.length === 4 * count,
    ),
  );
  t.is(map.deleteAll(entries.map(([key]) => key)), 20_000);
  t.deepEqual(map.readAll(), []);
  t.deepEqual([...map.readBatches()], []);
});

kernelTest('a batch that ends early says how many entries were written', (t) => {
  using object = loaded();
  const map = object.map('hash', u32, value);
  const entries = Array.from({ length: 100 }, (_, key) => [key, some(key)] as const);
  t.throws(() => map.setAll(entries), {
    name: 'BpfError',
    code: 'E2BIG',
    message: /^cannot write all entries to hash: E2BIG: .* \(64 done\)$/,
  });
  t.is(map.readAll().length, 64);
});

kernelTest('what is deleted while one iterates does not end the walk', (t) => {
  using object = loaded();
  const map = object.map('hash', u32, value);
  map.setAll(Array.from({ length: 50 }, (_, key) => [key, some(key)] as const));
  let seen = 0;
  for (const [key] of map) {
    map.delete(key);
    seen++;
  }
  t.is(seen, 50);
  t.is([...map].length, 0);
});

kernelTest('a frozen map is read and no more written', (t) => {
  using object = loaded();
  const map = object.map('hash', u32, value).set(1, some(1));
  map.freeze();
  t.deepEqual(map.get(1), some(1));
  t.throws(() => map.set(2, some(2)), { name: 'BpfError', code: 'EPERM' });
});

kernelTest('views of one map see the same entries and close together', (t) => {
  using object = loaded();
  const map = object.map('hash', u32, value).set(1, some(9));
  const raw = map.typed(bytes(4), bytes(8));
  t.deepEqual(raw.get(Uint8Array.of(1, 0, 0, 0)), Uint8Array.of(9, 0, 0, 0, 1, 2, 9, 0));
  t.throws(() => map.typed(u32, u32), {
    instanceOf: RangeError,
    message: 'the value of hash has 8 bytes, its codec 4',
  });
  map[Symbol.dispose]();
  map[Symbol.dispose]();
  t.throws(() => raw.has(new Uint8Array(4)), { message: 'hash is closed' });
});

kernelTest("a codec of the map's size but another layout is refused", (t) => {
  using object = loaded();
  t.throws(() => object.map('hash', u32, struct('value', { b: array(u8, 4), a: u32 })), {
    name: 'BtfMismatch',
  });
  t.throws(() => object.map('hash', bytes(3), value), { name: 'BtfMismatch' });
});

kernelTest('a map and a JavaScript Map agree after any sequence of operations', (t) => {
  using object = loaded();
  const map: BpfMap<number, number> = object.map('large', u32, u32);
  const key = fc.integer({ min: 0, max: 20 });
  const step = fc.oneof(
    fc.record({ op: fc.constant('set' as const), key, value: fc.nat() }),
    fc.record({ op: fc.constant('delete' as const), key, value: fc.nat() }),
    fc.record({ op: fc.constant('take' as const), key, value: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      map.deleteAll([...map.keys()]);
      const model = new Map<number, number>();
      for (const { op, key: at, value: to } of steps) {
        if (op === 'set') {
          map.set(at, to);
          model.set(at, to);
        } else if (op === 'delete') {
          t.is(map.delete(at), model.delete(at));
        } else {
          t.is(map.take(at), model.get(at));
          model.delete(at);
        }
      }
      t.deepEqual(byKey(map), byKey(model));
    }),
    { numRuns: 60 },
  );
});

test('a map type is told by its name', (t) => {
  using object = open(fixture('maps'));
  for (const [name, map] of object.maps) {
    if (name !== 'large' && !name.startsWith('.')) t.is(map.type, name as typeof map.type);
  }
});

function loaded(): BpfObject {
  return open(fixture('maps')).load();
}

/** Hashes have no order. */
function byKey<T>(entries: Iterable<readonly [number, T]>): (readonly [number, T])[] {
  return [...entries].sort(([a], [b]) => a - b);
}
