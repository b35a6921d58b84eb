import test from 'ava';
import fc from 'fast-check';
import { decide } from '../../../src/decide/decide.js';
import { explain, explainer } from '../../../src/decide/explain.js';
import { unrouted, type Desired } from '../../../src/model/desired.js';
import type { Inventory } from '../../../src/model/inventory.js';
import type { NodeName } from '../../../src/model/node.js';
import {
  addressFromInteger,
  addressToInteger,
  parseAddress,
  type Address,
} from '../../../src/net/address.js';
import { block, node, pool, world, type ModeWord } from './worlds.js';

const a = node('a', { bgp: '172.16.0.1/24', vxlan: '10.1.0.0' });
const b = node('b', { bgp: '172.16.0.2/24', vxlan: '10.2.0.0' });
const c = node('c', { bgp: '172.17.0.3/24', vxlan: '10.3.0.0' });
const inventory = world({
  pools: [pool('default', '10.0.0.0/8', { vxlan: 'CrossSubnet' })],
  nodes: [a, b, c],
  blocks: [
    block('10.1.0.0/26', 'a', { 5: 'a' }),
    block('10.2.0.0/26', 'b'),
    block('10.3.0.0/26', 'c'),
  ],
});

const says = test.macro({
  title: (title) => title ?? '',
  exec: (t, destination: string, source: string | undefined, expected: readonly string[]) => {
    const { steps } = explain(inventory, 'a' as NodeName, {
      destination: parseAddress(destination),
      ...(source === undefined ? {} : { source: parseAddress(source) }),
    });
    t.deepEqual(
      steps.map(({ title, text }) => `${title}: ${text}`),
      [...expected],
    );
  },
});
test(
  'an encapsulated packet is explained from its source to its size',
  says,
  '10.3.0.9',
  '10.1.0.5',
  [
    'source: 10.1.0.5 is a local workload, pool default (10.0.0.0/8), block 10.1.0.0/26 of a',
    'destination: 10.3.0.9 is on c, pool default (10.0.0.0/8), block 10.3.0.0/26 of c',
    'mode: vxlan CrossSubnet (IPPool default)',
    'subnet: a 172.16.0.1/24 does not contain c 172.17.0.3: different subnets, encapsulated',
    'outer: 172.16.0.1 > 172.17.0.3 udp 49152-65535 > 4789 vni 4096',
    'mac: inner 66:86:f7:e4:37:fa > 66:84:a5:16:84:1b (VTEP of c)',
    "size: 50 bytes of outer headers; the packet inside may have the underlay's MTU less 50",
  ],
);
test('a direct packet has no outer headers', says, '10.2.0.9', undefined, [
  'destination: 10.2.0.9 is on b, pool default (10.0.0.0/8), block 10.2.0.0/26 of b',
  'mode: vxlan CrossSubnet (IPPool default)',
  'subnet: a 172.16.0.1/24 contains b 172.16.0.2: same subnet, sent as it is',
]);
test('an unused address says whose block it is in', says, '10.1.0.9', undefined, [
  'destination: 10.1.0.9 is unused, in a block of this node, pool default (10.0.0.0/8), block 10.1.0.0/26 of a: dropped',
]);
test('an address that nobody has says so', says, '10.9.0.9', undefined, [
  'destination: 10.9.0.9, pool default (10.0.0.0/8): no block holds it, so nobody has it',
]);
test('an address of the world is in no pool', says, '8.8.8.8', undefined, [
  'destination: 8.8.8.8, in no pool: an address outside all pools is not ours to route',
]);
test('a node address is never encapsulated', says, '172.17.0.3', undefined, [
  'destination: 172.17.0.3 is an address of c: never encapsulated, or the outer packet would be again',
]);
test("a source that is another node's is found out", says, '8.8.8.8', '10.3.0.4', [
  'source: 10.3.0.4 is no workload of this node, pool default (10.0.0.0/8), block 10.3.0.0/26 of c: a forwarded packet from it is dropped (SRC_SPOOF)',
  'destination: 8.8.8.8, in no pool: an address outside all pools is not ours to route',
]);
test('a block without a way says why', (t) => {
  const { steps } = explain(
    world({
      pools: [pool('p', '10.0.0.0/8', { vxlan: 'Always' })],
      nodes: [a, node('n', { internal: '172.16.0.9' })],
      blocks: [block('10.2.0.0/26', 'n')],
    }),
    'a' as NodeName,
    { destination: parseAddress('10.2.0.9') },
  );
  t.is(
    steps[0]?.text,
    '10.2.0.9, pool p (10.0.0.0/8): 10.2.0.0/26 is of n, but n is no VTEP: it needs a BGP address and a VXLAN tunnel address',
  );
});
test('an explanation names pool, block and peer', (t) => {
  const { steps, ...rest } = explain(inventory, 'a' as NodeName, {
    destination: parseAddress('10.3.0.9'),
  });
  t.deepEqual(rest as unknown, {
    destination: '10.3.0.9',
    action: 'vxlan',
    via: '172.17.0.3',
    peer: 'c',
    pool: 'default',
    block: '10.3.0.0/26',
    reason: 'different-subnet',
  });
  t.true(steps.length > 0);
});

/** What encapd_egress does, restated from bpf/encapd.bpf.c and bpf/maps.h without a line of ours. */
function program(desired: Desired, address: Address): string {
  const bits = address.includes(':') ? 128 : 32;
  const value = addressToInteger(address);
  const inside = (cidr: string): boolean => {
    const [network = '', length = ''] = cidr.split('/');
    if (network.includes(':') !== address.includes(':')) return false;
    const shift = BigInt(bits - Number(length));
    return value >> shift === addressToInteger(network as Address) >> shift;
  };
  const [pool] = [...desired.pools]
    .filter(([cidr]) => inside(cidr))
    .sort(([x], [y]) => Number(y.split('/')[1]) - Number(x.split('/')[1]));
  if (pool === undefined) return 'not in pool';
  for (const length of pool[1].blockLengths) {
    const found = [...desired.blocks].find(
      ([cidr]) => cidr.endsWith(`/${length}`) && inside(cidr),
    )?.[1];
    if (found === undefined) continue;
    if (found.peer === 'self') return 'self';
    const peer = desired.peers.get(found.peer);
    if (found.policy === unrouted) return 'no policy';
    const policy = desired.policies.get(found.policy);
    if (peer === undefined || policy === undefined) return 'dangling';
    const encap = peer.sameSubnet ? policy.sameSubnet : policy.otherSubnet;
    return `${encap === 'none' ? 'direct' : encap} ${peer.address}`;
  }
  return 'no block';
}

const words: readonly ModeWord[] = ['Never', 'Always', 'CrossSubnet'];
const names = ['a', 'b', 'c', 'd'] as const;
const mode = fc.constantFrom(...words);
const name = fc.constantFrom(...names);

/** Worlds in 10.0.0.0/24, so small that pools nest and everything meets. */
const worlds: fc.Arbitrary<Inventory> = fc
  .record({
    pools: fc.array(
      fc.record({
        length: fc.integer({ min: 24, max: 30 }),
        place: fc.nat(255),
        vxlan: mode,
        ipip: mode,
        loadBalancerOnly: fc.boolean(),
      }),
      { maxLength: 4 },
    ),
    nodes: fc.uniqueArray(
      fc.record({
        name,
        octet: fc.constantFrom(1, 2, 3),
        subnet: fc.constantFrom(0, 1),
        how: fc.constantFrom('bgp', 'bare', 'internal', 'inside'),
        tunnel: fc.option(fc.nat(255), { nil: undefined }),
      }),
      { selector: (one) => one.name, maxLength: 4 },
    ),
    blocks: fc.uniqueArray(
      fc.record({
        place: fc.nat(31),
        owner: fc.option(name, { nil: undefined }),
        borrowed: fc.dictionary(fc.constantFrom('0', '3', '7'), name),
      }),
      { selector: (one) => one.place, maxLength: 6 },
    ),
    workloads: fc.option(
      fc.dictionary(
        fc.nat(255).map((n) => `10.0.0.${n}`),
        name,
      ),
      { nil: undefined },
    ),
    routeSource: fc.constantFrom('CalicoIPAM' as const, 'WorkloadIPs' as const),
    programClusterRoutes: fc.constantFrom('Enabled' as const, 'Disabled' as const),
    vxlanEnabled: fc.option(fc.boolean(), { nil: undefined }),
  })
  .map(({ pools, nodes, blocks, workloads, ...settings }) =>
    world({
      pools: pools.map(({ length, place, ...options }, index) =>
        pool(`p${index}`, `10.0.0.${(place >> (32 - length)) << (32 - length)}/${length}`, options),
      ),
      nodes: nodes.map(({ name: one, octet, subnet, how, tunnel }) =>
        node(one, {
          ...(how === 'bgp' ? { bgp: `172.16.${subnet}.${octet}/24` } : {}),
          ...(how === 'bare' ? { bgp: `172.16.${subnet}.${octet}` } : {}),
          ...(how === 'internal' ? { internal: `172.16.${subnet}.${octet}/23` } : {}),
          ...(how === 'inside' ? { bgp: `10.0.0.${octet}/24` } : {}),
          ...(tunnel === undefined ? {} : { vxlan: `10.0.0.${tunnel}` }),
        }),
      ),
      blocks: blocks.map(({ place, owner, borrowed }) =>
        block(`10.0.0.${place * 8}/29`, owner, borrowed),
      ),
      ...(workloads === undefined ? {} : { workloads }),
      settings,
    }),
  );

test('explain says what the program does with the tables, in any world, for any address', (t) => {
  const addresses = Array.from({ length: 256 }, (_, octet) =>
    addressFromInteger(0x0a000000n + BigInt(octet), 'ipv4'),
  );
  fc.assert(
    fc.property(worlds, (inventory) => {
      const decision = decide(inventory, 'a' as NodeName);
      const ask = explainer(inventory, 'a' as NodeName, decision);
      for (const address of addresses) {
        const { action, via, reason } = ask(address);
        const did = program(decision.desired, address);
        const context = `${address}: ${action} ${String(via)} ${reason}, the program: ${did}`;
        if (action === 'vxlan' || action === 'ipip' || action === 'direct')
          t.is(did, `${action} ${String(via)}`, context);
        // A workload's own route leads to it, whatever the tables have; no packet of its meets them.
        else if (action === 'none' && reason === 'host-ip') t.notRegex(did, /vxlan|ipip/, context);
        else if (action === 'none' && reason === 'blackhole') t.is(did, 'self', context);
        else if (action === 'none')
          t.regex(did, /^(not in pool|no block|no policy|self)$/, context);
      }
    }),
    { numRuns: 150 },
  );
});
test('in any world the tables name only what they have, and have no length twice', (t) => {
  fc.assert(
    fc.property(worlds, (inventory) => {
      const { desired } = decide(inventory, 'a' as NodeName);
      for (const { peer, policy } of desired.blocks.values()) {
        t.true(peer === 'self' || desired.peers.has(peer));
        t.true(policy === unrouted || desired.policies.has(policy));
      }
      for (const { peer } of desired.sources.values())
        t.true(peer === 'external' || desired.peers.has(peer));
      for (const { blockLengths } of desired.pools.values()) {
        t.deepEqual(
          [...blockLengths],
          [...new Set(blockLengths)].sort((x, y) => y - x),
        );
        t.true(blockLengths.length > 0);
      }
      for (const pool of desired.routes.keys()) t.true(desired.pools.has(pool));
    }),
    { numRuns: 300 },
  );
});
test('in any world an address that is let in over a tunnel is one that packets are sent to over one, or ours', (t) => {
  fc.assert(
    fc.property(worlds, (inventory) => {
      const { desired } = decide(inventory, 'a' as NodeName);
      for (const [name, { otherSubnet, accepted }] of desired.policies)
        if (!name.endsWith(' hosts'))
          t.deepEqual([...accepted], otherSubnet === 'none' ? [] : [otherSubnet]);
    }),
    { numRuns: 100 },
  );
});
test('the order in which resources come changes nothing', (t) => {
  fc.assert(
    fc.property(worlds, (inventory) => {
      const backwards: Inventory = {
        ...inventory,
        pools: [...inventory.pools].reverse(),
        blocks: [...inventory.blocks].reverse(),
        nodes: new Map([...inventory.nodes].reverse()),
      };
      const sorted = (value: Desired): unknown =>
        Object.fromEntries(
          Object.entries(value).map(([key, table]) => [
            key,
            table instanceof Map
              ? [...(table as Map<string, unknown>)].sort(([x], [y]) => (x < y ? -1 : 1))
              : (table as unknown),
          ]),
        );
      const self = 'a' as NodeName;
      t.deepEqual(sorted(decide(backwards, self).desired), sorted(decide(inventory, self).desired));
    }),
    { numRuns: 150 },
  );
});
