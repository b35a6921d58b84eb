import test from 'ava';
import fc from 'fast-check';
import type { BlockEntry, PoolRow } from '../../../src/datapath/entry.js';
import { SlotLines } from '../../../src/datapath/slot.js';
import {
  unrouted,
  type Desired,
  type Owner,
  type PeerName,
  type PolicyName,
} from '../../../src/model/desired.js';
import type { Cidr } from '../../../src/net/cidr.js';
import { Kernel } from './kernel.js';
import { desiredOf } from './worlds.js';

/** Two pools, the first of them with all lengths of blocks, and a pool in one of its blocks. */
const base = ((): Desired => {
  const desired = desiredOf({
    pools: [
      { encap: 'vxlan', crossSubnet: false, owners: [1, 2, 3, 1, 2, 3] },
      { encap: 'ipip', crossSubnet: true, owners: [1, 2] },
    ],
    nodes: [1, 2, 3],
  });
  const inner = '10.0.5.16/28' as Cidr;
  const [[, policy] = []] = desired.policies;
  if (policy === undefined) throw new Error('no policy');
  const [peer = 'self'] = desired.peers.keys();
  return {
    ...desired,
    // each pool has a block that stays: one without any has no policy
    blocks: new Map(desired.blocks).set('10.0.5.20/32' as Cidr, {
      peer,
      policy: inner as string as PolicyName,
    }),
    policies: new Map([...desired.policies, [inner as string as PolicyName, policy]]),
    pools: new Map([
      ['10.0.0.0/16' as Cidr, { blockLengths: [32, 28, 26] }],
      ['10.1.0.0/16' as Cidr, { blockLengths: [32, 26] }],
      [inner, { blockLengths: [32, 26] }],
    ]),
  };
})();

const cidrs = [
  ...[
    '10.0.0.0/26',
    '10.0.1.0/26',
    '10.0.5.0/26',
    '10.0.9.64/26',
    '10.1.0.0/26',
    '10.1.255.192/26',
  ],
  ...['10.0.1.16/28', '10.0.9.80/28', '10.0.0.7/32', '10.0.1.17/32', '10.0.9.65/32', '10.1.0.1/32'],
  ...['10.0.5.17/32', '10.0.5.18/32', '10.0.7.0/32'],
].map((cidr) => cidr as Cidr);

const peers: readonly (PeerName | 'self')[] = ['self', ...base.peers.keys()];

const moves = fc.array(
  fc.record({
    cidr: fc.constantFrom(...cidrs),
    peer: fc.option(fc.constantFrom(...peers), { nil: undefined, freq: 3 }),
    policy: fc.constantFrom(undefined, undefined, undefined, unrouted),
  }),
  { minLength: 1, maxLength: 4 },
);

function poolOf(cidr: Cidr): PolicyName {
  return (
    cidr.startsWith('10.0.5.1') ? '10.0.5.16/28' : cidr.replace(/(\d+\.\d+)\..*/, '$1.0.0/16')
  ) as PolicyName;
}

interface Content {
  readonly blocks: readonly [Cidr, BlockEntry][];
  readonly slots: readonly [number, number][];
  readonly pools: readonly [Cidr, PoolRow][];
}

function contentOf({ maps: { blocks, slots, pools } }: Kernel): Content {
  return {
    blocks: [...blocks.content].sort(([a], [b]) => (a < b ? -1 : 1)),
    slots: [...new SlotLines(slots.content)].sort(([a], [b]) => a - b),
    pools: [...pools.content],
  };
}

test('block by block or all of them: the maps hold the same after any changes', (t) => {
  let patched = 0;
  fc.assert(
    fc.property(fc.array(moves, { maxLength: 8 }), fc.constantFrom(4096, 1024), (rounds, slots) => {
      const [single, whole] = [new Kernel(), new Kernel()];
      single.slots = slots;
      whole.slots = slots;
      single.apply(base);
      whole.apply(base);
      const blocks = new Map<Cidr, Owner>(base.blocks);
      for (const round of rounds) {
        const touched = new Map<Cidr, Owner | undefined>();
        for (const { cidr, peer, policy } of round) {
          if (!touched.has(cidr)) touched.set(cidr, blocks.get(cidr));
          if (peer === undefined) blocks.delete(cidr);
          else blocks.set(cidr, { peer, policy: policy ?? poolOf(cidr) });
        }
        const desired = { ...base, blocks: new Map(blocks) };
        if (single.touch(desired, touched)) patched += 1;
        whole.apply(desired);
        t.deepEqual(contentOf(single), contentOf(whole));
        t.true(single.isAsPut(), 'what was put block by block weighs what it should');
      }
    }),
    { numRuns: 300, seed: 7 },
  );
  t.true(patched > 200, `only ${patched} rounds were block by block`);
});

test('an entry that someone changes, adds or takes away is noticed', (t) => {
  const kernel = new Kernel();
  kernel.apply(base);
  const { blocks, slots } = kernel.maps;
  const [[line, slot] = []] = slots.content;
  const [[cidr, entry] = []] = blocks.content;
  if (line === undefined || slot === undefined || cidr === undefined || entry === undefined)
    throw new Error('not there');
  const turned = slot.map((one) => (one === 0 ? 0 : one ^ 2));
  for (const [drift, repair] of [
    [() => slots.content.set(line, turned), () => slots.content.set(line, slot)],
    [() => slots.content.delete(line), () => slots.content.set(line, slot)],
    [() => slots.content.set(line + 1, slot), () => slots.content.delete(line + 1)],
    [() => blocks.content.delete(cidr), () => blocks.content.set(cidr, entry)],
    [
      () => blocks.content.set(cidr, { ...entry, peer: entry.peer + 1 }),
      () => blocks.content.set(cidr, entry),
    ],
  ] as const) {
    t.true(kernel.isAsPut());
    drift();
    t.false(kernel.isAsPut(), drift.toString());
    repair();
  }
});

test('a block that another node gets is one line written', (t) => {
  const kernel = new Kernel();
  kernel.apply(base);
  const cidr = '10.0.1.0/26' as Cidr;
  const before = base.blocks.get(cidr);
  const [, , third] = [...base.peers.keys()];
  if (before === undefined || third === undefined) throw new Error('not there');
  const desired = { ...base, blocks: new Map(base.blocks).set(cidr, { ...before, peer: third }) };
  const writes = kernel.writes;
  t.true(kernel.touch(desired, new Map([[cidr, before]])));
  t.is(kernel.writes - writes, 1);
});
