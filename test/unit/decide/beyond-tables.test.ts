import test from 'ava';
import { decide } from '../../../src/decide/decide.js';
import type { Desired } from '../../../src/model/desired.js';
import type { NodeName } from '../../../src/model/node.js';
import { parseCidr } from '../../../src/net/cidr.js';
import {
  a,
  b,
  c,
  four,
  six,
  blocks,
  nodes,
  v4,
  v6,
  v6Cross,
  i6,
  sixOverFour,
  fourOverSix,
  byIp6ip,
  ip6ipOverFour,
} from './beyond-calico.js';
import { block, node, pool, world, type World } from './worlds.js';

function desiredOf(description: World, self = 'a'): Desired {
  return decide(world({ nodes, blocks, ...description }), self as NodeName).desired;
}
const rows = <Value>(map: ReadonlyMap<string, Value>, show: (value: Value) => string): string[] =>
  [...map].map(([key, value]) => `${key} ${show(value)}`.trimEnd());

test('the tables of IPv6 pools over IPv4: policies and owners are of the underlay’s family', (t) => {
  const { policies, blocks: owners, peers } = desiredOf({ pools: [v6], settings: sixOverFour });
  t.deepEqual(
    rows(policies, ({ sameSubnet, otherSubnet, accepted, underlay }) =>
      [sameSubnet, otherSubnet, ...accepted, 'over', underlay].join(' '),
    ),
    ['fd00:10::/32 vxlan vxlan vxlan over ipv4'],
  );
  t.deepEqual(
    rows(owners, ({ peer }) => peer),
    [
      'fd00:10:1::/122 self',
      'fd00:10:2::/122 ipv4/b',
      'fd00:10:3::/122 ipv4/c',
      'fd00:10:4::/122 ipv4/four',
    ],
  );
  t.deepEqual(rows(peers, ({ address, vtepMac }) => `${address} ${String(vtepMac)}`).slice(0, 3), [
    'ipv4/b 172.16.0.2 66:00:00:00:00:04',
    'ipv4/c 172.17.0.3 66:84:a5:16:84:1b',
    `ipv4/four 172.16.0.4 ${String(peers.get('ipv4/four' as never)?.vtepMac)}`,
  ]);
});
test('a node that is a VTEP for the other family’s packets alone has a MAC all the same', (t) => {
  const only = node('only', {
    bgp: '172.16.0.5/24',
    vxlan6: 'fd00:10:9::',
    mac: '66:00:00:00:00:05',
  });
  const description = {
    pools: [v6],
    nodes: [a, only],
    blocks: [block('fd00:10:9::/122', 'only')],
  };
  const macOf = (settings: World['settings']): unknown =>
    [...desiredOf({ ...description, settings: settings ?? {} }).peers.values()].find(
      ({ family }) => family === 'ipv4',
    )?.vtepMac;
  t.is(macOf(sixOverFour), '66:00:00:00:00:05');
  t.is(macOf({}), undefined);
});
test('CrossSubnet over the other family leaves no plain way in the policy', (t) => {
  const policiesOf = (settings: World['settings']): unknown[] => [
    ...desiredOf({ pools: [v6Cross], settings: settings ?? {} }).policies.values(),
  ];
  const common = { otherSubnet: 'vxlan', accepted: ['vxlan'] };
  t.deepEqual(policiesOf(sixOverFour), [{ ...common, sameSubnet: 'vxlan', underlay: 'ipv4' }]);
  t.deepEqual(policiesOf({}), [{ ...common, sameSubnet: 'none', underlay: 'ipv6' }]);
});
test('a node address inside such a pool has a next hop of its own family', (t) => {
  const inside = node('h', {
    bgp: '172.16.0.8/24',
    bgp6: 'fd00:10:8::8/64',
    vxlan6: 'fd00:10:8::',
  });
  const { blocks: owners, policies } = desiredOf({
    pools: [v6],
    nodes: [a, inside],
    blocks: [block('fd00:10:8::/122', 'h')],
    settings: sixOverFour,
  });
  t.deepEqual(rows(owners, ({ peer, policy }) => `${peer} ${policy}`).slice(-2), [
    'fd00:10:1::/128 self fd00:10::/32',
    'fd00:10:8::8/128 ipv6/h fd00:10::/32 hosts',
  ]);
  t.deepEqual(policies.get('fd00:10::/32 hosts' as never) as unknown, {
    sameSubnet: 'none',
    otherSubnet: 'none',
    accepted: ['vxlan'],
    underlay: 'ipv4',
  });
});

const accepts = test.macro({
  title: (title) => title ?? '',
  exec: (t, description: World, sources: readonly string[], externals: readonly string[] = []) => {
    const desired = desiredOf({ nodes: [a, b, four, six], ...description });
    t.deepEqual(
      rows(desired.sources, ({ peer, accepted }) => `${peer} ${accepted.join(' ')}`),
      [...sources],
    );
    t.deepEqual(
      rows(desired.externals, ({ accepted }) => accepted.join(' ')),
      [...externals],
    );
  },
});
const outside = { externalNodes: [parseCidr('198.51.100.0/24')] };
test(
  'each encapsulation is accepted over the family that it travels over',
  accepts,
  { pools: [v4, v6], settings: outside },
  [
    '172.16.0.2 ipv4/b vxlan',
    '172.16.0.4 ipv4/four vxlan',
    'fd00:16::2 ipv6/b vxlan',
    'fd00:16::6 ipv6/six vxlan',
  ],
  ['198.51.100.0/24 vxlan'],
);
test(
  'IPv6 over IPv4: nothing is accepted over IPv6, but nodes are known by those addresses',
  accepts,
  { pools: [v6], settings: { ...sixOverFour, ...outside } },
  [
    '172.16.0.2 ipv4/b vxlan',
    '172.16.0.4 ipv4/four vxlan',
    'fd00:16::2 ipv6/b',
    'fd00:16::6 ipv6/six',
  ],
  ['198.51.100.0/24 vxlan'],
);
test(
  'IPv4 over IPv6: hosts outside the cluster are IPv4, and may send nothing',
  accepts,
  { pools: [v4], settings: { ...fourOverSix, ...outside } },
  [
    '172.16.0.2 ipv4/b',
    '172.16.0.4 ipv4/four',
    'fd00:16::2 ipv6/b vxlan',
    'fd00:16::6 ipv6/six vxlan',
  ],
);
test(
  'IP6-in-IP is accepted from all hosts of its underlay',
  accepts,
  { pools: [i6], settings: { ...byIp6ip, ...outside } },
  ['fd00:16::2 ipv6/b ip6ip', 'fd00:16::6 ipv6/six ip6ip'],
);
test(
  'over IPv4 beside what IPv4 pools use there',
  accepts,
  {
    pools: [pool('i4', '10.0.0.0/8', { ipip: 'Always' }), i6],
    settings: { ...ip6ipOverFour, ...outside },
  },
  [
    '172.16.0.2 ipv4/b ipip ip6ip',
    '172.16.0.4 ipv4/four ipip ip6ip',
    'fd00:16::2 ipv6/b',
    'fd00:16::6 ipv6/six',
  ],
  ['198.51.100.0/24 ipip ip6ip'],
);
test(
  'IP6-in-IP without a word is accepted from nobody',
  accepts,
  { pools: [i6], settings: outside },
  [],
);

for (const settings of [byIp6ip, ip6ipOverFour])
  test(
    `with ipv6Support false no IPv6 is accepted, over ${settings.beyondCalico.ipv6PoolsOver} either`,
    accepts,
    {
      pools: [i6, pool('x', 'fd00:20::/32', { vxlan: 'Always' })],
      settings: { ipv6Support: false, ...settings, ...outside },
    },
    [],
  );

test('routes: overhead by the underlay, source and FelixConfiguration’s MTU by the pool', (t) => {
  const routes = (description: World): string[] =>
    rows(
      desiredOf(description).routes,
      ({ source, mtu, overheadBytes }) =>
        `src ${String(source)} mtu ${mtu} overhead ${overheadBytes}`,
    );
  const mtu = { vxlan: 1400, vxlanV6: 1380, ipip: 1430 };
  t.deepEqual(routes({ pools: [v4, v6], settings: sixOverFour }), [
    '10.0.0.0/8 src 10.1.0.0 mtu 0 overhead 50',
    'fd00:10::/32 src fd00:10:1:: mtu 0 overhead 50',
  ]);
  t.deepEqual(routes({ pools: [v4, v6], settings: { ...fourOverSix, mtu } }), [
    '10.0.0.0/8 src 10.1.0.0 mtu 1400 overhead 70',
    'fd00:10::/32 src fd00:10:1:: mtu 1380 overhead 70',
  ]);
  t.deepEqual(routes({ pools: [i6], settings: { ...byIp6ip, mtu } }), [
    'fd00:10::/32 src fd00:10:1:: mtu 0 overhead 40',
  ]);
  t.deepEqual(routes({ pools: [i6], settings: { ...ip6ipOverFour, mtu } }), [
    'fd00:10::/32 src fd00:10:1:: mtu 0 overhead 20',
  ]);
});
test('a node of one family has the other’s tunnel addresses where they are of use', (t) => {
  const tunnels = (self: string, settings: World['settings']): unknown => {
    const { ipv4, ipv6 } = desiredOf({ pools: [v4, v6], settings: settings ?? {} }, self).self;
    return { ipv4: ipv4?.tunnelAddresses, ipv6: ipv6?.tunnelAddresses };
  };
  t.deepEqual(tunnels('four', {}), { ipv4: ['10.4.0.0'], ipv6: undefined });
  t.deepEqual(tunnels('four', sixOverFour), { ipv4: ['10.4.0.0', 'fd00:10:4::'], ipv6: undefined });
  t.deepEqual(tunnels('six', fourOverSix), { ipv4: undefined, ipv6: ['10.6.0.0', 'fd00:10:6::'] });
  t.deepEqual(tunnels('a', sixOverFour), { ipv4: ['10.1.0.0'], ipv6: ['fd00:10:1::'] });
});

const zero = test.macro({
  title: (_, settings: World['settings']) =>
    `zeroUdpChecksum ${JSON.stringify(settings?.zeroUdpChecksum)} is for IPv6 peers alone`,
  exec: (t, settings: World['settings'], expected: readonly string[]) => {
    const { peers } = desiredOf({ pools: [v4, v6], nodes: [a, b, c], settings: settings ?? {} });
    t.deepEqual(
      [...peers].filter(([, { zeroChecksum }]) => zeroChecksum).map(([name]) => name as string),
      [...expected],
    );
  },
});
test(zero, { zeroUdpChecksum: 'never' }, []);
test(zero, { zeroUdpChecksum: 'always' }, ['ipv6/b', 'ipv6/c']);
test(zero, { zeroUdpChecksum: ['c', 'x'] as unknown as readonly NodeName[] }, ['ipv6/c']);
