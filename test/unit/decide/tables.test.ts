import test from 'ava';
import { decide } from '../../../src/decide/decide.js';
import type { Desired } from '../../../src/model/desired.js';
import type { NodeName } from '../../../src/model/node.js';
import { parseCidr } from '../../../src/net/cidr.js';
import { block, defaults, node, pool, world, type World } from './worlds.js';

const a = node('a', {
  bgp: '172.16.0.1/24',
  bgp6: 'fd00:16::1/64',
  vxlan: '10.1.0.0',
  vxlan6: 'fd00:10:1::',
  ipip: '10.1.0.1',
});
const b = node('b', {
  bgp: '172.16.0.2/24',
  bgp6: 'fd00:16::2/64',
  vxlan: '10.2.0.0',
  vxlan6: 'fd00:10:2::',
});
const c = node('c', { bgp: '172.17.0.3/24' });
const i = node('i', { internal: '172.18.0.4' });
const blocks = [block('10.1.0.0/26', 'a'), block('10.2.0.0/26', 'b', { 3: 'a' })];
const vxlanPool = pool('v', '10.0.0.0/8', { vxlan: 'CrossSubnet' });
const ipipPool = pool('i', '10.2.0.0/16', { ipip: 'Always' });
const v6Pool = pool('s', 'fd00:10::/32', { vxlan: 'Always' });

/** The desired state of node a with plain values only: maps as lists of text. */
function stateOf(description: World): Desired {
  return decide(world({ nodes: [a, b, c, i], blocks, ...description }), 'a' as NodeName).desired;
}
const rows = <Value>(map: ReadonlyMap<string, Value>, show: (value: Value) => string): string[] =>
  [...map].map(([key, value]) => `${key} ${show(value)}`.trimEnd());

test('the tables hang together: pools, their policies, owners and peers', (t) => {
  const { pools, policies, blocks: owners, peers } = stateOf({ pools: [vxlanPool, ipipPool] });
  t.deepEqual(
    rows(pools, ({ blockLengths }) => blockLengths.join(' ')),
    ['10.0.0.0/8 26', '10.2.0.0/16 32 26'],
  );
  t.deepEqual(
    rows(policies, ({ sameSubnet, otherSubnet, accepted }) =>
      [sameSubnet, otherSubnet, ...accepted].join(' '),
    ),
    ['10.0.0.0/8 none vxlan vxlan', '10.2.0.0/16 none ipip ipip'],
  );
  t.deepEqual(
    rows(owners, ({ peer, policy }) => `${peer} ${policy}`),
    [
      '10.1.0.0/26 self 10.0.0.0/8',
      '10.2.0.3/32 self 10.2.0.0/16',
      '10.2.0.0/26 ipv4/b 10.2.0.0/16',
    ],
  );
  t.deepEqual(
    rows(
      peers,
      ({ address, sameSubnet, vtepMac }) => `${address} ${String(sameSubnet)} ${String(vtepMac)}`,
    ),
    [
      'ipv4/b 172.16.0.2 true 66:e9:d7:1f:5e:e7',
      'ipv4/c 172.17.0.3 false undefined',
      'ipv4/i 172.18.0.4 false undefined',
    ],
  );
});
test('host addresses in a pool are entries of a policy that never encapsulates', (t) => {
  const host = node('h', { bgp: '10.9.0.9/24', vxlan: '10.9.1.0' });
  const {
    blocks: owners,
    policies,
    pools,
  } = stateOf({
    pools: [pool('v', '10.0.0.0/8', { vxlan: 'Always' })],
    nodes: [a, host],
    blocks: [block('10.9.0.0/26', 'h')],
  });
  t.deepEqual(
    rows(owners, ({ peer, policy }) => `${peer} ${policy}`),
    [
      '10.9.0.0/26 ipv4/h 10.0.0.0/8',
      '10.1.0.0/32 self 10.0.0.0/8',
      '10.1.0.1/32 self 10.0.0.0/8',
      '10.9.0.9/32 ipv4/h 10.0.0.0/8 hosts',
    ],
  );
  t.deepEqual(
    rows(policies, ({ sameSubnet, otherSubnet, accepted }) =>
      [sameSubnet, otherSubnet, ...accepted].join(' '),
    ),
    ['10.0.0.0/8 vxlan vxlan vxlan', '10.0.0.0/8 hosts none none vxlan'],
  );
  t.deepEqual([...pools.values()], [{ blockLengths: [32, 26] }]);
});
test('a pool in which nobody has a block takes no packets away from other routes', (t) => {
  const { pools, routes, policies } = stateOf({
    pools: [pool('corp', '172.16.0.0/12', { vxlan: 'Always', disabled: true })],
    blocks: [],
  });
  t.is(pools.size, 0);
  t.is(routes.size, 0);
  t.is(policies.size, 0);
});
test('a pool whose routes are BGP’s has no route, but its addresses are known as its nodes’', (t) => {
  const { routes, policies, blocks: owners } = stateOf({ pools: [pool('n', '10.0.0.0/8')] });
  t.deepEqual([routes.size, policies.size], [0, 0]);
  t.deepEqual(
    rows(owners, ({ peer, policy }) => `${peer} ${policy}`),
    ['10.1.0.0/26 self unrouted', '10.2.0.3/32 self unrouted', '10.2.0.0/26 ipv4/b unrouted'],
  );
});
test('a pool for load balancers has no entry anywhere', (t) => {
  const {
    pools,
    routes,
    blocks: owners,
  } = stateOf({
    pools: [pool('n', '10.0.0.0/8', { loadBalancerOnly: true })],
  });
  t.deepEqual([pools.size, routes.size, owners.size], [0, 0, 0]);
});
test('neighbours are no exception while this node has no address to tunnel from', (t) => {
  const { policies } = stateOf({
    pools: [vxlanPool],
    nodes: [c, b],
    blocks: [block('10.2.0.0/26', 'b')],
  });
  t.deepEqual(
    [...policies.values()],
    [{ sameSubnet: 'vxlan', otherSubnet: 'vxlan', accepted: ['vxlan'], underlay: 'ipv4' }],
  );
});

test('this node is its addresses, MACs and tunnel addresses of each family', (t) => {
  t.deepEqual(stateOf({}).self as unknown, {
    ipv4: {
      address: '172.16.0.1',
      prefixLength: 24,
      vtepMac: '66:86:f7:e4:37:fa',
      tunnelAddresses: ['10.1.0.0', '10.1.0.1'],
    },
    ipv6: {
      address: 'fd00:16::1',
      prefixLength: 64,
      vtepMac: '66:b0:25:93:68:b9',
      tunnelAddresses: ['fd00:10:1::'],
    },
  });
});
test('a node without an address of a family is nothing in it', (t) => {
  const { self } = decide(world({ nodes: [c] }), 'c' as NodeName).desired;
  t.is(self.ipv4?.address as string, '172.17.0.3');
  t.is(self.ipv6, undefined);
  t.deepEqual(decide(world({}), 'x' as NodeName).desired.self, {
    ipv4: undefined,
    ipv6: undefined,
  });
});

const accepts = test.macro({
  title: (title) => title ?? '',
  exec: (t, description: World, sources: readonly string[], externals: readonly string[]) => {
    const desired = stateOf(description);
    t.deepEqual(
      rows(desired.sources, ({ peer, accepted }) => `${peer} ${accepted.join(' ')}`),
      [...sources],
    );
    t.deepEqual(
      rows(desired.externals, ({ peer, accepted }) => `${peer} ${accepted.join(' ')}`),
      [...externals],
    );
  },
});
const outside = [parseCidr('198.51.100.0/24')];
test('only VTEPs may send VXLAN', accepts, { pools: [vxlanPool] }, ['172.16.0.2 ipv4/b vxlan'], []);
test(
  'all hosts may send IPIP, with a BGP section or without',
  accepts,
  { pools: [ipipPool] },
  ['172.16.0.2 ipv4/b ipip', '172.17.0.3 ipv4/c ipip', '172.18.0.4 ipv4/i ipip'],
  [],
);
test(
  'a node may send all that is in use and that it can send',
  accepts,
  { pools: [vxlanPool, ipipPool, v6Pool], settings: { externalNodes: outside } },
  [
    '172.16.0.2 ipv4/b ipip vxlan',
    '172.17.0.3 ipv4/c ipip',
    '172.18.0.4 ipv4/i ipip',
    'fd00:16::2 ipv6/b vxlan',
  ],
  ['198.51.100.0/24 external ipip vxlan'],
);
test(
  'where nothing is encapsulated, nobody may send anything encapsulated',
  accepts,
  { pools: [pool('n', '10.0.0.0/8')], settings: { externalNodes: outside } },
  [],
  [],
);
test(
  'ipipEnabled accepts IPIP without a pool that asks for it, vxlanEnabled false refuses VXLAN with one',
  accepts,
  {
    pools: [vxlanPool],
    nodes: [a, b],
    settings: { ipipEnabled: true, vxlanEnabled: false, externalNodes: outside },
  },
  ['172.16.0.2 ipv4/b ipip'],
  ['198.51.100.0/24 external ipip'],
);
test(
  'a pool that another one with its CIDR puts aside asks for nothing',
  accepts,
  { pools: [vxlanPool, pool('w', '10.0.0.0/8', { ipip: 'Always' })] },
  ['172.16.0.2 ipv4/b vxlan'],
  [],
);
test('this node is no source', accepts, { pools: [ipipPool, vxlanPool], nodes: [a] }, [], []);

const routes = test.macro({
  title: (title) => title ?? '',
  exec: (t, description: World, expected: readonly string[]) => {
    t.deepEqual(
      rows(
        stateOf(description).routes,
        ({ source, mtu, overheadBytes }) =>
          `src ${String(source)} mtu ${mtu} overhead ${overheadBytes}`,
      ),
      [...expected],
    );
  },
});
const everywhere = [...blocks, block('10.3.0.0/26', 'c'), block('fd00:10:2::/122', 'b')];
test(
  'each pool has one route, from the tunnel address of its encapsulation',
  routes,
  { pools: [vxlanPool, ipipPool, v6Pool], blocks: everywhere },
  [
    '10.0.0.0/8 src 10.1.0.0 mtu 0 overhead 50',
    '10.2.0.0/16 src 10.1.0.1 mtu 0 overhead 20',
    'fd00:10::/32 src fd00:10:1:: mtu 0 overhead 70',
  ],
);
test(
  "FelixConfiguration's MTUs go with the encapsulation and the family",
  routes,
  {
    pools: [vxlanPool, ipipPool, v6Pool],
    blocks: everywhere,
    settings: { mtu: { vxlan: 1400, vxlanV6: 1380, ipip: 1430 } },
  },
  [
    '10.0.0.0/8 src 10.1.0.0 mtu 1400 overhead 50',
    '10.2.0.0/16 src 10.1.0.1 mtu 1430 overhead 20',
    'fd00:10::/32 src fd00:10:1:: mtu 1380 overhead 70',
  ],
);
test(
  'packets of a pool that never encapsulates may fill the underlay',
  routes,
  {
    pools: [pool('n', '10.0.0.0/8')],
    settings: { programClusterRoutes: 'Enabled', mtu: { vxlan: 1400, vxlanV6: 0, ipip: 0 } },
  },
  ['10.0.0.0/8 src undefined mtu 0 overhead 0'],
);

const warns = test.macro({
  title: (title) => title ?? '',
  exec: (t, description: World, ...expected: readonly RegExp[]) => {
    const { warnings } = decide(world({ nodes: [a, b], blocks, ...description }), 'a' as NodeName);
    const texts = warnings.map(({ subject, message }) => `${subject}: ${message}`);
    t.is(texts.length, expected.length, texts.join('\n'));
    expected.forEach((pattern, place) => t.regex(texts[place] ?? '', pattern));
  },
});
test('an ordinary world has no warnings', warns, { pools: [vxlanPool] });
test('a pool that never encapsulates is none either', warns, { pools: [pool('n', '10.0.0.0/8')] });
test(
  'two pools of one CIDR are odd',
  warns,
  { pools: [vxlanPool, pool('w', '10.0.0.0/8')] },
  /^IPPool w: 10\.0\.0\.0\/8 is the CIDR of IPPool v too/,
);
test(
  'an Always pool that crosses subnets is odd',
  warns,
  { pools: [vxlanPool, ipipPool] },
  /^IPPool i: it lies in a CrossSubnet pool/,
);
test(
  'IPIP for IPv6 is odd',
  warns,
  { pools: [pool('x', 'fd00::/16', { ipip: 'Always' })], blocks: [] },
  /^IPPool x: .*there is no IPIP for IPv6/,
);
const dual = [...blocks, block('fd00:10:2::/122', 'b')];
const beyondCalico = { ...defaults.beyondCalico, ipv6PoolsOver: 'ipv4', ip6ip: true } as const;
test('IP6-in-IP is none where a NodeConfig asks for it', warns, {
  pools: [pool('x', 'fd00:10::/32', { ipip: 'Always' })],
  blocks: [block('fd00:10:2::/122', 'b')],
  settings: { beyondCalico },
});
test(
  'CrossSubnet over the other family is odd',
  warns,
  {
    pools: [vxlanPool, pool('x', 'fd00:10::/32', { vxlan: 'CrossSubnet' })],
    blocks: dual,
    settings: { beyondCalico },
  },
  /^IPPool x: IPv6 packets have no next hop on IPv4: CrossSubnet behaves as Always$/,
);
test('Always over the other family is not', warns, {
  pools: [vxlanPool, v6Pool],
  blocks: dual,
  settings: { beyondCalico },
});
test(
  'IPIP where IPv4 pools are to travel over IPv6 is odd',
  warns,
  {
    pools: [pool('i', '10.0.0.0/8', { ipip: 'Always' })],
    settings: { beyondCalico: { ...defaults.beyondCalico, ipv4PoolsOver: 'ipv6' } },
  },
  /^IPPool i: IPIP is IPv4 in IPv4: its packets travel over IPv4, not IPv6$/,
);
test(
  'an MTU that IPv6 does not keep to is odd',
  warns,
  {
    pools: [vxlanPool, v6Pool],
    blocks: dual,
    settings: { mtu: { vxlan: 1200, vxlanV6: 1279, ipip: 0 } },
  },
  /^IPPool s: vxlanMTUV6 is 1279: IPv6 sends packets of 1280 bytes all the same/,
);
test('the least that it keeps to is not', warns, {
  pools: [vxlanPool, v6Pool],
  blocks: dual,
  settings: { mtu: { vxlan: 1200, vxlanV6: 1280, ipip: 0 } },
});
test(
  'a block in no pool is odd',
  warns,
  { pools: [ipipPool] },
  /^IPAMBlock 10\.1\.0\.0\/26: .*it is in no pool/,
);
test(
  'blocks of a node that is no VTEP are odd, and named once',
  warns,
  {
    pools: [pool('v', '10.0.0.0/8', { vxlan: 'Always' })],
    nodes: [a, c],
    blocks: [block('10.3.0.0/26', 'c'), block('10.3.0.64/26', 'c'), block('10.3.1.0/26', 'c')],
  },
  /^IPAMBlock 10\.3\.0\.0\/26 and 2 more: .*c is no VTEP/,
);
test(
  'routeSource WorkloadIPs without a WorkloadList is odd',
  warns,
  { pools: [vxlanPool], settings: { routeSource: 'WorkloadIPs' } },
  /^FelixConfiguration: routeSource is WorkloadIPs/,
);
