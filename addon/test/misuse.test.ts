import { readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import * as library from '../lib/index.js';
import { bytes, mapped, open, u32 } from '../lib/index.js';
import type { BpfObject } from '../lib/index.js';
import { native } from '../lib/native.js';
import { fixture } from './support/compile.js';
import { kernelTest } from './support/kernel.js';
import { veth } from './support/veth.js';

/** How many calls with nonsense; `BPF_TS_FUZZ=1000000` for a long run. */
const numRuns = Number(process.env['BPF_TS_FUZZ'] ?? 3000);

const sample = fc.oneof(
  fc.anything({ withBigInt: true, withTypedArray: true, withNullPrototype: true, maxDepth: 1 }),
  fc.constantFrom<unknown>(
    undefined,
    null,
    NaN,
    -1,
    2 ** 32,
    2 ** 53,
    Symbol('s'),
    () => 1,
    {},
    [],
    '',
    '\0',
    1n << 64n,
  ),
  fc.uint8Array({ maxLength: 40 }),
  fc.nat(40),
  fc.boolean(),
  fc.constantFrom('hash', 'one', 'large', 'ingress', 'map', 'program', 'link', 'no-exist', '.bss'),
);

type Call = (...args: unknown[]) => unknown;

kernelTest('F42 nonsense passed to any function of the library is an Error or an answer', (t) => {
  const pair = veth(t);
  using handles = new Handles();
  const calls = [...methodsOf(handles.public), ...functionsOf(library)];
  pair.within(() => fuzz(calls, handles));
  t.true(calls.length > 60, `${calls.length} functions`);
});

kernelTest(
  'F42 nonsense passed to native code behind the library is an Error or an answer',
  (t) => {
    const pair = veth(t);
    using handles = new Handles();
    const calls = [...methodsOf(handles.native), ...functionsOf({ ...native })];
    pair.within(() => fuzz(calls, handles));
    t.true(calls.length >= 45, `${calls.length} functions`);
  },
);

kernelTest('F42 a method borrowed by another object refuses it', (t) => {
  using handles = new Handles();
  for (const one of handles.native) {
    for (const [, method] of methods(one)) {
      for (const other of [{}, null, ...handles.native]) {
        if (other !== one && other?.constructor !== one.constructor)
          t.throws(() => Reflect.apply(method, other, []), { instanceOf: TypeError });
      }
    }
  }
});

kernelTest('F42 a handle that is constructed instead of opened is closed', (t) => {
  using handles = new Handles();
  for (const one of handles.native.slice(1)) {
    const Type = one.constructor as new () => Record<string, Call>;
    if (Type.name === 'OpenObject' || Type.name === 'RingBuffer') continue;
    const made = new Type();
    t.throws(() => made['info']?.(), { message: 'this handle is closed' });
    t.notThrows(() => made['close']?.());
  }
});

kernelTest(
  'F42 a map that is closed, or a garbage collection, while a key is encoded does no harm',
  (t) => {
    using object = open(fixture('maps')).load();
    const collecting = mapped(u32, Number, (key: number) => {
      globalThis.gc?.();
      return key;
    });
    const map = object.map('large', collecting, collecting);
    t.is(map.set(1, 2).get(1), 2);
    const closing = mapped(u32, Number, (key: number) => {
      map[Symbol.dispose]();
      return key;
    });
    t.throws(() => map.typed(closing, u32).get(1), { message: 'large is closed' });
    t.throws(() => map.typed(u32, closing).set(1, 1), { message: 'large is closed' });
  },
);

kernelTest('F42 handles that are forgotten give their descriptors back', async (t) => {
  globalThis.gc?.();
  await setImmediate();
  const before = descriptors();
  for (let round = 0; round < 30; round++) open(fixture('maps')).load();
  for (let round = 0; round < 30; round++)
    open(fixture('events')).load().map('events').records()[Symbol.asyncIterator]();
  const open60 = descriptors();
  t.true(open60 > before + 60, `${before} before, ${open60} with 60 objects open`);
  for (let round = 0; round < 20 && descriptors() > before; round++) {
    globalThis.gc?.();
    await setImmediate();
  }
  t.true(descriptors() <= before + 2, `${before} before, ${descriptors()} after`);
});

kernelTest('F42 opening and closing many times leaves nothing open', (t) => {
  open(fixture('counter')).load()[Symbol.dispose]();
  const before = descriptors();
  for (let round = 0; round < 200; round++) {
    using object = open(fixture('counter')).load();
    object.program('count').run(new Uint8Array(64));
  }
  t.is(descriptors(), before);
});

test('codecs of wrong sizes are refused before the kernel is asked', (t) => {
  t.throws(() => new library.BpfMap({} as never, u32, u32), { instanceOf: TypeError });
  t.throws(() => bytes(4).encode(new Uint8Array(3), new DataView(new ArrayBuffer(4)), 0), {
    instanceOf: RangeError,
  });
});

/** Some closed, some open, of each kind. */
class Handles implements Disposable {
  readonly #objects: BpfObject[] = [
    open(fixture('maps')).load(),
    open(fixture('chain')).load(),
    open(fixture('maps')).load(),
  ];
  readonly native = [
    new native.OpenObject(fixture('counter'), undefined),
    native.createMap(1, 'fuzzed', 4, 8, 8, 0),
    native.loadProgram(
      3,
      'fuzzed',
      Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0),
    ),
    new native.RingBuffer(native.createMap(27, 'fuzzed', 0, 0, 4096, 0)),
  ];
  readonly public: object[];

  constructor() {
    const [maps, chain, closed] = this.#objects;
    if (maps === undefined || chain === undefined || closed === undefined)
      throw new Error('three objects');
    closed[Symbol.dispose]();
    const map = maps.map('hash');
    const unloaded = open(fixture('counter'));
    const pieces = [...unloaded.maps.values(), ...unloaded.programs.values()];
    this.public = [
      unloaded,
      ...pieces,
      map,
      maps.map('percpu_array'),
      maps.map('queue'),
      maps.map('ringbuf'),
      chain.program('one'),
      maps,
      unloaded.btf,
    ];
  }

  [Symbol.dispose](): void {
    for (const object of this.#objects) object[Symbol.dispose]();
    for (const one of this.native) one.close();
  }
}

/** Not these: they replace the error classes, make or enter other namespaces, or belong to rtnetlink's own tests. */
const spared =
  /^(initialize|inNamespace|Namespace|Netlink|.*[Nn]etlink.*|enableStatistics|constructor)$/;

function functionsOf(of: object): [string, Call][] {
  return Object.entries(of).flatMap(([name, member]): [string, Call][] =>
    spared.test(name) || typeof member !== 'function'
      ? []
      : [
          [
            name,
            (...args) =>
              /^[A-Z]/.test(name)
                ? construct(member as new (...args: unknown[]) => unknown, args)
                : (member as Call)(...args),
          ],
        ],
  );
}

function construct(Type: new (...args: unknown[]) => unknown, args: unknown[]): unknown {
  return new Type(...args);
}

function methodsOf(all: readonly object[]): [string, Call][] {
  return all.flatMap((one) =>
    methods(one).map(([name, method]): [string, Call] => [
      `${one.constructor.name}.${name}`,
      (...args) => method.apply(one, args),
    ]),
  );
}

function methods(one: object): [string, Call][] {
  const prototype = Object.getPrototypeOf(one) as object;
  return Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(
    ([name, property]): [string, Call][] => {
      const method: unknown = 'value' in property ? property.value : Reflect.get(property, 'set');
      return typeof method === 'function' && !spared.test(name) ? [[name, method as Call]] : [];
    },
  );
}

function fuzz(calls: readonly [string, Call][], handles: Handles): void {
  const argument = fc.oneof(sample, fc.constantFrom<unknown>(...handles.native, ...handles.public));
  fc.assert(
    fc.property(
      fc.constantFrom(...calls),
      fc.array(argument, { maxLength: 6 }),
      ([name, call], args) => {
        try {
          call(...args);
        } catch (error) {
          if (!(error instanceof Error))
            throw new Error(`${name} threw what is no Error`, { cause: error });
        }
      },
    ),
    { numRuns },
  );
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
