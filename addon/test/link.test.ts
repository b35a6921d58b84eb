import { execFileSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import {
  array,
  detachClsact,
  features,
  kernel,
  open,
  query,
  queryClsact,
  struct,
  u32,
} from '../lib/index.js';
import type { BpfObject, Hook, Link, Program } from '../lib/index.js';
import { fixture, library } from './support/compile.js';
import { kernelTest } from './support/kernel.js';
import { veth } from './support/veth.js';

const noted = struct('noted', { met: u32, order: array(u32, 8) });

function tcxTest(title: string, run: (t: ExecutionContext) => void): void {
  kernelTest(title, (t) => {
    if (features.tcx()) return run(t);
    t.log(`skipped: this kernel (${kernel.release}) has no TCX, it came with 6.6`);
    t.pass();
  });
}

tcxTest('programs on a TCX hook run in the order that their positions say', (t) => {
  const pair = veth(t);
  using object = chain();
  const [one, two, three] = programs(object);
  const hook = { kind: 'tcx', ifindex: pair.near, direction: 'ingress' } as const;
  pair.within(() => {
    using second = two.attach(hook);
    using last = three.attach({ ...hook, position: { after: two } });
    using first = one.attach({ ...hook, position: { at: 'head' } });
    t.deepEqual(ids(query(hook)), [one.info.id, two.info.id, three.info.id]);
    pair.send();
    t.deepEqual(order(object).slice(0, 3), [1, 2, 3]);
    last.detach();
    using between = three.attach({ ...hook, position: { before: two } });
    t.deepEqual(ids(query(hook)), [one.info.id, three.info.id, two.info.id]);
    t.deepEqual(
      query(hook).programs.map(({ linkId }) => linkId),
      [first.info.id, between.info.id, second.info.id],
    );
  });
  t.deepEqual(pair.within(() => query(hook)).programs, []);
});

tcxTest('a hook that has changed since it was queried is left alone', (t) => {
  const pair = veth(t);
  using object = chain();
  const [one, two] = programs(object);
  const hook = { kind: 'tcx', ifindex: pair.near, direction: 'egress' } as const;
  pair.within(() => {
    using first = one.attach(hook);
    const { revision } = query(hook);
    t.is(first.kind, 'tcx');
    using second = two.attach({ ...hook, revision });
    t.is(second.info.programId, two.info.id);
    t.throws(() => two.attach({ ...hook, revision }), {
      name: 'BpfError',
      code: 'ESTALE',
      message: /^cannot attach two to near egress: ESTALE: /,
    });
  });
});

tcxTest('an update swaps the program and keeps the link and its place', (t) => {
  const pair = veth(t);
  using object = chain();
  const [one, two, three] = programs(object);
  const hook = { kind: 'tcx', ifindex: pair.near, direction: 'ingress' } as const;
  pair.within(() => {
    using first = one.attach(hook);
    using second = two.attach(hook);
    const { id } = first.info;
    first.update(three);
    t.like(first.info, { id, programId: three.info.id, ifindex: pair.near, direction: 'ingress' });
    t.deepEqual(ids(query(hook)), [three.info.id, two.info.id]);
    t.is(second.info.programId, two.info.id);
    pair.send();
    t.deepEqual(order(object).slice(0, 2), [3, 2]);
  });
});

tcxTest('a link whose interface is gone says so, and cannot be updated', (t) => {
  const pair = veth(t);
  using object = chain();
  const [one, two] = programs(object);
  const link = pair.within(() =>
    one.attach({ kind: 'tcx', ifindex: pair.near, direction: 'egress' }),
  );
  pair.remove();
  t.is(link.info.ifindex, 0);
  t.throws(() => link.update(two), {
    name: 'BpfError',
    code: 'ENOLINK',
    message: /^cannot update the link of one to near egress: ENOLINK: /,
  });
  link[Symbol.dispose]();
});

/** What holds for links of every kind, whatever carries them. */
const hooks: ((ifindex: number) => Hook)[] = [
  (ifindex) => ({ kind: 'tcx', ifindex, direction: 'ingress' }),
  (ifindex) => ({ kind: 'clsact', ifindex, direction: 'ingress', priority: 7, handle: 3 }),
  (ifindex) => ({ kind: 'xdp', ifindex, mode: 'generic' }),
  (ifindex) => ({ kind: 'xdp', ifindex }),
];

for (const hookOf of hooks) {
  const { kind, ...rest } = hookOf(0);
  const title = 'mode' in rest ? `${kind} (generic)` : kind;
  (kind === 'tcx' ? tcxTest : kernelTest)(
    `a link on ${title} attaches, tells, updates, detaches and closes`,
    (t) => {
      const pair = veth(t);
      using object = chain();
      const [before, after] = kind === 'xdp' ? xdpPrograms(object) : programs(object);
      const hook = hookOf(pair.near);
      pair.within(() => {
        const link: Link = before.attach(hook);
        t.is(link.kind, kind);
        t.like(link.info, { programId: before.info.id, ifindex: pair.near, direction: 'ingress' });
        pair.send();
        t.is(order(object)[0], number(before));
        link.update(after);
        t.is(link.info.programId, after.info.id);
        pair.send();
        t.is(order(object)[0], number(after));
        link.detach();
        t.is(link.info.ifindex, 0);
        const met = read(object).met;
        pair.send();
        t.is(read(object).met, met, 'no packet meets a detached program');
        link[Symbol.dispose]();
        link[Symbol.dispose]();
        t.throws(() => link.info, { message: /one|four/ });
        t.throws(() => link.update(after), { message: / is closed$/ });
        t.throws(() => link.detach(), { message: / is closed$/ });
      });
    },
  );
}

kernelTest('a clsact filter is found, replaced and taken off by its priority and handle', (t) => {
  const pair = veth(t);
  using object = chain();
  const [one, two] = programs(object);
  const at = { ifindex: pair.near, direction: 'egress', priority: 5, handle: 9 } as const;
  pair.within(() => {
    t.is(queryClsact(at), undefined, 'no qdisc yet');
    t.false(detachClsact(at));
    const link = one.attach({ kind: 'clsact', ...at });
    t.deepEqual(queryClsact(at), { programId: one.info.id });
    t.is(queryClsact({ ...at, handle: 10 }), undefined);
    t.is(queryClsact({ ...at, direction: 'ingress' }), undefined);
    t.throws(() => two.attach({ kind: 'clsact', ...at }), {
      name: 'BpfError',
      code: 'EEXIST',
      message: /^cannot attach two to near egress: EEXIST: /,
    });
    link[Symbol.dispose]();
    t.deepEqual(queryClsact(at), { programId: one.info.id }, 'closing leaves the filter');
    using replaced = two.attach({ kind: 'clsact', ...at, replace: true });
    t.like(replaced.info, { programId: two.info.id, priority: 5, handle: 9, id: 0 });
    t.deepEqual(queryClsact(at), { programId: two.info.id });
    t.true(detachClsact(at));
    t.false(detachClsact(at));
    t.is(queryClsact(at), undefined);
    t.throws(() => replaced.pin('/sys/fs/bpf/bp-never'), { instanceOf: TypeError });
  });
});

kernelTest('where no qdisc is no filter is, whatever lies behind the message that says so', (t) => {
  const pair = veth(t);
  const entry = new URL('../lib/index.js', import.meta.url).href;
  const preloaded = [process.env['LD_PRELOAD'], library('stale-bytes')].filter(Boolean).join(':');
  const script = `
    import { detachClsact, queryClsact } from '${entry}';
    const at = { ifindex: ${pair.near}, direction: 'egress', priority: 5, handle: 9 };
    console.log(queryClsact(at), detachClsact(at));`;
  const said = pair.within(() =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, LD_PRELOAD: preloaded },
      encoding: 'utf8',
    }),
  );
  t.is(said, 'undefined false\n');
});

kernelTest(
  'the kernel chooses priority and handle of a clsact filter, and the link tells them',
  (t) => {
    const pair = veth(t);
    using object = chain();
    const [one] = programs(object);
    pair.within(() => {
      using link = one.attach({ kind: 'clsact', ifindex: pair.near, direction: 'ingress' });
      const { priority, handle } = link.info;
      t.true((priority ?? 0) > 0 && (handle ?? 0) > 0, JSON.stringify(link.info));
      link.detach();
    });
  },
);

kernelTest('a second XDP program is refused while the first has the interface', (t) => {
  const pair = veth(t);
  using object = chain();
  const [four, five] = xdpPrograms(object);
  pair.within(() => {
    using link = four.attach({ kind: 'xdp', ifindex: pair.near, mode: 'generic' });
    t.is(link.info.programId, four.info.id);
    t.throws(() => five.attach({ kind: 'xdp', ifindex: pair.near, mode: 'generic' }), {
      name: 'BpfError',
      code: 'EBUSY',
      message: /^cannot attach five to near XDP: EBUSY: /,
    });
  });
});

kernelTest('an interface that is not there, and a hook that is none, are refused', (t) => {
  using object = chain();
  const [one] = programs(object);
  t.throws(() => one.attach({ kind: 'tcx', ifindex: 999_999, direction: 'ingress' }), {
    name: 'BpfError',
    message: /^cannot attach one to interface 999999 ingress: /,
  });
  t.throws(() => one.attach({ kind: 'clsact', ifindex: 999_999, direction: 'ingress' }), {
    name: 'BpfError',
  });
  t.throws(() => one.attach({ kind: 'tcx', ifindex: 1, direction: 'sideways' as never }), {
    instanceOf: TypeError,
  });
  t.throws(() => one.attach({ kind: 'netkit' } as never), { instanceOf: TypeError });
  t.throws(() => one.attach({ kind: 'xdp', ifindex: -1 }), { instanceOf: RangeError });
});

function chain(): BpfObject {
  return open(fixture('chain')).load();
}

function programs(object: BpfObject): [Program, Program, Program] {
  return [object.program('one'), object.program('two'), object.program('three')];
}

function xdpPrograms(object: BpfObject): [Program, Program] {
  return [object.program('four'), object.program('five')];
}

/** What a program notes of itself. */
function number(program: Program): number {
  return ['one', 'two', 'three', 'four', 'five'].indexOf(program.name) + 1;
}

function ids({ programs: all }: ReturnType<typeof query>): number[] {
  return all.map(({ programId }) => programId);
}

/** The order in which the packet before this call met the programs; the next one starts anew. */
function order(object: BpfObject): readonly number[] {
  const { order: seen } = read(object);
  object.map('.bss', u32, noted).set(0, { met: 0, order: Array<number>(8).fill(0) });
  return seen;
}

function read(object: BpfObject): { met: number; order: readonly number[] } {
  return object.map('.bss', u32, noted).get(0) ?? { met: 0, order: [] };
}
