import { readFileSync } from 'node:fs';
import test from 'ava';
import { bytes, enumeration, open, struct, u16be, u32 } from '../lib/index.js';
import { fixture } from './support/compile.js';
import { kernelTest } from './support/kernel.js';

const color = enumeration('color', { red: 1, blue: 2 });
const settings = struct('settings', { verdict: u32, port: u16be, mac: bytes(6), color });
const frame = new Uint8Array(64);

test('an open object names its programs and maps before anything is loaded', (t) => {
  using object = open(fixture('counter'));
  t.is(object.name, 'counter');
  const program = object.programs.get('count');
  t.is(program?.type, 'sched_cls');
  t.is(program?.section, 'tc');
  t.true(program?.autoload);
  t.like(object.maps.get('by_mark'), { type: 'hash', keySize: 4, valueSize: 40, maxEntries: 16 });
  t.deepEqual([...object.maps.keys()], ['by_mark', '.rodata', '.bss']);
});

test('bytes in memory open like a file, under a name of their own', (t) => {
  using object = open(readFileSync(fixture('counter')), { name: 'inline' });
  t.is(object.name, 'inline');
});

test('what is no object is refused with the reason', (t) => {
  t.throws(() => open('/nonexistent/x.o'), {
    name: 'BpfError',
    code: 'ENOENT',
    message: /^cannot open \/nonexistent\/x\.o: ENOENT: /,
  });
  t.throws(() => open(new Uint8Array(100)), {
    name: 'BpfError',
    message: /^cannot open object of 100 bytes: /,
  });
  t.throws(() => open(new Uint8Array(0)), { name: 'BpfError' });
});

kernelTest('read-only data set before load is what the program sees', (t) => {
  const { object } = loaded(2);
  using loadedObject = object;
  t.is(loadedObject.program('count').run(frame).returnValue, 2);
});

kernelTest('variables of .bss start at what was set and are read back as a map', (t) => {
  using blueprint = open(fixture('counter'));
  blueprint.setGlobal('runs', u32, 40);
  using object = blueprint.load();
  object.program('count').run(frame, { repeat: 2 });
  t.deepEqual(object.map('.bss', u32, u32).get(0), 42);
});

test('a global that is not there, or whose codec does not fit, is refused', (t) => {
  using object = open(fixture('counter'));
  t.throws(() => object.setGlobal('nothing', u32, 1), {
    instanceOf: RangeError,
    message: 'counter has no global variable nothing',
  });
  t.throws(() => object.setGlobal('settings', u32, 1), {
    name: 'BtfMismatch',
    message: 'abi.h and abi.ts disagree: settings is a struct, expected an integer',
  });
  const stray = { verdict: 1, port: 65536, mac: new Uint8Array(6), color: 'red' } as const;
  t.throws(() => object.setGlobal('settings', settings, stray), {
    instanceOf: RangeError,
    message: 'port: 65536 does not fit in 16 bits',
  });
});

kernelTest('a run sees the context that was given and returns what the program left in it', (t) => {
  const { object } = loaded(0);
  using loadedObject = object;
  const { context, packet, returnValue } = loadedObject
    .program('count')
    .run(frame, { context: { mark: 41, ifindex: 1, cb: [9, 9] } });
  t.is(returnValue, 0);
  t.is(packet.length, frame.length);
  t.like(context, { mark: 42, cb: [9, 1, 0, 0, 0] });
});

kernelTest('the info of a program says what it is and when it was loaded', (t) => {
  const { object } = loaded(0);
  using loadedObject = object;
  const { info } = loadedObject.program('count');
  t.like(info, { name: 'count', type: 'sched_cls' });
  t.regex(info.tag, /^[0-9a-f]{16}$/);
  t.is(info.mapIds.length, 3);
  t.true(Math.abs(info.loadedAt.getTime() - Date.now()) < 60_000, info.loadedAt.toISOString());
});

kernelTest(
  'a program whose section says nothing loads once its type is set; autoload leaves others out',
  (t) => {
    using blueprint = open(fixture('unnamed'));
    const anywhere = blueprint.programs.get('anywhere');
    const tomorrow = blueprint.programs.get('tomorrow');
    if (anywhere === undefined || tomorrow === undefined) return t.fail('both programs are there');
    anywhere.type = 'sched_cls';
    anywhere.autoload = true;
    tomorrow.autoload = false;
    using object = blueprint.load();
    t.deepEqual(object.programNames, ['anywhere']);
    t.is(object.program('anywhere').run(frame).returnValue, 7);
    return undefined;
  },
);

kernelTest('the size of a map can be set before load', (t) => {
  using blueprint = open(fixture('counter'));
  const map = blueprint.maps.get('by_mark');
  if (map === undefined) return t.fail('by_mark is there');
  map.maxEntries = 1000;
  t.is(map.maxEntries, 1000);
  using object = blueprint.load();
  t.is(object.map('by_mark').info.maxEntries, 1000);
  return undefined;
});

kernelTest('an object is used up by load, and answers that it is closed', (t) => {
  using blueprint = open(fixture('counter'));
  const map = blueprint.maps.get('by_mark');
  using object = blueprint.load();
  t.truthy(object);
  t.throws(() => blueprint.load(), { message: 'counter is closed' });
  t.throws(() => blueprint.setGlobal('runs', u32, 1), { message: 'counter is closed' });
  t.throws(
    () => {
      if (map !== undefined) map.maxEntries = 5;
    },
    { message: 'counter is closed' },
  );
});

kernelTest('a wrong name is answered with the right ones', (t) => {
  const { object } = loaded(0);
  using loadedObject = object;
  t.throws(() => loadedObject.program('coutn'), {
    message: 'counter has no loaded program coutn; there is count',
  });
  t.throws(() => loadedObject.map('nothing'), {
    message: 'counter has no map nothing; there is by_mark, .rodata, .bss',
  });
});

kernelTest('closing an object closes its programs and maps, twice is fine', (t) => {
  const { object } = loaded(0);
  const program = object.program('count');
  const map = object.map('by_mark');
  object[Symbol.dispose]();
  object[Symbol.dispose]();
  t.throws(() => program.run(frame), { message: 'count is closed' });
  t.throws(() => map.has(new Uint8Array(4)), { message: 'by_mark is closed' });
});

function loaded(verdict: number) {
  const blueprint = open(fixture('counter'));
  blueprint.setGlobal('settings', settings, {
    verdict,
    port: 80,
    mac: new Uint8Array(6),
    color: 'blue',
  });
  return { object: blueprint.load() };
}
