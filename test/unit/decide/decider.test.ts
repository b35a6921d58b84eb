import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { decide } from '../../../src/decide/decide.js';
import { Decider, type ChangedBlocks } from '../../../src/decide/decider.js';
import type { Block } from '../../../src/model/block.js';
import type { Desired, Owner } from '../../../src/model/desired.js';
import type { Inventory } from '../../../src/model/inventory.js';
import type { NodeName } from '../../../src/model/node.js';
import { addressAt, type Cidr } from '../../../src/net/cidr.js';
import { holds, worlds } from './random.js';
import { block, node, pool, world, type ModeWord } from './worlds.js';

const self = 'a' as NodeName;
const names = fc.constantFrom('a', 'b', 'c', 'd') as fc.Arbitrary<string> as fc.Arbitrary<NodeName>;

/** What becomes of one block: it goes, or it is someone's, some of its addresses others'. */
const moves = fc.array(
  fc.record({
    which: fc.nat(100),
    goes: fc.constantFrom(false, false, false, true),
    owner: fc.option(names, { nil: undefined, freq: 9 }),
    borrowed: fc.array(fc.tuple(fc.nat(7), names), { maxLength: 2 }),
  }),
  { minLength: 1, maxLength: 3 },
);

type Move = typeof moves extends fc.Arbitrary<readonly (infer One)[]> ? One : never;

/** Blocks that come from nowhere lie among the others: in a pool or not, in another block or around it. */
const newcomers = ['10.0.0.0/29', '10.0.0.8/29', '10.0.0.128/29', '10.0.0.16/30', '10.0.0.3/32']
  .concat(['fd00::8/125', 'fd00::80/125', 'fd00::3/128', '10.9.0.0/29'])
  .map((cidr) => cidr as Cidr);

function moved(blocks: ReadonlyMap<Cidr, Block>, { which, goes, owner, borrowed }: Move): Block {
  const cidrs = [...new Set([...blocks.keys(), ...newcomers])];
  const cidr = cidrs[which % cidrs.length] ?? ('10.0.0.0/29' as Cidr);
  const size = cidr.endsWith('/32') || cidr.endsWith('/128') ? 1 : cidr.endsWith('/30') ? 4 : 8;
  return {
    cidr,
    node: goes ? undefined : owner,
    allocations: new Map(
      goes ? [] : borrowed.map(([place, holder]) => [addressAt(cidr, place % size), holder]),
    ),
  };
}

function inOrder({ blocks, peers, ...desired }: Desired): unknown {
  const sorted = (map: ReadonlyMap<string, unknown>): unknown =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...desired,
    blocks: sorted(blocks),
    peers: sorted(peers),
    policies: sorted(desired.policies),
    pools: sorted(desired.pools),
    sources: sorted(desired.sources),
    routes: sorted(desired.routes),
  };
}

function differing(
  before: ReadonlyMap<Cidr, Owner>,
  after: ReadonlyMap<Cidr, Owner>,
): Map<Cidr, Owner | undefined> {
  const same = (cidr: Cidr): boolean =>
    JSON.stringify(before.get(cidr)) === JSON.stringify(after.get(cidr));
  const cidrs = [...new Set([...before.keys(), ...after.keys()])];
  return new Map(cidrs.filter((cidr) => !same(cidr)).map((cidr) => [cidr, before.get(cidr)]));
}

/** How many decisions were made block by block; each is compared with one from scratch. */
function patchedIn(t: ExecutionContext, inventories: fc.Arbitrary<Inventory>): number {
  let patched = 0;
  holds(fc.tuple(inventories, fc.array(moves, { maxLength: 6 })), ([inventory, rounds]) => {
    const decider = new Decider(self);
    const blocks = new Map([...inventory.blocks].map((one) => [one.cidr, one]));
    const now = (): Inventory => ({ ...inventory, blocks: [...blocks.values()] });
    let before: ReadonlyMap<Cidr, Owner> = new Map(decider.decide(now()).desired.blocks);
    for (const round of rounds) {
      const changed = new Map<Cidr, Block | undefined>();
      for (const move of round) {
        const one = moved(blocks, move);
        changed.set(one.cidr, move.goes ? undefined : one);
        if (move.goes) blocks.delete(one.cidr);
        else blocks.set(one.cidr, one);
      }
      const { desired, touched } = decider.decide(now(), changed);
      t.deepEqual(inOrder(desired), inOrder(decide(now(), self).desired));
      if (touched !== undefined) {
        patched += 1;
        for (const [cidr, owner] of differing(before, desired.blocks)) {
          t.true(touched.has(cidr), cidr);
          t.deepEqual(touched.get(cidr), owner, cidr);
        }
      }
      before = new Map(desired.blocks);
    }
  });
  return patched;
}

test('block by block or from scratch: the same tables, in any world and after any changes', (t) => {
  const patched = patchedIn(
    t,
    worlds.map(({ inventory }) => inventory),
  );
  t.true(patched > 0, 'none was decided block by block');
});

/** Clusters as they mostly are: one pool, every node a VTEP, blocks beside each other, some addresses borrowed. */
const calm = fc
  .record({
    vxlan: fc.constantFrom<ModeWord>('Always', 'CrossSubnet'),
    subnets: fc.array(fc.constantFrom(0, 1), { minLength: 4, maxLength: 4 }),
    tunnels: fc.uniqueArray(fc.integer({ min: 1, max: 127 }), { minLength: 4, maxLength: 4 }),
    owners: fc.array(names, { minLength: 12, maxLength: 12 }),
    workload: fc.option(fc.nat(127), { nil: undefined }),
  })
  .map(({ vxlan, subnets, tunnels, owners, workload }) =>
    world({
      pools: [pool('p', '10.0.0.0/24', { vxlan })],
      nodes: ['a', 'b', 'c', 'd'].map((name, place) =>
        node(name, {
          bgp: `172.16.${subnets[place] ?? 0}.${place + 1}/24`,
          vxlan: `10.0.0.${tunnels[place] ?? 0}`,
        }),
      ),
      blocks: [
        ...owners.map((owner, place) => block(`10.0.0.${(place + 1) * 8}/29`, owner)),
        block('10.0.0.248/29', 'a', { 1: 'b', 2: 'b' }),
      ],
      ...(workload === undefined ? {} : { workloads: { [`10.0.0.${workload}`]: 'a' } }),
    }),
  );

test('in a calm cluster most changes are decided block by block, and nothing is different for it', (t) => {
  const patched = patchedIn(t, calm);
  t.true(patched > 100, `only ${patched} were`);
});

const cluster = world({
  pools: [pool('p', '10.1.0.0/16', { vxlan: 'Always' })],
  nodes: ['a', 'b', 'c'].map((name, place) =>
    node(name, { bgp: `172.16.0.${place + 1}/24`, vxlan: `10.1.${place}.0` }),
  ),
  blocks: [
    block('10.1.0.0/26', 'a'),
    block('10.1.1.0/26', 'b'),
    block('10.1.2.0/26', 'c', { 7: 'b' }),
    block('10.1.3.0/26', 'c'),
  ],
});

function change(blocks: readonly Block[]): ChangedBlocks {
  return new Map(blocks.map((one) => [one.cidr, one]));
}

test('a block that another node gets touches its own entry, and those of addresses known in it', (t) => {
  const decider = new Decider(self);
  decider.decide(cluster);
  const moving = block('10.1.3.0/26', 'b');
  const plain = decider.decide(cluster, change([moving]));
  t.deepEqual(
    [...(plain.touched ?? [])].map(([cidr]) => cidr as string),
    ['10.1.3.0/26'],
  );
  const withTunnel = decider.decide(cluster, change([block('10.1.1.0/26', 'c')]));
  t.deepEqual(
    [...(withTunnel.touched?.keys() ?? [])].map(String),
    ['10.1.1.0/26', '10.1.1.0/32'],
    'the tunnel address of b',
  );
});

test('an address that a block without a node gives, too, depends on both blocks', (t) => {
  const others = [block('10.1.0.0/26', 'a'), block('10.1.2.0/27', undefined, { 7: 'a' })];
  const becomes = (before: Block, after: Block, isFirst: boolean): void => {
    const inOrderOf = (one: Block): Inventory => ({
      ...cluster,
      blocks: isFirst ? [one, ...others] : [...others, one],
    });
    const decider = new Decider(self);
    decider.decide(inOrderOf(before));
    const { desired } = decider.decide(inOrderOf(after), change([after]));
    t.deepEqual(inOrder(desired), inOrder(decide(inOrderOf(after), self).desired));
  };
  for (const isFirst of [true, false]) {
    becomes(block('10.1.2.0/26', 'c'), block('10.1.2.0/26', 'c', { 7: 'b' }), isFirst);
    becomes(block('10.1.2.0/26', 'c', { 7: 'b' }), block('10.1.2.0/26', 'c'), isFirst);
  }
});

test('nothing that changed touches nothing; anything that may have is decided from scratch', (t) => {
  const decider = new Decider(self);
  t.is(decider.decide(cluster).touched, undefined);
  t.is(decider.decide(cluster, new Map()).touched?.size, 0);
  t.is(decider.decide(cluster).touched, undefined);
});
