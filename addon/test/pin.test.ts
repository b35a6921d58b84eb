import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BpfMap, features, kernel, Link, open, Program, query, u32 } from '../lib/index.js';
import { bpffs } from './support/bpffs.js';
import { fixture } from './support/compile.js';
import { kernelTest } from './support/kernel.js';
import { veth } from './support/veth.js';

kernelTest('a pinned map outlives its object and is opened by its path', (t) => {
  const path = join(bpffs(t), 'large');
  const object = open(fixture('maps')).load();
  object.map('large', u32, u32).set(1, 2).pin(path);
  object[Symbol.dispose]();
  using map = BpfMap.open(path, u32, u32);
  t.is(map.get(1), 2);
  t.is(map.name, 'large');
  t.is(map.pinPath, path);
  t.throws(() => BpfMap.open(path, u32, u32).pin(path), { name: 'BpfError', code: 'EEXIST' });
  map.unpin();
  t.false(existsSync(path));
  t.is(map.get(1), 2, 'the handle holds it still');
  t.throws(() => map.unpin(), { message: 'large is not pinned' });
  t.throws(() => BpfMap.open(path), { name: 'BpfError', code: 'ENOENT' });
});

kernelTest('a pinned program is opened and run by its path', (t) => {
  const path = join(bpffs(t), 'one');
  const object = open(fixture('chain')).load();
  object.program('one').pin(path);
  object[Symbol.dispose]();
  using program = Program.open(path);
  t.is(program.name, 'one');
  t.is(program.run(new Uint8Array(64)).returnValue, 0xffffffff);
  program.unpin();
  t.false(existsSync(path));
});

kernelTest('a pinned link keeps its program on the hook when every handle is closed', (t) => {
  if (!features.tcx()) {
    t.log(`skipped: this kernel (${kernel.release}) has no TCX, it came with 6.6`);
    t.pass();
    return;
  }
  const path = join(bpffs(t), 'link');
  const pair = veth(t);
  const hook = { kind: 'tcx', ifindex: pair.near, direction: 'egress' } as const;
  const object = open(fixture('chain')).load();
  pair.within(() => {
    using link = object.program('one').attach(hook);
    link.pin(path);
  });
  const programId = object.program('one').info.id;
  object[Symbol.dispose]();
  t.is(pair.within(() => query(hook)).programs[0]?.programId, programId);

  using next = open(fixture('chain')).load();
  using link = Link.open(path);
  t.like(link, { kind: 'tcx' });
  t.like(link.info, { programId, ifindex: pair.near, direction: 'egress' });
  link.update(next.program('two'));
  t.is(pair.within(() => query(hook)).programs[0]?.programId, next.program('two').info.id);
  link.unpin();
  link.detach();
  t.deepEqual(pair.within(() => query(hook)).programs, []);
});

kernelTest('a pin of another kind is refused by what it is', (t) => {
  const path = join(bpffs(t), 'large');
  using object = open(fixture('maps')).load();
  object.map('large').pin(path);
  t.throws(() => Program.open(path), {
    name: 'BpfError',
    message: `cannot open ${path}: EINVAL: it is a map, not a program`,
  });
  t.throws(() => Link.open(path), { name: 'BpfError', message: /it is a map, not a link$/ });
  t.throws(() => BpfMap.open(path, u32, { ...u32, size: 8 }), { instanceOf: RangeError });
});

kernelTest('load pins maps where pinPath says, and the next object takes them from there', (t) => {
  const path = join(bpffs(t), 'by_mark');
  const withPin = () => {
    const blueprint = open(fixture('counter'));
    const map = blueprint.maps.get('by_mark');
    if (map !== undefined) map.pinPath = path;
    return blueprint.load();
  };
  using first = withPin();
  first.program('count').run(new Uint8Array(64), { context: { mark: 5 } });
  using second = withPin();
  const map = second.map('by_mark');
  t.is(map.info.id, first.map('by_mark').info.id);
  t.is([...map.keys()].length, 1);
  map.unpin();
  t.false(existsSync(path));
});

kernelTest('an object reuses a map that is open, or pinned, and its program writes there', (t) => {
  const path = join(bpffs(t), 'by_mark');
  using first = open(fixture('counter')).load();
  const map = first.map('by_mark');
  map.pin(path);
  for (const from of [map, path]) {
    const blueprint = open(fixture('counter'));
    blueprint.maps.get('by_mark')?.reuse(from);
    using second = blueprint.load();
    t.is(second.map('by_mark').info.id, map.info.id);
  }
  map.unpin();
});

kernelTest('a map that does not fit is not reused, and the difference is named', (t) => {
  using other = open(fixture('maps')).load();
  const blueprint = open(fixture('counter'));
  const wanted = blueprint.maps.get('by_mark');
  t.throws(() => wanted?.reuse(other.map('large')), {
    name: 'BpfError',
    message:
      'cannot reuse large: EINVAL: its value size is 4, expected 40, its max_entries is 20000, expected 16',
  });
  t.throws(() => wanted?.reuse('/nonexistent'), { name: 'BpfError', code: 'ENOENT' });
  blueprint[Symbol.dispose]();
});

kernelTest('a map of the same sizes but other fields is not reused', (t) => {
  using old = open(fixture('renamed')).load();
  const blueprint = open(fixture('counter'));
  t.throws(() => blueprint.maps.get('by_mark')?.reuse(old.map('by_mark')), {
    name: 'BtfMismatch',
    message: 'cannot reuse by_mark: value.seen.packets is bytes there',
  });
  blueprint[Symbol.dispose]();
});
