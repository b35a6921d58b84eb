import test from 'ava';
import { derivedVtepMac } from '../../../src/decide/vtep.js';
import { decide } from '../../../src/decide/decide.js';
import type { NodeName } from '../../../src/model/node.js';
import type { Family } from '../../../src/net/address.js';
import type { Mac } from '../../../src/net/mac.js';
import { direct, ipip, none, sends, vxlan } from './sends.js';
import { block, node, pool, world } from './worlds.js';

// Restated from Calico's own tests; the places are in projectcalico/calico.
const pool10 = pool('pool-10', '10.0.0.0/16', { vxlan: 'Always' });
const remote = node('remotehostname', { bgp: '192.168.0.2/32', vxlan: '10.0.1.0' });
const remote2 = node('remotehostname2', { bgp: '192.168.0.3/32', vxlan: '10.0.2.0' });

test(
  'a block whose owner has gone has no usable tunnel, whoever has the old address (states_for_test.go:1820)',
  sends,
  world({
    pools: [pool10],
    nodes: [node('remotehostname2', { bgp: '192.168.0.2/32' })],
    blocks: [block('10.0.1.0/29', 'remotehostname')],
  }),
  'localhostname',
  { '10.0.1.3': none() },
);
test(
  'a changed tunnel address changes the VTEP and not the outer destination (states_for_test.go:1955)',
  sends,
  world({
    pools: [pool10],
    nodes: [node('remotehostname', { bgp: '192.168.0.2/32', vxlan: '10.0.1.1' })],
    blocks: [block('10.0.1.0/29', 'remotehostname')],
  }),
  'localhostname',
  { '10.0.1.3': vxlan('192.168.0.2', 'always') },
);
test(
  'an address of a local block that a remote node borrowed is tunnelled, unused ones are dropped (states_for_test.go:2031)',
  sends,
  world({
    pools: [pool10],
    nodes: [node('localhostname', { bgp: '192.168.0.1/32', vxlan: '10.0.0.0' }), remote],
    blocks: [
      block('10.0.0.0/29', 'localhostname', { 0: null, 1: 'localhostname', 2: 'remotehostname' }),
    ],
  }),
  'localhostname',
  {
    '10.0.0.0': { action: 'local', reason: 'tunnel-address' },
    '10.0.0.1': { action: 'local', reason: 'local-workload' },
    '10.0.0.2': vxlan('192.168.0.2'),
    '10.0.0.3': none('blackhole'),
    '10.0.0.7': none('blackhole'),
    '10.0.1.0': none('no-route'),
    '192.168.0.2': none('host-ip'),
    '192.168.0.1': none('host-ip'),
  },
);
test(
  'a pool switched from VXLAN to IPIP is IPIP, everything else unchanged (states_for_test.go:2319)',
  sends,
  world({
    pools: [pool('pool-10', '10.0.0.0/16', { ipip: 'Always' })],
    nodes: [remote],
    blocks: [block('10.0.1.0/29', 'remotehostname')],
  }),
  'localhostname',
  { '10.0.1.3': ipip('192.168.0.2') },
);

const dual = [pool10, pool('pool-v6', 'feed:beef::/64', { vxlan: 'Always' })];
const dualBlocks = [
  block('10.0.1.0/29', 'remotehostname'),
  block('feed:beef:0:0:1::/96', 'remotehostname'),
];
test(
  'IPv6 goes on when a dual-stack node loses its IPv4 address (states_for_test.go:2665)',
  sends,
  world({
    pools: [pool10, pool('pool-v6', 'feed:beef::/64', { vxlan: 'Always' })],
    nodes: [
      node('remotehostname', {
        bgp6: 'dead:beef:1::2/96',
        vxlan: '10.0.1.0',
        vxlan6: 'feed:beef:0:0:1::',
      }),
    ],
    blocks: dualBlocks,
  }),
  'localhostname',
  { '10.0.1.3': none(), 'feed:beef:0:0:1::5': vxlan('dead:beef:1::2') },
);
test(
  'IPv4 goes on when a dual-stack node loses its IPv6 tunnel address (states_for_test.go:2802)',
  sends,
  world({
    pools: dual,
    nodes: [
      node('remotehostname', {
        bgp: '192.168.0.2/24',
        bgp6: 'dead:beef:1::2/96',
        vxlan: '10.0.1.0',
      }),
    ],
    blocks: dualBlocks,
  }),
  'localhostname',
  { '10.0.1.3': vxlan('192.168.0.2'), 'feed:beef:0:0:1::5': none() },
);
const explicitMac = world({
  pools: dual,
  nodes: [
    node('remotehostname', {
      bgp: '192.168.0.2/24',
      bgp6: 'dead:beef:1::2/96',
      vxlan: '10.0.1.0',
      vxlan6: 'feed:beef:0:0:1::',
      mac: '66:74:c5:72:3f:01',
    }),
  ],
  blocks: dualBlocks,
});
test(
  'both families of a dual-stack node are VTEPs (states_for_test.go:2830)',
  sends,
  explicitMac,
  'localhostname',
  { '10.0.1.3': vxlan('192.168.0.2'), 'feed:beef:0:0:1::5': vxlan('dead:beef:1::2') },
);
test('an explicit MAC of one family leaves the other derived (states_for_test.go:2830)', (t) => {
  const { desired } = decide(explicitMac, 'localhostname' as NodeName);
  t.deepEqual(
    [...desired.peers].map(([name, { vtepMac }]) => `${name} ${String(vtepMac)}`),
    ['ipv4/remotehostname 66:74:c5:72:3f:01', 'ipv6/remotehostname 66:a0:68:c9:4c:79'],
  );
});
test(
  'routeSource WorkloadIPs ignores IPAM blocks (l3_route_resolver.go:201)',
  sends,
  world({
    pools: [pool10],
    nodes: [remote],
    blocks: [block('10.0.1.0/29', 'remotehostname')],
    settings: { routeSource: 'WorkloadIPs' },
  }),
  'localhostname',
  { '10.0.1.3': none() },
);
test(
  'CrossSubnet over IPv6: the neighbour directly, the other by VXLAN, the own block dropped (vxlan_mgr_test.go:269)',
  sends,
  world({
    pools: [pool('p6', 'fd00:10:244::/48', { vxlan: 'CrossSubnet' })],
    nodes: [
      node('node1', { bgp6: 'fc00:10:96::2/64', vxlan6: 'fd00:10:244::' }),
      node('node2', { bgp6: 'fc00:10:96::8/64', vxlan6: 'fd00:10:244:1::' }),
      node('node3', { bgp6: 'fc00:10:10::8/64', vxlan6: 'fd00:10:244:2::' }),
    ],
    blocks: [
      block('fd00:10:244:1::/112', 'node2'),
      block('fd00:10:244:2::/112', 'node3'),
      block('fd00:10:244::/112', 'node1'),
    ],
  }),
  'node1',
  {
    'fd00:10:244:1::5': direct('fc00:10:96::8', 'same-subnet'),
    'fd00:10:244:2::5': vxlan('fc00:10:10::8', 'different-subnet'),
    'fd00:10:244::5': none('blackhole'),
  },
);
const node2 = node('node2', { bgp: '172.0.12.1/16', vxlan: '10.0.80.0' });
const crossSubnet = pool('p', '10.0.0.0/16', { vxlan: 'CrossSubnet' });
test(
  'CrossSubnet tunnels while the local node is not known (vxlan_mgr_test.go:366)',
  sends,
  world({ pools: [crossSubnet], nodes: [node2], blocks: [block('10.0.80.0/26', 'node2')] }),
  'node1',
  { '10.0.80.5': vxlan('172.0.12.1', 'own-subnet-unknown') },
);
test(
  'and goes directly when it is (vxlan_mgr_test.go:366)',
  sends,
  world({
    pools: [crossSubnet],
    nodes: [node('node1', { bgp: '172.0.0.2/16', vxlan: '10.0.0.0' }), node2],
    blocks: [block('10.0.80.0/26', 'node2')],
  }),
  'node1',
  { '10.0.80.5': direct('172.0.12.1', 'same-subnet') },
);
test(
  'IPIP CrossSubnet: the neighbour directly, the other by IPIP, the own block dropped (ipip_mgr_test.go:179)',
  sends,
  world({
    pools: [pool('p', '192.168.0.0/16', { ipip: 'CrossSubnet' })],
    nodes: [
      node('node1', { bgp: '172.0.0.2/24', ipip: '192.168.0.1' }),
      node('node2', { bgp: '172.0.0.3/24', ipip: '192.168.1.1' }),
      node('node3', { bgp: '172.0.2.2/24', ipip: '192.168.2.1' }),
    ],
    blocks: [
      block('192.168.1.0/26', 'node2'),
      block('192.168.2.0/26', 'node3'),
      block('192.168.0.64/26', 'node1'),
    ],
  }),
  'node1',
  {
    '192.168.1.5': direct('172.0.0.3'),
    '192.168.2.5': ipip('172.0.2.2'),
    '192.168.0.100': none('blackhole'),
  },
);
test(
  'IPIP Always is IPIP in the own subnet and beyond (ippools_test.go:82)',
  sends,
  world({
    pools: [pool('p', '10.10.0.0/16', { ipip: 'Always' })],
    nodes: [
      node('n0', { bgp: '1.1.1.5/24' }),
      node('n1', { bgp: '1.1.1.9/24' }),
      node('n2', { bgp: '1.1.2.9/24' }),
    ],
    blocks: [block('10.10.1.0/26', 'n1'), block('10.10.2.0/26', 'n2')],
  }),
  'n0',
  { '10.10.1.7': ipip('1.1.1.9'), '10.10.2.7': ipip('1.1.2.9') },
);
test(
  'bare InternalIPs are their own /32: no other node is in the subnet (l3_route_resolver.go:377)',
  sends,
  world({
    pools: [pool('xi', '10.0.0.0/8', { ipip: 'CrossSubnet' })],
    nodes: [node('a', { internal: '172.16.0.1' }), node('b', { internal: '172.16.0.2' })],
    blocks: [block('10.2.0.0/26', 'b')],
  }),
  'a',
  { '10.2.0.5': ipip('172.16.0.2', 'different-subnet') },
);
test(
  'IPIP takes a node with an empty BGP section for removed (dataplane_passthru.go:121)',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { ipip: 'Always' })],
    nodes: [
      node('a', { bgp: '172.16.0.1/24' }),
      node('b', { emptyBgp: true, internal: '172.16.0.2' }),
    ],
    blocks: [block('10.2.0.0/26', 'b')],
  }),
  'a',
  { '10.2.0.5': none() },
);

const abc = [
  node('a', { bgp: '172.16.0.1/24', vxlan: '10.1.0.0' }),
  node('b', { bgp: '172.16.0.2/24', vxlan: '10.2.0.0' }),
  node('c', { bgp: '172.17.0.3/24', vxlan: '10.3.0.0' }),
];
const abcBlocks = [block('10.1.0.0/26', 'a'), block('10.2.0.0/26', 'b'), block('10.3.0.0/26', 'c')];
test(
  'an IPIP pool inside a VXLAN pool is IPIP (l3_route_resolver.go:740)',
  sends,
  world({
    pools: [
      pool('outer', '10.0.0.0/8', { vxlan: 'Always' }),
      pool('inner', '10.2.0.0/16', { ipip: 'Always' }),
    ],
    nodes: abc,
    blocks: abcBlocks,
  }),
  'a',
  { '10.2.0.5': ipip('172.16.0.2'), '10.3.0.5': vxlan('172.17.0.3') },
);
test(
  'both blocks of one node go to it, what lies behind them to nobody (ipip_mgr.go:168)',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { ipip: 'Always' })],
    nodes: abc,
    blocks: [block('10.2.0.0/26', 'b'), block('10.2.0.64/26', 'b')],
  }),
  'a',
  { '10.2.0.63': ipip('172.16.0.2'), '10.2.0.64': ipip('172.16.0.2'), '10.2.0.128': none() },
);
test(
  'a borrowed address goes to the borrower, the rest of the block to its owner (ipip_mgr.go:168)',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { ipip: 'Always' })],
    nodes: abc,
    blocks: [block('10.2.0.0/26', 'b', { 1: 'c' })],
  }),
  'a',
  { '10.2.0.1': ipip('172.17.0.3'), '10.2.0.2': ipip('172.16.0.2') },
);
test(
  'the rest of the world is in no pool, a node is reached as itself (l3_route_resolver.go:710)',
  sends,
  world({ pools: [pool('p', '10.0.0.0/8', { vxlan: 'Always' })], nodes: abc, blocks: abcBlocks }),
  'a',
  { '8.8.8.8': none('no-route'), '172.17.0.3': none('host-ip') },
);

const beforeAndAfter = {
  '10.0.1.0': vxlan('192.168.0.2'),
  '10.0.1.7': vxlan('192.168.0.2'),
  '10.0.1.8': none(),
  '10.0.0.5': none(),
  '11.0.0.1': none(),
  '192.168.0.2': none('host-ip'),
};
test(
  'a block reaches from its first to its last address (states_for_test.go:2336)',
  sends,
  world({ pools: [pool10], nodes: [remote], blocks: [block('10.0.1.0/29', 'remotehostname')] }),
  'localhostname',
  beforeAndAfter,
);
test(
  'a removed block leaves nothing behind (states_for_test.go:2336)',
  sends,
  world({ pools: [pool10], nodes: [remote] }),
  'localhostname',
  { '10.0.1.3': none() },
);
test(
  'an address becomes borrowed (states_for_test.go:1904)',
  sends,
  world({
    pools: [pool10],
    nodes: [remote, remote2],
    blocks: [
      block('10.0.1.0/29', 'remotehostname', {
        0: null,
        1: 'remotehostname',
        2: 'remotehostname2',
      }),
    ],
  }),
  'localhostname',
  {
    '10.0.1.1': vxlan('192.168.0.2'),
    '10.0.1.2': vxlan('192.168.0.3'),
    '10.0.1.3': vxlan('192.168.0.2'),
  },
);

const derives = test.macro({
  title: (_, name: string, family: Family, mac: string) =>
    `Calico's MAC for ${family} of ${name} is ${mac}`,
  exec: (t, name: string, family: Family, mac: string) => {
    t.is(derivedVtepMac(name as NodeName, family), mac as Mac);
  },
});
test(derives, 'remotehostname', 'ipv4', '66:3e:ca:a4:db:65');
test(derives, 'remotehostname', 'ipv6', '66:a0:68:c9:4c:79');
test(derives, 'localhostname', 'ipv4', '66:48:f6:56:dc:f1');
test(derives, 'node1', 'ipv6', '66:0f:35:f2:60:df');
test(derives, 'ip-10-0-0-1.eu-west-1.compute.internal', 'ipv4', '66:22:36:a4:22:94');
