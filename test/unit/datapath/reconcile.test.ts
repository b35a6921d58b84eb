import test from 'ava';
import fc from 'fast-check';
import { reconcile, type Step } from '../../../src/datapath/reconcile.js';
import { EncapError } from '../../../src/errors.js';
import type { Desired } from '../../../src/model/desired.js';
import type { Address } from '../../../src/net/address.js';
import type { Cidr } from '../../../src/net/cidr.js';
import { Kernel } from './kernel.js';
import { desiredOf, worlds, type World } from './worlds.js';

const vxlan = { encap: 'vxlan', crossSubnet: false, owners: [0, 1, 2] } as const;

test('the tables end as decided, whatever they held before and wherever blocks find room', (t) => {
  const rooms = fc.constantFrom(0, 1024, 4096);
  const rounds = fc.array(fc.tuple(worlds, rooms), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(rounds, (history) => {
      const kernel = new Kernel();
      for (const [world, room] of history) {
        kernel.slots = room;
        kernel.apply(desiredOf(world));
      }
      const desired = desiredOf(history.at(-1)?.[0] as World);
      for (const cidr of desired.blocks.keys())
        t.is(kernel.ownerOf(cidr), addressOfOwner(desired, cidr), cidr);
      t.deepEqual([...kernel.held.keys()].sort(), [...desired.blocks.keys()].sort());
      t.deepEqual([...kernel.maps.pools.content.keys()].sort(), [...desired.pools.keys()].sort());
    }),
  );
});

test('what is there already is not written again', (t) => {
  fc.assert(
    fc.property(fc.array(worlds, { minLength: 1, maxLength: 3 }), (history) => {
      const kernel = new Kernel();
      for (const world of history) kernel.apply(desiredOf(world));
      const before = kernel.writes;
      t.deepEqual(kernel.apply(desiredOf(history[history.length - 1] as World)), []);
      t.is(kernel.writes, before);
    }),
  );
});

test('a block that has a path before and after a change has one after every single write between, to its old or new owner', (t) => {
  const rooms = fc.constantFrom(0, 1024, 4096);
  fc.assert(
    fc.property(worlds, worlds, rooms, rooms, (before, after, ...[roomBefore, roomAfter]) => {
      const kernel = new Kernel();
      const first = desiredOf(before);
      const second = desiredOf(after);
      kernel.slots = roomBefore;
      kernel.apply(first);
      kernel.slots = roomAfter;
      const kept = [...first.blocks.keys()].filter((cidr) => second.blocks.has(cidr));
      kernel.afterWrite = () => {
        for (const cidr of kept) {
          const owner = kernel.ownerOf(cidr);
          t.true(
            owner !== undefined && ownersOf(cidr, first, second).has(owner),
            `${cidr} would go to ${owner ?? 'nobody'}`,
          );
        }
      };
      kernel.apply(second);
    }),
    { numRuns: 500 },
  );
});

test('switching the mode of a pool is one write, to its policy, however many blocks it has', (t) => {
  const kernel = new Kernel();
  const owners = Array.from({ length: 256 }, (_, block) => block % 3);
  kernel.apply(desiredOf({ pools: [{ ...vxlan, owners }], nodes: [1, 2] }));
  const before = kernel.writes;
  const changes = kernel.apply(
    desiredOf({ pools: [{ ...vxlan, owners, crossSubnet: true }], nodes: [1, 2] }),
  );
  t.is(kernel.writes - before, 1);
  t.deepEqual(
    changes.map(({ table, action }) => `${action} ${table}`),
    ['put policies'],
  );
});

test('a block that moves is one write, told by its name', (t) => {
  const kernel = new Kernel();
  kernel.apply(desiredOf({ pools: [vxlan], nodes: [1, 2] }));
  const before = kernel.writes;
  const moved = desiredOf({ pools: [{ ...vxlan, owners: [0, 1, 1] }], nodes: [1, 2] });
  const changes = kernel.apply(moved);
  t.is(kernel.writes - before, 1);
  const peer = kernel.held.get('10.0.1.0/26' as Cidr)?.peer;
  t.deepEqual(changes, [{ table: 'slots', action: 'put', key: '10.0.2.0/26', value: { peer } }]);
});

test('a node that gets another address keeps its index: blocks are not written', (t) => {
  const kernel = new Kernel();
  kernel.apply(desiredOf({ pools: [vxlan], nodes: [1, 2] }));
  const changes = kernel.apply(desiredOf({ pools: [vxlan], nodes: [1, 7] }));
  t.deepEqual(
    changes.map(({ table, action }) => `${action} ${table}`),
    ['put sources', 'remove sources', 'put peers'],
  );
});

test('the index of a node that left rests until the others had their turn', (t) => {
  const kernel = new Kernel();
  const indexOf = (address: string): number | undefined =>
    [...kernel.maps.peers.content].find(([, peer]) => peer.underlay === address)?.[0];
  kernel.apply(desiredOf({ pools: [], nodes: [1, 2] }));
  const freed = indexOf('192.168.1.2');
  kernel.apply(desiredOf({ pools: [], nodes: [1] }));
  kernel.apply(desiredOf({ pools: [], nodes: [1, 3] }));
  t.not(freed, undefined);
  t.not(indexOf('192.168.1.3'), undefined);
  t.not(indexOf('192.168.1.3'), freed);
});

test('a mode that was switched off is accepted for the grace time, then not', (t) => {
  const kernel = new Kernel({ delayMs: 0, graceMs: 60_000 });
  const accepted = (): readonly string[] =>
    [...kernel.maps.policies.content.values()].flatMap((policy) => policy.accepted);
  const sources = (): readonly string[] =>
    kernel.maps.sources.content.get('192.168.1.1' as Address)?.accepted ?? [];
  kernel.apply(desiredOf({ pools: [vxlan], nodes: [1] }));
  t.deepEqual(accepted(), ['vxlan']);

  const ipip = desiredOf({ pools: [{ ...vxlan, encap: 'ipip' }], nodes: [1] });
  kernel.nowMs = 1_000_000;
  kernel.apply(ipip);
  t.deepEqual(accepted(), ['ipip', 'vxlan']);
  t.deepEqual(sources(), ['ipip', 'vxlan']);
  t.is(kernel.switching.nextEndMs(), 1_060_000);

  kernel.nowMs = 1_059_999;
  t.deepEqual(kernel.apply(ipip), []);
  kernel.nowMs = 1_060_000;
  kernel.apply(ipip);
  t.deepEqual(accepted(), ['ipip']);
  t.deepEqual(sources(), ['ipip']);
  t.is(kernel.switching.nextEndMs(), undefined);
});

test('a pool that stops encapsulating still takes what the others send during the grace time', (t) => {
  const kernel = new Kernel({ delayMs: 0, graceMs: 60_000 });
  kernel.apply(desiredOf({ pools: [vxlan], nodes: [1] }));
  const never = desiredOf({ pools: [{ ...vxlan, encap: 'none' }], nodes: [1] });
  kernel.apply(never);
  t.deepEqual(
    [...kernel.maps.policies.content.values()],
    [{ sameSubnet: 'none', otherSubnet: 'none', accepted: ['vxlan'], underlay: 'ipv4' }],
  );
  kernel.nowMs = 60_000;
  kernel.apply(never);
  t.is(kernel.maps.policies.content.size, 0);
});

test('a node that sends nothing encapsulated any more is a source for the grace time, one that left is none', (t) => {
  const kernel = new Kernel({ delayMs: 0, graceMs: 60_000 });
  const sources = (): readonly string[] => [...kernel.maps.sources.content.keys()].sort();
  kernel.apply(desiredOf({ pools: [vxlan], nodes: [1, 2] }));
  t.deepEqual(sources(), ['192.168.1.1', '192.168.1.2']);
  const pools = [{ ...vxlan, encap: 'none' }] as const;
  const never = { ...desiredOf({ pools, nodes: [1] }), sources: new Map() };
  kernel.apply(never);
  t.deepEqual(sources(), ['192.168.1.1']);
  kernel.nowMs = 59_999;
  t.deepEqual(kernel.apply(never), []);
  kernel.nowMs = 60_000;
  kernel.apply(never);
  t.deepEqual(sources(), []);
});

test('a new mode is accepted at once, and sent when the others have heard of it', (t) => {
  const kernel = new Kernel({ delayMs: 2000, graceMs: 60_000 });
  const policy = (): unknown => [...kernel.maps.policies.content.values()][0];
  const mtu = (): number | undefined => {
    const route = kernel.network.routes.content.get('unicast 10.0.0.0/16 metric 0');
    return route?.type === 'unicast' ? route.mtu : undefined;
  };
  const overhead = (desired: Desired, overheadBytes: number): Desired => ({
    ...desired,
    routes: new Map(
      [...desired.routes].map(([cidr, route]) => [cidr, { ...route, overheadBytes }]),
    ),
  });
  kernel.apply(overhead(desiredOf({ pools: [vxlan], nodes: [1] }), 50));
  t.like(policy(), { sameSubnet: 'vxlan' }, 'a new pool waits for nobody');

  const ipip = overhead(desiredOf({ pools: [{ ...vxlan, encap: 'ipip' }], nodes: [1] }), 20);
  kernel.nowMs = 1000;
  kernel.apply(ipip);
  t.like(policy(), { sameSubnet: 'vxlan', otherSubnet: 'vxlan', accepted: ['ipip', 'vxlan'] });
  t.is(mtu(), 1450, 'packets still fit the larger headers');
  t.is(kernel.switching.nextEndMs(), 3000);

  kernel.nowMs = 3000;
  kernel.apply(ipip);
  t.like(policy(), { sameSubnet: 'ipip', otherSubnet: 'ipip', accepted: ['ipip', 'vxlan'] });
  t.is(mtu(), 1480);

  kernel.nowMs = 61_000;
  kernel.apply(ipip);
  t.like(policy(), { sameSubnet: 'ipip', otherSubnet: 'ipip', accepted: ['ipip'] });
  t.is(kernel.switching.nextEndMs(), undefined);
});

test('a pool that goes over to the other family does so at once: its peers are of that family now', (t) => {
  const kernel = new Kernel({ delayMs: 2000, graceMs: 0 });
  kernel.apply(desiredOf({ pools: [{ ...vxlan, crossSubnet: true }], nodes: [1] }));
  const before = desiredOf({ pools: [vxlan], nodes: [1] });
  const policies = new Map(
    [...before.policies].map(([name, policy]) => [name, { ...policy, underlay: 'ipv6' as const }]),
  );
  kernel.apply({ ...before, policies });
  t.like([...kernel.maps.policies.content.values()][0], {
    sameSubnet: 'vxlan',
    otherSubnet: 'vxlan',
    underlay: 'ipv6',
  });
  t.is(kernel.switching.nextEndMs(), undefined);
});

test('a step that fails stops the ones behind it and undoes nothing', (t) => {
  const done: string[] = [];
  const step = (name: string, fails = false): Step => ({
    name,
    changes: [],
    put: () => {
      if (fails) throw Object.assign(new Error('cannot update blocks: ENOMEM'), { code: 'ENOMEM' });
      done.push(`put ${name}`);
    },
    remove: () => done.push(`remove ${name}`),
  });
  const error = t.throws(() => reconcile([step('peers'), step('blocks', true), step('pools')]), {
    instanceOf: EncapError,
    message: 'cannot put entries in blocks: ENOMEM',
  });
  t.is(error.code, 'KERNEL_REFUSED');
  t.deepEqual(done, ['put peers']);
});

test('a full table says so', (t) => {
  const full = {
    name: 'blocks',
    changes: [],
    put: () => {
      throw Object.assign(new Error('cannot update blocks: E2BIG'), { code: 'E2BIG' });
    },
    remove: () => undefined,
  };
  t.is(t.throws(() => reconcile([full]), { instanceOf: EncapError }).code, 'TABLE_FULL');
});

function addressOfOwner(desired: Desired, cidr: Cidr): string | undefined {
  const peer = desired.blocks.get(cidr)?.peer;
  return peer === undefined || peer === 'self' ? peer : desired.peers.get(peer)?.address;
}

/** The addresses, old and new, of the nodes that have the block before or after. */
function ownersOf(cidr: Cidr, ...worlds: readonly Desired[]): Set<string | undefined> {
  const names = worlds.map(({ blocks }) => blocks.get(cidr)?.peer);
  return new Set(
    names.flatMap((name): (string | undefined)[] =>
      name === undefined || name === 'self'
        ? [name]
        : worlds.map(({ peers }) => peers.get(name)?.address),
    ),
  );
}
