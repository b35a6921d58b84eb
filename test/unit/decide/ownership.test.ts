import test from 'ava';
import { direct, ipip, local, none, sends, vxlan } from './sends.js';
import { block, node, pool, world } from './worlds.js';

const a = node('a', { bgp: '172.16.0.1/24', vxlan: '10.1.0.0', ipip: '10.1.0.1' });
const b = node('b', { bgp: '172.16.0.2/24', vxlan: '10.2.0.0', ipip: '10.2.0.1' });
const c = node('c', { bgp: '172.17.0.3/24', vxlan: '10.3.0.0', ipip: '10.3.0.1' });
const abc = [a, b, c];
const always = pool('p', '10.0.0.0/8', { vxlan: 'Always' });
const blocks = [block('10.1.0.0/26', 'a'), block('10.2.0.0/26', 'b'), block('10.3.0.0/26', 'c')];

test(
  'a tunnel address in a block of its node is reached as the block',
  sends,
  world({ pools: [always], nodes: abc, blocks }),
  'a',
  { '10.2.0.0': vxlan('172.16.0.2'), '10.2.0.1': vxlan('172.16.0.2') },
);
test(
  'a tunnel address in a block of another node is reached at its own node',
  sends,
  world({
    pools: [always],
    nodes: [a, b, node('c', { bgp: '172.17.0.3/24', vxlan: '10.2.0.9' })],
    blocks,
  }),
  'a',
  { '10.2.0.9': vxlan('172.17.0.3'), '10.2.0.8': vxlan('172.16.0.2') },
);
test(
  'and directly where that is a neighbour in a CrossSubnet pool',
  sends,
  world({
    pools: [pool('p', '10.0.0.0/8', { vxlan: 'CrossSubnet' })],
    nodes: [a, c, node('b', { bgp: '172.16.0.2/24', vxlan: '10.3.0.9' })],
    blocks,
  }),
  'a',
  { '10.3.0.9': direct('172.16.0.2'), '10.3.0.8': vxlan('172.17.0.3') },
);
test(
  'a remote tunnel address in our own block is not swallowed by its blackhole',
  sends,
  world({
    pools: [always],
    nodes: [a, node('b', { bgp: '172.16.0.2/24', vxlan: '10.1.0.9' })],
    blocks,
  }),
  'a',
  { '10.1.0.9': vxlan('172.16.0.2'), '10.1.0.10': none('blackhole') },
);
test(
  'a tunnel address whose block is that address alone is reached',
  sends,
  world({ pools: [always], nodes: abc, blocks: [block('10.2.0.0/32', 'b')] }),
  'a',
  { '10.2.0.0': vxlan('172.16.0.2') },
);
test(
  'a tunnel address in no block is not reached',
  sends,
  world({ pools: [always], nodes: abc, blocks: [block('10.1.0.0/26', 'a')] }),
  'a',
  { '10.2.0.0': none() },
);
test(
  'our own tunnel addresses are local, whoever has the block',
  sends,
  world({ pools: [always], nodes: abc, blocks: [block('10.1.0.0/26', 'b')] }),
  'a',
  { '10.1.0.0': local('tunnel-address'), '10.1.0.1': local('tunnel-address') },
);
test(
  'a tunnel address of a node without any other address counts for nothing',
  sends,
  world({ pools: [always], nodes: [a, b, node('t', { vxlan: '10.2.0.9' })], blocks }),
  'a',
  { '10.2.0.9': vxlan('172.16.0.2') },
);
test(
  'a borrowed address whose borrower is no VTEP falls to the owner of the block',
  sends,
  world({
    pools: [always],
    nodes: [a, b, node('n', { bgp: '172.16.0.9/24' })],
    blocks: [block('10.2.0.0/26', 'b', { 3: 'n' })],
  }),
  'a',
  { '10.2.0.3': vxlan('172.16.0.2') },
);
test(
  'an address of ours, borrowed by a node that is no VTEP, is dropped',
  sends,
  world({
    pools: [always],
    nodes: [a, node('n', { bgp: '172.16.0.9/24' })],
    blocks: [block('10.1.0.0/26', 'a', { 3: 'n' })],
  }),
  'a',
  { '10.1.0.3': none('blackhole') },
);
test(
  'allocations of our own block are local workloads where no WorkloadList is given',
  sends,
  world({ pools: [always], nodes: abc, blocks: [block('10.1.0.0/26', 'a', { 5: 'a', 6: null })] }),
  'a',
  { '10.1.0.5': local(), '10.1.0.6': local(), '10.1.0.7': none('blackhole') },
);
test(
  'where a WorkloadList is given, it and not the allocations says which are live',
  sends,
  world({
    pools: [always],
    nodes: abc,
    blocks: [block('10.1.0.0/26', 'a', { 5: 'a' }), block('10.2.0.0/26', 'b', { 1: 'b' })],
    workloads: { '10.1.0.8': 'a', '10.2.0.1': 'b' },
  }),
  'a',
  { '10.1.0.5': none('blackhole'), '10.1.0.8': local(), '10.2.0.1': vxlan('172.16.0.2') },
);
test(
  'a live workload is local even where IPAM knows nothing of it',
  sends,
  world({ pools: [always], nodes: abc, blocks, workloads: { '10.2.0.7': 'a', '192.0.2.7': 'a' } }),
  'a',
  { '10.2.0.7': local(), '192.0.2.7': local() },
);
test(
  "another node's workload does not matter where routes come from IPAM",
  sends,
  world({ pools: [always], nodes: abc, blocks, workloads: { '10.2.0.7': 'c', '10.9.0.1': 'c' } }),
  'a',
  { '10.2.0.7': vxlan('172.16.0.2'), '10.9.0.1': none() },
);
test(
  'with routeSource WorkloadIPs each workload has a route of its own, and nothing else has',
  sends,
  world({
    pools: [always],
    nodes: abc,
    blocks,
    workloads: { '10.2.0.7': 'c', '10.9.0.1': 'b', '10.1.0.3': 'a' },
    settings: { routeSource: 'WorkloadIPs' },
  }),
  'a',
  {
    '10.2.0.7': vxlan('172.17.0.3'),
    '10.9.0.1': vxlan('172.16.0.2'),
    '10.1.0.3': local(),
    '10.2.0.8': none(),
    '10.1.0.4': none(),
  },
);
test(
  'a block in no pool has no route',
  sends,
  world({ pools: [pool('p', '10.0.0.0/15', { vxlan: 'Always' })], nodes: abc, blocks }),
  'a',
  { '10.1.0.5': none('blackhole'), '10.2.0.5': none(), '10.3.0.5': none() },
);
test(
  'a block that is as large as its pool, or larger than one inside, is found all the same',
  sends,
  world({
    pools: [
      pool('outer', '10.0.0.0/8', { vxlan: 'Always' }),
      pool('equal', '10.2.0.0/26', { ipip: 'Always' }),
      pool('inside', '10.3.0.0/28', { ipip: 'Always' }),
    ],
    nodes: abc,
    blocks: [...blocks, block('10.3.0.8/29', 'b')],
  }),
  'a',
  {
    '10.2.0.5': ipip('172.16.0.2'),
    '10.3.0.9': ipip('172.16.0.2'),
    '10.3.0.1': vxlan('172.17.0.3'),
    '10.3.0.60': vxlan('172.17.0.3'),
  },
);
test(
  'nested pools of three depths each have their own mode',
  sends,
  world({
    pools: [
      pool('wide', '10.0.0.0/8', { vxlan: 'Always' }),
      pool('middle', '10.2.0.0/15', { ipip: 'Always' }),
      pool('narrow', '10.3.0.0/16', {}),
    ],
    nodes: [...abc, node('d', { bgp: '172.18.0.4/24', vxlan: '10.4.0.0' })],
    blocks: [...blocks, block('10.4.0.0/26', 'd')],
    settings: { programClusterRoutes: 'Enabled' },
  }),
  'a',
  {
    '10.4.0.5': vxlan('172.18.0.4'),
    '10.2.0.5': ipip('172.16.0.2'),
    '10.3.0.5': direct('172.17.0.3'),
  },
);
test(
  'an unused pool inside another leaves its addresses to that',
  sends,
  world({
    pools: [always, pool('empty', '10.2.0.0/16', { ipip: 'Always' })],
    nodes: abc,
    blocks: [block('10.3.0.0/26', 'c')],
  }),
  'a',
  { '10.2.0.5': none(), '10.3.0.5': vxlan('172.17.0.3') },
);
test(
  'the unspecified address has no route, though a block may begin with it',
  sends,
  world({
    pools: [pool('all', '0.0.0.0/0', { vxlan: 'Always' })],
    nodes: abc,
    blocks: [block('0.0.0.0/32', 'b')],
  }),
  'a',
  { '0.0.0.0': none() },
);
