import test from 'ava';
import { nothingHeld } from '../../../src/datapath/first-image.js';
import { imageOf, type Actual, type Image } from '../../../src/datapath/image.js';
import { Places } from '../../../src/datapath/indices.js';
import { hasLonger, lastPeer, peerIn, SlotLines, slotOf } from '../../../src/datapath/slot.js';
import { HeldBlocks, slotPlanOf } from '../../../src/datapath/slots.js';
import type { Desired, Owner, PolicyName, PoolEntry } from '../../../src/model/desired.js';
import type { Cidr } from '../../../src/net/cidr.js';
import { desiredOf } from './worlds.js';

const base = desiredOf({ pools: [], nodes: [1, 2] });

/** Pools with a policy of their own each; blocks are the node's whose number stands beside them. */
function worldOf(
  pools: Readonly<Record<string, readonly number[]>>,
  blocks: Readonly<Record<string, readonly [pool: string, node: 0 | 1]>>,
): Desired {
  const [policy] = desiredOf({
    pools: [{ encap: 'vxlan', crossSubnet: false, owners: [1] }],
    nodes: [1],
  }).policies.values();
  if (policy === undefined) throw new Error('no policy');
  const names = [...base.peers.keys()];
  return {
    ...base,
    policies: new Map(Object.keys(pools).map((cidr) => [cidr as PolicyName, policy])),
    pools: new Map(
      Object.entries(pools).map(([cidr, blockLengths]): [Cidr, PoolEntry] => [
        cidr as Cidr,
        { blockLengths },
      ]),
    ),
    blocks: new Map(
      Object.entries(blocks).map(([cidr, [pool, node]]): [Cidr, Owner] => [
        cidr as Cidr,
        { peer: names[node] ?? 'self', policy: pool as PolicyName },
      ]),
    ),
  };
}

function image(desired: Desired, held: Actual = nothingHeld, slots = 2 ** 16): Image {
  const places = () => new Places('places', 2, 100);
  return imageOf(desired, held, {
    peers: places(),
    policies: places(),
    remembered: new Map(),
    slots,
  });
}

const small = worldOf(
  { '10.0.0.0/16': [32, 26] },
  {
    '10.0.0.0/26': ['10.0.0.0/16', 0],
    '10.0.255.192/26': ['10.0.0.0/16', 1],
    '10.0.0.7/32': ['10.0.0.0/16', 1],
    '10.0.9.7/32': ['10.0.0.0/16', 1],
  },
);

test('blocks of the length that most have go into slots, by their place in the pool; the others do not', (t) => {
  const { blocks, slots, pools } = image(small);
  const range = pools.get('10.0.0.0/16' as Cidr)?.slots;
  t.like(range, { first: 0, count: 1024, length: 26, shift: 6 });
  t.deepEqual([...blocks.keys()], ['10.0.0.7/32', '10.0.9.7/32']);
  t.deepEqual(
    [...new SlotLines(slots)].map(([number]) => number),
    [0, 1023],
  );
});

test('a slot says whether addresses of its block have entries of their own', (t) => {
  const slots = new SlotLines(image(small).slots);
  t.true(hasLonger(slots.get(0)));
  t.false(hasLonger(slots.get(1023)));
});

test('what is held is read back as it was meant, of small pools and IPv6 ones too', (t) => {
  const pools = {
    '10.0.0.0/16': [32, 26],
    '10.9.1.64/26': [28],
    'fd00::/112': [122],
    'fd00:1::/48': [122],
  };
  const wanted = worldOf(pools, {
    ...Object.fromEntries(
      [...small.blocks.keys()].map((cidr) => [cidr, ['10.0.0.0/16', 1] as const]),
    ),
    '10.9.1.64/28': ['10.9.1.64/26', 0],
    '10.9.1.112/28': ['10.9.1.64/26', 1],
    'fd00::ffc0/122': ['fd00::/112', 1],
    'fd00:1::/122': ['fd00:1::/48', 1],
  });
  const made = image(wanted);
  t.is(made.pools.get('fd00:1::/48' as Cidr)?.slots, undefined, 'too many places');
  t.is(made.pools.get('fd00::/112' as Cidr)?.slots?.length, 122);
  const held = new HeldBlocks(made);
  const indices: ReadonlyMap<string, number> = made.names.peers;
  t.deepEqual([...held].map(([cidr]) => cidr).sort(), [...wanted.blocks.keys()].sort());
  for (const [cidr, entry] of held) {
    t.deepEqual(held.get(cidr), entry, cidr);
    t.is<number | undefined, number | undefined>(
      entry.peer,
      indices.get(wanted.blocks.get(cidr)?.peer ?? ''),
      cidr,
    );
  }
});

test('a block that a pool lies in is found by that pool too: it stays in the hash', (t) => {
  const { blocks, slots } = image(
    worldOf(
      { '10.0.0.0/16': [26], '10.0.0.16/28': [26] },
      { '10.0.0.0/26': ['10.0.0.0/16', 0], '10.0.0.64/26': ['10.0.0.0/16', 1] },
    ),
  );
  t.deepEqual([...blocks.keys()], ['10.0.0.0/26']);
  t.is([...new SlotLines(slots)].length, 1);
});

test('a large pool gets slots where every eighth has a block', (t) => {
  const full = (blocks: number): Desired => {
    const all = Array.from({ length: blocks }, (_, block) => {
      const address = `10.${block >> 12}.${(block >> 4) & 255}.${(block & 15) << 4}`;
      return [`${address}/28`, ['10.0.0.0/8', 1]] as const;
    });
    return worldOf({ '10.0.0.0/8': [28] }, Object.fromEntries(all));
  };
  t.is(slotPlanOf(full(2 ** 17)).shapes.get('10.0.0.0/8' as Cidr)?.count, 2 ** 20);
  t.is(slotPlanOf(full(2 ** 17)).blocks, 2 ** 17);
  t.is(slotPlanOf(full(2 ** 17 - 1)).shapes.size, 0);
});

test('a pool keeps its slots, a new one never gets what was in use a moment ago', (t) => {
  const two = { '10.0.0.0/16': [26], '10.1.0.0/16': [26] };
  const first = image(worldOf(two, { '10.0.0.0/26': ['10.0.0.0/16', 0] }));
  const held = { ...nothingHeld, ...first };
  const second = image(
    worldOf({ '10.2.0.0/16': [26] }, { '10.2.0.0/26': ['10.2.0.0/16', 0] }),
    held,
  );
  t.is(first.pools.get('10.0.0.0/16' as Cidr)?.slots?.first, 0);
  t.is(second.pools.get('10.2.0.0/16' as Cidr)?.slots?.first, 1024);
  const third = image(
    worldOf(
      { '10.2.0.0/16': [26], '10.0.0.0/16': [26] },
      { '10.2.0.0/26': ['10.2.0.0/16', 0], '10.0.0.0/26': ['10.0.0.0/16', 0] },
    ),
    { ...nothingHeld, ...second },
  );
  t.is(third.pools.get('10.2.0.0/16' as Cidr)?.slots?.first, 1024);
  t.is(third.pools.get('10.0.0.0/16' as Cidr)?.slots?.first, 0);
});

test('a pool that finds no room has its blocks in the hash', (t) => {
  const { blocks, slots, pools } = image(small, nothingHeld, 512);
  t.is(blocks.size, 4);
  t.is(slots.size, 0);
  t.is(pools.get('10.0.0.0/16' as Cidr)?.slots, undefined);
});

test('every peer that a slot can name comes back out of it', (t) => {
  for (const peer of [0, 1, 2, 4095, lastPeer]) {
    t.is(peerIn(slotOf(peer)), peer);
    t.true(slotOf(peer) > 0 && slotOf(peer) < 2 ** 16);
  }
});
