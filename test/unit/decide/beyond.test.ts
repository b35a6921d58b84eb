import test from 'ava';
import { decide } from '../../../src/decide/decide.js';
import { explain } from '../../../src/decide/explain.js';
import type { NodeName } from '../../../src/model/node.js';
import { parseAddress } from '../../../src/net/address.js';
import {
  a,
  six,
  blocks,
  nodes,
  v4,
  v6,
  v6Cross,
  i6,
  i6Cross,
  beyond,
  sixOverFour,
  fourOverSix,
  byIp6ip,
  ip6ipOverFour,
} from './beyond-calico.js';
import { direct, ip6ip, ipip, local, none, sends, vxlan } from './sends.js';
import { block, node, pool, world } from './worlds.js';

test(
  'without a word each pool travels over its own family',
  sends,
  world({ pools: [v4, v6], nodes, blocks }),
  'a',
  {
    '10.2.0.5': vxlan('172.16.0.2', 'always'),
    '10.4.0.5': vxlan('172.16.0.4', 'always'),
    '10.6.0.5': none(),
    'fd00:10:2::5': vxlan('fd00:16::2', 'always'),
    'fd00:10:4::5': none(),
    'fd00:10:6::5': vxlan('fd00:16::6', 'always'),
  },
);
test(
  'IPv6 pools over IPv4 reach nodes by their IPv4 address, and IPv4 pools as before',
  sends,
  world({ pools: [v4, v6], nodes, blocks, settings: sixOverFour }),
  'a',
  {
    '10.2.0.5': vxlan('172.16.0.2', 'always'),
    'fd00:10:2::5': vxlan('172.16.0.2', 'always'),
    'fd00:10:3::5': vxlan('172.17.0.3', 'always'),
    'fd00:10:4::5': vxlan('172.16.0.4', 'always'),
    'fd00:10:6::5': none(),
    'fd00:10:1::': local('tunnel-address'),
    'fd00:10:1::9': none('blackhole'),
    'fd00:16::2': none('host-ip'),
  },
);
test(
  'IPv4 pools over IPv6 reach nodes by their IPv6 address, and IPv6 pools as before',
  sends,
  world({ pools: [v4, v6], nodes, blocks, settings: fourOverSix }),
  'a',
  {
    '10.2.0.5': vxlan('fd00:16::2', 'always'),
    '10.3.0.5': vxlan('fd00:17::3', 'always'),
    '10.4.0.5': none(),
    '10.6.0.5': vxlan('fd00:16::6', 'always'),
    'fd00:10:2::5': vxlan('fd00:16::2', 'always'),
  },
);
test(
  'both at once: each family travels over the other',
  sends,
  world({
    pools: [v4, v6],
    nodes,
    blocks,
    settings: beyond({ ipv4PoolsOver: 'ipv6', ipv6PoolsOver: 'ipv4' }),
  }),
  'a',
  { '10.2.0.5': vxlan('fd00:16::2'), 'fd00:10:2::5': vxlan('172.16.0.2') },
);
test(
  'over the other family CrossSubnet is Always: there is no next hop of it',
  sends,
  world({ pools: [v6Cross], nodes, blocks, settings: sixOverFour }),
  'a',
  { 'fd00:10:2::5': vxlan('172.16.0.2', 'always'), 'fd00:10:3::5': vxlan('172.17.0.3', 'always') },
);
test(
  'over its own it is what it is',
  sends,
  world({ pools: [v6Cross], nodes, blocks, settings: fourOverSix }),
  'a',
  {
    'fd00:10:2::5': direct('fd00:16::2', 'same-subnet'),
    'fd00:10:3::5': vxlan('fd00:17::3', 'different-subnet'),
  },
);
test(
  'ipipMode of an IPv6 pool goes nowhere without a word',
  sends,
  world({ pools: [i6], nodes, blocks }),
  'a',
  { 'fd00:10:2::5': none() },
);
test(
  'with one it is IP6-in-IP over IPv6, to any node with an IPv6 address',
  sends,
  world({
    pools: [i6],
    nodes: [...nodes, node('plain', { bgp6: 'fd00:17::7/64' })],
    blocks: [...blocks, block('fd00:10:7::/122', 'plain')],
    settings: byIp6ip,
  }),
  'a',
  {
    'fd00:10:2::5': ip6ip('fd00:16::2', 'always'),
    'fd00:10:6::5': ip6ip('fd00:16::6', 'always'),
    'fd00:10:7::5': ip6ip('fd00:17::7', 'always'),
    'fd00:10:4::5': none(),
  },
);
test(
  'its CrossSubnet sends to neighbours as it is',
  sends,
  world({ pools: [i6Cross], nodes, blocks, settings: byIp6ip }),
  'a',
  {
    'fd00:10:2::5': direct('fd00:16::2', 'same-subnet'),
    'fd00:10:3::5': ip6ip('fd00:17::3', 'different-subnet'),
  },
);
test(
  'IP6-in-IP over IPv4 reaches any node with an IPv4 address, neighbours too',
  sends,
  world({ pools: [i6Cross], nodes, blocks, settings: ip6ipOverFour }),
  'a',
  {
    'fd00:10:2::5': ip6ip('172.16.0.2', 'always'),
    'fd00:10:3::5': ip6ip('172.17.0.3', 'always'),
    'fd00:10:4::5': ip6ip('172.16.0.4', 'always'),
    'fd00:10:6::5': none(),
  },
);
test(
  'IPIP of IPv4 pools stays IPv4 in IPv4',
  sends,
  world({
    pools: [pool('i4', '10.0.0.0/8', { ipip: 'Always' })],
    nodes,
    blocks,
    settings: beyond({ ipv4PoolsOver: 'ipv6', ip6ip: true }),
  }),
  'a',
  { '10.2.0.5': ipip('172.16.0.2', 'always'), '10.6.0.5': none() },
);
test(
  'a pool that never encapsulates has next hops of its own family, whatever is said',
  sends,
  world({
    pools: [pool('n4', '10.0.0.0/8'), pool('n6', 'fd00:10::/32')],
    nodes,
    blocks,
    settings: {
      programClusterRoutes: 'Enabled',
      ...beyond({ ipv4PoolsOver: 'ipv6', ipv6PoolsOver: 'ipv4' }),
    },
  }),
  'a',
  { '10.2.0.5': direct('172.16.0.2', 'never'), 'fd00:10:2::5': direct('fd00:16::2', 'never') },
);
test(
  'a pool inside another has its own encapsulation and the same family',
  sends,
  world({
    pools: [v6, pool('inner', 'fd00:10:3::/48', { ipip: 'Always' })],
    nodes,
    blocks,
    settings: ip6ipOverFour,
  }),
  'a',
  { 'fd00:10:2::5': vxlan('172.16.0.2'), 'fd00:10:3::5': ip6ip('172.17.0.3') },
);
test(
  'a borrowed address goes to its borrower over the family of the pool',
  sends,
  world({
    pools: [v6],
    nodes,
    blocks: [block('fd00:10:2::/122', 'b', { 7: 'c', 8: 'a' })],
    settings: sixOverFour,
  }),
  'a',
  {
    'fd00:10:2::7': vxlan('172.17.0.3'),
    'fd00:10:2::8': local('borrowed'),
    'fd00:10:2::9': vxlan('172.16.0.2'),
  },
);
test(
  'ipv6Support false ends IPv6 pools over IPv4, and IPv4 pools over IPv6',
  sends,
  world({
    pools: [v4, v6],
    nodes,
    blocks,
    settings: { ipv6Support: false, ...beyond({ ipv4PoolsOver: 'ipv6', ipv6PoolsOver: 'ipv4' }) },
  }),
  'a',
  { '10.2.0.5': none(), 'fd00:10:2::5': none() },
);
test(
  'vxlanEnabled governs IPv4 pools, whatever they travel over',
  sends,
  world({
    pools: [v4, v6],
    nodes,
    blocks,
    settings: {
      vxlanEnabled: false,
      ...beyond({ ipv4PoolsOver: 'ipv6', ipv6PoolsOver: 'ipv4' }),
    },
  }),
  'a',
  { '10.2.0.5': none(), 'fd00:10:2::5': vxlan('172.16.0.2') },
);
test(
  'a node with IPv4 alone sends and takes IPv6 pools over IPv4',
  sends,
  world({ pools: [v4, v6], nodes, blocks, settings: sixOverFour }),
  'four',
  { 'fd00:10:2::5': vxlan('172.16.0.2'), 'fd00:10:4::': local('tunnel-address') },
);

test('a VTEP over the other family needs that family’s BGP address and the pool’s tunnel address', (t) => {
  const candidates = [
    node('both', { bgp: '172.16.0.5/24', vxlan6: 'fd00:10:9::' }),
    node('no-tunnel6', { bgp: '172.16.0.5/24', vxlan: '10.9.0.0' }),
    node('no-bgp', { bgp6: 'fd00:16::5/64', vxlan6: 'fd00:10:9::' }),
    node('internal', { internal: '172.16.0.5', vxlan6: 'fd00:10:9::' }),
    node('bare', { bgp: '172.16.0.5', vxlan6: 'fd00:10:9::' }),
  ];
  const reached = candidates.filter(
    (candidate) =>
      explain(
        world({
          pools: [v6],
          nodes: [a, candidate],
          blocks: [block('fd00:10:9::/122', candidate.name)],
          settings: sixOverFour,
        }),
        'a' as NodeName,
        { destination: parseAddress('fd00:10:9::5') },
      ).action === 'vxlan',
  );
  t.deepEqual(
    reached.map(({ name }) => name as string),
    ['both', 'bare'],
  );
});
test('and says so where it is none', (t) => {
  const { warnings } = decide(
    world({ pools: [v6], nodes: [a, six], blocks, settings: sixOverFour }),
    'a' as NodeName,
  );
  t.true(
    warnings.some(({ message }) =>
      message.includes(
        'six is no VTEP: it needs an IPv4 BGP address and an IPv6 VXLAN tunnel address',
      ),
    ),
  );
});
