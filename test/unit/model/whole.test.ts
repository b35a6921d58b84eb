import test from 'ava';
import type { NodeName } from '../../../src/model/node.js';
import type { Address } from '../../../src/net/address.js';
import { block, errorsOf, felix, node, pool, problemsOf, worldOf } from './written.js';

const says = test.macro<[readonly object[], string, string, ('error' | 'warning')?]>(
  (t, resources, path, message, severity = 'error') => {
    const found = problemsOf(...resources);
    t.true(
      found.some(
        (one) => one.path === path && one.severity === severity && one.message.startsWith(message),
      ),
      JSON.stringify(found.map((one) => `${one.severity} ${one.path}: ${one.message}`)),
    );
  },
);

const silent = test.macro<[readonly object[]]>((t, resources) => {
  t.deepEqual(problemsOf(...resources), []);
});

const outer = pool({ cidr: '1.2.3.0/24' }, 'ippool1');

test(
  'a second pool with the same CIDR',
  says,
  [outer, pool({ cidr: '1.2.3.0/24' }, 'ippool2')],
  'spec.cidr',
  'IPPool(ippool2) CIDR overlaps with IPPool(ippool1) CIDR 1.2.3.0/24 (world.yaml:9:13)',
);
test(
  'a second pool inside the first',
  says,
  [outer, pool({ cidr: '1.2.3.128/25' }, 'ippool4')],
  'spec.cidr',
  'IPPool(ippool4) CIDR overlaps with IPPool(ippool1) CIDR 1.2.3.0/24',
);
test(
  'a second pool around the first',
  says,
  [outer, pool({ cidr: '1.2.0.0/16' }, 'ippool3')],
  'spec.cidr',
  'IPPool(ippool3) CIDR overlaps with IPPool(ippool1) CIDR 1.2.3.0/24',
);
test(
  'a disabled pool overlaps all the same',
  says,
  [
    pool({ cidr: '1.2.3.0/24', disabled: true }, 'ippool1'),
    pool({ cidr: '1.2.3.0/25' }, 'ippool2'),
  ],
  'spec.cidr',
  'IPPool(ippool2) CIDR overlaps',
);
test(
  'IPv6 pools overlap whatever their spelling',
  says,
  [pool({ cidr: 'fd00::/48' }, 'x'), pool({ cidr: 'FD00:0:0:1::/64' }, 'y')],
  'spec.cidr',
  'IPPool(y) CIDR overlaps with IPPool(x) CIDR fd00::/48',
);
test('neighbours do not overlap', silent, [
  pool({ cidr: '10.0.0.0/25' }, 'x'),
  pool({ cidr: '10.0.0.128/25' }, 'y'),
]);
test('pools of two families do not overlap', silent, [
  pool({ cidr: '10.0.0.0/16' }, 'x'),
  pool({ cidr: 'fd00::/48' }, 'y'),
]);
test(
  'a name that is there twice',
  says,
  [outer, pool({ cidr: '10.0.0.0/16' }, 'ippool1')],
  'metadata.name',
  'IPPool(ippool1) already exists (world.yaml:6:13)',
);
test('a node and a pool of one name are two things', silent, [
  pool({ cidr: '10.0.0.0/16' }, 'a'),
  node({}, 'a'),
]);

test(
  'a pool whose blocks have another size',
  says,
  [pool({ cidr: '10.0.0.0/16', blockSize: 27 }), block('10.0.0.0/26', { affinity: null })],
  'spec.blockSize',
  'IPPool blocksSize conflicts with existing allocations that use a different blockSize; block 10.0.0.0/26',
);
test(
  'a block outside every pool',
  says,
  [pool({ cidr: '10.0.0.0/16' }), block('10.1.0.0/26')],
  'spec.cidr',
  'block 10.1.0.0/26 is in no pool',
  'warning',
);
test('blocks alone are not told to be outside', silent, [block('10.1.0.0/26')]);
test(
  'a block of a node that is not there',
  says,
  [node({}, 'node-b'), block('10.1.0.0/26')],
  'spec.affinity',
  'there is no node node-a',
  'warning',
);
test(
  'two nodes with one address',
  says,
  [
    node({ bgp: { ipv4Address: '1.1.1.1/24' } }, 'b'),
    node({ bgp: { ipv4Address: '1.1.1.1/16' } }, 'a'),
  ],
  'spec.bgp.ipv4Address',
  '1.1.1.1 is the address of b too: routes to it take the lowest name, a',
  'warning',
);
test(
  'an affinity that is none',
  says,
  [block('10.1.0.0/26', { affinity: 'node-a' })],
  'spec.affinity',
  '"node-a" is no affinity: host:NODE or virtual:NAME',
);
test(
  'more allocations than addresses',
  says,
  [block('10.1.0.0/30', { allocations: [null, null, null, null, null] })],
  'spec.allocations',
  '5 allocations: 10.1.0.0/30 has 4 addresses',
);
test(
  'an allocation without attributes',
  says,
  [block('10.1.0.0/30', { allocations: [null, 3], attributes: [] })],
  'spec.allocations[1]',
  'there is no attributes[3]',
  'warning',
);
test(
  'a block with host bits',
  says,
  [block('10.1.0.1/26')],
  'spec.cidr',
  '10.1.0.1/26 has host bits; the block is 10.1.0.0/26',
);

test('a block that two nodes claim is refused, and both are named', (t) => {
  const other = {
    ...block('10.1.0.0/26', { affinity: 'host:node-b' }),
    metadata: { name: 'copy' },
  };
  const world = worldOf([block('10.1.0.0/26'), other, block('10.1.0.64/26')]);
  t.deepEqual(
    world.inventory.blocks.map(({ cidr }) => cidr as string),
    ['10.1.0.64/26'],
  );
  t.is(world.refused.length, 2);
  for (const { message } of world.refused) t.regex(message, /node-a.*node-b|node-b.*node-a/);
});

test('a later edition that is refused leaves the last good one in force', (t) => {
  const before = worldOf([
    pool({ cidr: '10.0.0.0/16', vxlanMode: 'Always' }),
    felix({ vxlanVNI: 7 }),
  ]);
  const world = worldOf(
    [pool({ cidr: '10.0.0.0/16', vxlanMode: 'Alwys' }), felix({ vxlanVNI: 2 ** 24 })],
    { before },
  );
  t.is(world.refused.length, 2);
  t.deepEqual(world.inventory.pools[0]?.mode, { when: 'always', encap: 'vxlan' });
  t.is(world.inventory.settings.vxlanVni, 7);
  const third = worldOf([pool({ cidr: '10.0.0.0/16', vxlanMode: 'alwys' })], { before: world });
  t.deepEqual(third.inventory.pools[0]?.mode, { when: 'always', encap: 'vxlan' });
  t.deepEqual(
    worldOf([pool({ cidr: '10.0.0.0/16', vxlanMode: 'Alwys' }, 'another')], { before }).pools,
    [],
  );
});

test('a configuration without a name has a last good edition too', (t) => {
  const config = (vni: number): object => ({
    apiVersion: 'encap/v1',
    kind: 'NodeConfig',
    vxlan: { vni },
  });
  const world = worldOf([config(2 ** 24)], { before: worldOf([config(9)]) });
  t.is(world.refused.length, 1);
  t.is(world.inventory.settings.vxlanVni, 9);
});

test('of two resources with one name the later counts', (t) => {
  const world = worldOf([pool({ cidr: '10.0.0.0/16' }), pool({ cidr: '10.9.0.0/16' })]);
  t.deepEqual(
    world.pools.map(({ spec }) => spec.cidr as string),
    ['10.9.0.0/16'],
  );
});

test('two pools with one CIDR are both in the world: which one counts is decided later', (t) => {
  const world = worldOf([pool({ cidr: '10.0.0.0/16' }, 'b'), pool({ cidr: '10.0.0.0/16' }, 'a')]);
  t.deepEqual(
    world.inventory.pools.map(({ name }) => name),
    ['a', 'b'],
  );
});

test('allocations are addresses with the nodes that their attributes name; released ones are none', (t) => {
  const world = worldOf([
    block('10.1.0.0/30', {
      allocations: [0, null, 1, 2],
      attributes: [
        { secondary: { node: 'node-a' } },
        { secondary: { node: 'node-b' } },
        { releasedAt: '2026-01-01T00:00:00Z' },
      ],
    }),
  ]);
  const [found] = world.inventory.blocks;
  t.is(String(found?.node), 'node-a');
  t.deepEqual([...(found?.allocations ?? [])] as unknown, [
    ['10.1.0.0', 'node-a'],
    ['10.1.0.2', 'node-b'],
  ]);
});

const owns = test.macro<[object, string | undefined]>((t, spec, owner) => {
  t.deepEqual<unknown, unknown>(
    worldOf([block('10.1.0.0/26', spec)]).inventory.blocks[0]?.node,
    owner,
  );
});

test('a block is affine to the host of its affinity', owns, { affinity: 'host:node-b' }, 'node-b');
test('a virtual block has no node', owns, { affinity: 'virtual:load-balancer' }, undefined);
test('a block without affinity has no node', owns, { affinity: null }, undefined);
test(
  'the old member hostAffinity counts where there is no affinity',
  owns,
  { affinity: null, hostAffinity: 'node-c' },
  'node-c',
);

test('a BlockAffinity does not make a node the owner: the block does', (t) => {
  const claim = {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'BlockAffinity',
    metadata: { name: 'node-b-10-1-0-0-26' },
    spec: { state: 'confirmed', node: 'node-b', cidr: '10.1.0.0/26', deleted: 'false' },
  };
  t.deepEqual(errorsOf(claim), []);
  t.is(String(worldOf([block('10.1.0.0/26'), claim]).inventory.blocks[0]?.node), 'node-a');
});

const workloads = (...items: readonly object[]): object => ({
  apiVersion: 'encap/v1',
  kind: 'WorkloadList',
  items,
});

test('a WorkloadList says which addresses live, with or without their prefix', (t) => {
  const list = workloads({ node: 'node-a', ips: ['10.1.0.1/32', '10.1.0.2', 'FD00::1/128'] });
  t.deepEqual([...(worldOf([list]).inventory.workloads ?? [])] as unknown, [
    ['10.1.0.1', 'node-a'],
    ['10.1.0.2', 'node-a'],
    ['fd00::1', 'node-a'],
  ]);
  t.is(worldOf([]).inventory.workloads, undefined);
  t.deepEqual(worldOf([workloads()]).inventory.workloads, new Map());
});

test('of two nodes with one live address the lowest name counts', (t) => {
  const list = workloads(
    { node: 'node-b', ips: ['10.1.0.1'] },
    { node: 'node-a', ips: ['10.1.0.1'] },
  );
  t.is(worldOf([list]).inventory.workloads?.get('10.1.0.1' as Address), 'node-a' as NodeName);
});

test(
  'a workload has one address, not a subnet',
  says,
  [workloads({ node: 'a', ips: ['10.0.0.0/24'] })],
  'items[0].ips[0]',
  '"10.0.0.0/24" is not one address',
);
