import test from 'ava';
import { decide } from '../../../src/decide/decide.js';
import type { NodeName } from '../../../src/model/node.js';
import { parseCidr } from '../../../src/net/cidr.js';
import { direct, ipip, local, none, sends, vxlan } from './sends.js';
import { block, node, pool, world } from './worlds.js';

// Each rule that is easy to get wrong, and a packet that would go wrong with it.

const a = node('a', { bgp: '172.16.0.1/24', vxlan: '10.1.0.0', ipip: '10.1.0.1' });
const b = node('b', { bgp: '172.16.0.2/24', vxlan: '10.2.0.0', ipip: '10.2.0.1' });
const c = node('c', { bgp: '172.17.0.3/24', vxlan: '10.3.0.0', ipip: '10.3.0.1' });
const abc = [a, b, c];
const blocks = [block('10.1.0.0/26', 'a'), block('10.2.0.0/26', 'b'), block('10.3.0.0/26', 'c')];
const always = pool('p', '10.0.0.0/8', { vxlan: 'Always' });
const crossSubnet = pool('p', '10.0.0.0/8', { vxlan: 'CrossSubnet' });

const wide = node('wide', { bgp: '172.16.0.9/16', vxlan: '10.9.0.0' });
const narrow = node('narrow', { bgp: '172.16.5.9/24', vxlan: '10.8.0.0' });
const asymmetric = world({
  pools: [crossSubnet],
  nodes: [wide, narrow],
  blocks: [block('10.9.0.0/26', 'wide'), block('10.8.0.0/26', 'narrow')],
});
test('1: the local /16 contains the peer, so it is a neighbour', sends, asymmetric, 'wide', {
  '10.8.0.5': direct('172.16.5.9', 'same-subnet'),
});
test('1: the other way its own /24 does not, so it tunnels back', sends, asymmetric, 'narrow', {
  '10.9.0.5': vxlan('172.16.0.9', 'different-subnet'),
});

test(
  '2: an Always pool inside a CrossSubnet pool crosses subnets as that does',
  sends,
  world({
    pools: [
      pool('outer', '10.0.0.0/8', { vxlan: 'CrossSubnet' }),
      pool('inner', '10.2.0.0/16', { vxlan: 'Always' }),
    ],
    nodes: abc,
    blocks,
  }),
  'a',
  { '10.2.0.5': direct('172.16.0.2'), '10.3.0.5': vxlan('172.17.0.3') },
);
test(
  '2: a CrossSubnet pool inside an Always pool is CrossSubnet, the rest of the outer one is not',
  sends,
  world({
    pools: [
      pool('outer', '10.0.0.0/8', { vxlan: 'Always' }),
      pool('inner', '10.2.0.0/16', { ipip: 'CrossSubnet' }),
    ],
    nodes: [...abc, node('d', { bgp: '172.16.0.4/24', vxlan: '10.4.0.0' })],
    blocks: [...blocks, block('10.4.0.0/26', 'd')],
  }),
  'a',
  { '10.2.0.5': direct('172.16.0.2'), '10.4.0.5': vxlan('172.16.0.4') },
);
test(
  '2: CrossSubnet of a pool for load balancers is inherited too: Felix ors all on the path',
  sends,
  world({
    pools: [
      pool('lb', '10.0.0.0/8', { vxlan: 'CrossSubnet', loadBalancerOnly: true }),
      pool('inner', '10.2.0.0/16', { vxlan: 'Always' }),
    ],
    nodes: abc,
    blocks,
  }),
  'a',
  { '10.2.0.5': direct('172.16.0.2') },
);
test(
  '3: VXLAN wins where both modes are set',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { vxlan: 'Always', ipip: 'Always' })],
    nodes: abc,
    blocks,
  }),
  'a',
  { '10.2.0.5': vxlan('172.16.0.2') },
);
test(
  '4: a pool for load balancers alone has no routes',
  sends,
  world({
    pools: [pool('lb', '10.0.0.0/8', { loadBalancerOnly: true })],
    nodes: abc,
    blocks,
    settings: { programClusterRoutes: 'Enabled' },
  }),
  'a',
  { '10.2.0.5': none() },
);
test(
  '4: inside another pool it changes nothing',
  sends,
  world({
    pools: [always, pool('lb', '10.2.0.0/16', { loadBalancerOnly: true })],
    nodes: abc,
    blocks,
  }),
  'a',
  { '10.2.0.5': vxlan('172.16.0.2') },
);
test(
  '5: a disabled pool gives out no addresses, but those that it gave are reached',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { vxlan: 'Always', disabled: true })],
    nodes: abc,
    blocks,
  }),
  'a',
  { '10.2.0.5': vxlan('172.16.0.2') },
);
test(
  '6: a block without affinity has no owner, whatever BlockAffinity resources say',
  sends,
  world({ pools: [always], nodes: abc, blocks: [block('10.2.0.0/26', undefined)] }),
  'a',
  { '10.2.0.5': none() },
);
test(
  '7: such a block routes allocation by allocation',
  sends,
  world({
    pools: [always],
    nodes: abc,
    blocks: [block('10.2.0.0/26', undefined, { 1: 'b', 2: 'c', 3: null, 4: 'a' })],
  }),
  'a',
  {
    '10.2.0.1': vxlan('172.16.0.2'),
    '10.2.0.2': vxlan('172.17.0.3'),
    '10.2.0.3': none(),
    '10.2.0.4': local('borrowed'),
    '10.2.0.5': none(),
  },
);
test(
  '8: an allocation whose node is not recorded goes to the owner of its block',
  sends,
  world({ pools: [always], nodes: abc, blocks: [block('10.2.0.0/26', 'b', { 7: null, 8: 'c' })] }),
  'a',
  { '10.2.0.7': vxlan('172.16.0.2'), '10.2.0.8': vxlan('172.17.0.3') },
);
test(
  '9: a node address inside a block is never encapsulated, whoever has the block',
  sends,
  world({
    pools: [always],
    nodes: [a, b, node('d', { bgp: '10.2.0.9/24', vxlan: '10.4.0.0', more: ['10.1.0.9'] })],
    blocks: [...blocks.slice(0, 2), block('10.4.0.0/26', 'd')],
  }),
  'a',
  {
    '10.2.0.9': none('host-ip'),
    '10.1.0.9': none('host-ip'),
    '10.2.0.8': vxlan('172.16.0.2'),
    '10.4.0.1': vxlan('10.2.0.9'),
  },
);
test(
  '10: an own block of one address is no blackhole: it would keep out its workload',
  sends,
  world({
    pools: [always],
    nodes: abc,
    blocks: [block('10.1.0.5/32', 'a'), block('10.1.1.0/31', 'a')],
  }),
  'a',
  { '10.1.0.5': none('no-route'), '10.1.1.1': none('blackhole') },
);

const noTunnel = node('n', { bgp: '172.16.0.9/24' });
const noTunnelFar = node('f', { bgp: '172.17.0.9/24' });
const toTunnelless = {
  nodes: [a, noTunnel, noTunnelFar],
  blocks: [block('10.5.0.0/26', 'n'), block('10.6.0.0/26', 'f')],
};
test(
  '11: a neighbour needs no VTEP, a node elsewhere does',
  sends,
  world({ pools: [crossSubnet], ...toTunnelless }),
  'a',
  { '10.5.0.1': direct('172.16.0.9'), '10.6.0.1': none() },
);
test(
  '11: IPIP needs no tunnel address of the peer',
  sends,
  world({ pools: [pool('p', '10.0.0.0/8', { ipip: 'Always' })], ...toTunnelless }),
  'a',
  { '10.5.0.1': ipip('172.16.0.9'), '10.6.0.1': ipip('172.17.0.9') },
);
test(
  '11: IPIP ignores a BGP address without prefix length, and takes the InternalIP',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { ipip: 'Always' })],
    nodes: [
      a,
      node('n', { bgp: '172.16.0.9' }),
      node('m', { bgp: '172.16.0.8', internal: '192.0.2.8' }),
    ],
    blocks: [block('10.5.0.0/26', 'n'), block('10.6.0.0/26', 'm')],
  }),
  'a',
  { '10.5.0.1': none(), '10.6.0.1': ipip('192.0.2.8') },
);
test(
  '11: and the same node is a neighbour by the address that IPIP ignores',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { ipip: 'CrossSubnet' })],
    nodes: [a, node('m', { bgp: '172.16.0.8', internal: '192.0.2.8' })],
    blocks: [block('10.6.0.0/26', 'm')],
  }),
  'a',
  { '10.6.0.1': direct('172.16.0.8') },
);
for (const mode of ['VXLAN', 'IPIP'] as const)
  test(
    `12: without a BGP section ${mode === 'IPIP' ? 'IPIP goes to the InternalIP' : 'there is no VTEP'}`,
    sends,
    world({
      pools: [pool('p', '10.0.0.0/8', mode === 'IPIP' ? { ipip: 'Always' } : { vxlan: 'Always' })],
      nodes: [
        a,
        node('i', { internal: '172.16.0.7', external: '198.51.100.7', vxlan: '10.7.0.0' }),
      ],
      blocks: [block('10.7.0.0/26', 'i')],
    }),
    'a',
    { '10.7.0.1': mode === 'IPIP' ? ipip('172.16.0.7') : none() },
  );
test(
  '12: a BGP section with nothing but a tunnel address is not empty',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { ipip: 'Always' })],
    nodes: [a, node('g', { internal: '172.16.0.7', ipip: '10.7.0.1' })],
    blocks: [block('10.7.0.0/26', 'g')],
  }),
  'a',
  { '10.7.0.5': ipip('172.16.0.7') },
);
test(
  '12: a BGP address of the other family rules out the InternalIP as a next hop, but not for IPIP',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { ipip: 'CrossSubnet' })],
    nodes: [a, node('s', { bgp6: 'fd00:16::7/64', internal: '172.16.0.7/24' })],
    blocks: [block('10.7.0.0/26', 's')],
  }),
  'a',
  { '10.7.0.5': ipip('172.16.0.7', 'different-subnet') },
);
test(
  '13: a node that does not know itself tunnels to all',
  sends,
  world({ pools: [crossSubnet], nodes: [b, c], blocks }),
  'a',
  { '10.2.0.5': vxlan('172.16.0.2', 'own-subnet-unknown'), '10.3.0.5': vxlan('172.17.0.3') },
);

const dual = {
  pools: [always, pool('p6', 'fd00:10::/32', { vxlan: 'Always' })],
  nodes: [
    a,
    node('b', {
      bgp: '172.16.0.2/24',
      bgp6: 'fd00:16::2/64',
      vxlan: '10.2.0.0',
      vxlan6: 'fd00:10:2::',
    }),
  ],
  blocks: [block('10.2.0.0/26', 'b'), block('fd00:10:2::/122', 'b')],
};
test(
  '14: vxlanEnabled false ends VXLAN for IPv4 and not for IPv6',
  sends,
  world({ ...dual, settings: { vxlanEnabled: false } }),
  'a',
  { '10.2.0.5': none(), 'fd00:10:2::5': vxlan('fd00:16::2') },
);
test(
  '14: ipv6Support false ends IPv6',
  sends,
  world({ ...dual, settings: { ipv6Support: false } }),
  'a',
  { '10.2.0.5': vxlan('172.16.0.2'), 'fd00:10:2::5': none() },
);
test(
  '14: ipipEnabled false ends IPIP',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { ipip: 'Always' })],
    nodes: abc,
    blocks,
    settings: { ipipEnabled: false },
  }),
  'a',
  { '10.2.0.5': none() },
);
test(
  'beside devices that we replace, FelixConfiguration speaks of these: pools say what we send',
  sends,
  world({ ...dual, settings: { vxlanEnabled: false, kernelTunnels: 'replace' } }),
  'a',
  { '10.2.0.5': vxlan('172.16.0.2'), 'fd00:10:2::5': vxlan('fd00:16::2') },
);
test(
  'likewise of IPIP',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { ipip: 'Always' })],
    nodes: abc,
    blocks,
    settings: { ipipEnabled: false, kernelTunnels: 'replace' },
  }),
  'a',
  { '10.2.0.5': ipip('172.16.0.2') },
);
test('15: the MACs of a node are derived from its name, -v6 behind it for IPv6', (t) => {
  const { desired } = decide(world(dual), 'a' as NodeName);
  t.deepEqual(
    [...desired.peers].map(([name, { vtepMac }]) => `${name} ${String(vtepMac)}`),
    ['ipv4/b 66:e9:d7:1f:5e:e7', 'ipv6/b 66:05:90:f3:54:e9'],
  );
});
test('17: an IPv6 prefix is the same however it was written', (t) => {
  t.is(parseCidr('FD00:0010:0:0::/32'), parseCidr('fd00:10::/32'));
});
test(
  '18: an empty mode is Never',
  sends,
  world({ pools: [pool('p', '10.0.0.0/8')], nodes: abc, blocks }),
  'a',
  { '10.2.0.5': none() },
);
test(
  '19: of two pools with one CIDR the lowest name counts',
  sends,
  world({
    pools: [
      pool('z', '10.0.0.0/8', { vxlan: 'Always' }),
      pool('y', '10.0.0.0/8', { ipip: 'Always' }),
    ],
    nodes: abc,
    blocks,
  }),
  'a',
  { '10.2.0.5': ipip('172.16.0.2') },
);
test('19: of two nodes with one address the lowest name has it', (t) => {
  const twins = [a, node('y', { bgp: '172.16.0.5/24' }), node('x', { bgp: '172.16.0.5/24' })];
  const { desired, trace, warnings } = decide(
    world({ pools: [pool('p', '10.0.0.0/8', { ipip: 'Always' })], nodes: twins, blocks }),
    'a' as NodeName,
  );
  t.deepEqual(
    [...desired.sources].map(([address, { peer }]) => `${address} ${peer}`),
    ['172.16.0.5 ipv4/x'],
  );
  t.deepEqual([...trace.hostAddresses.values()], ['a', 'x'] as unknown as NodeName[]);
  t.true(warnings.some(({ subject }) => subject === 'Node y'));
});
test(
  '19: of two workloads with one address it is the local one, and of two tunnels the lowest name',
  sends,
  world({
    pools: [always],
    nodes: [
      a,
      node('x', { bgp: '172.16.0.5/24', vxlan: '10.3.0.9' }),
      node('d', { bgp: '172.16.0.6/24', vxlan: '10.3.0.9' }),
      c,
    ],
    blocks,
    workloads: { '10.1.0.7': 'a' },
  }),
  'a',
  { '10.1.0.7': local(), '10.3.0.9': vxlan('172.16.0.6') },
);
const borrower = { pools: [always], nodes: abc, blocks: [block('10.2.0.0/26', 'b', { 4: 'a' })] };
test(
  '20: an address that this node borrowed for a live workload is local',
  sends,
  world({ ...borrower, workloads: { '10.2.0.4': 'a' } }),
  'a',
  { '10.2.0.4': local(), '10.2.0.5': vxlan('172.16.0.2') },
);
test('20: so it is where only the allocation tells', sends, world(borrower), 'a', {
  '10.2.0.4': local('borrowed'),
});
test(
  '20: without its workload it is dropped here: nobody else has it',
  sends,
  world({ ...borrower, workloads: { '10.2.0.9': 'b' } }),
  'a',
  { '10.2.0.4': none('blackhole') },
);

for (const [word, ours] of [
  ['Enabled', true],
  ['EnabledNoEncapOnly', true],
  ['EnabledIPIPOnly', false],
  ['Disabled', false],
] as const) {
  test(
    `21: with programClusterRoutes ${word} a pool that never encapsulates is ${ours ? 'ours to route' : "BGP's"}`,
    sends,
    world({
      pools: [pool('p', '10.0.0.0/8')],
      nodes: abc,
      blocks,
      settings: { programClusterRoutes: word },
    }),
    'a',
    ours
      ? {
          '10.2.0.5': direct('172.16.0.2', 'never'),
          '10.3.0.5': direct('172.17.0.3', 'never'),
          '10.1.0.5': none('blackhole'),
        }
      : { '10.2.0.5': none(), '10.3.0.5': none(), '10.1.0.5': none() },
  );
  test(
    `21: with programClusterRoutes ${word} an IPIP pool is encapsulated all the same`,
    sends,
    world({
      pools: [pool('p', '10.0.0.0/8', { ipip: 'Always' })],
      nodes: abc,
      blocks,
      settings: { programClusterRoutes: word },
    }),
    'a',
    { '10.2.0.5': ipip('172.16.0.2') },
  );
}
