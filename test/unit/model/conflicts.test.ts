import test from 'ava';
import { worldOf as understoodWorld } from './written.js';
import { block, felix, node, pool } from './written.js';
import { essenceOf } from '../../support/essence.js';

const config = (members: object): object => ({
  apiVersion: 'encap/v1',
  kind: 'NodeConfig',
  ...members,
});
const installation = (ipPools: readonly object[]): object => ({
  apiVersion: 'operator.tigera.io/v1',
  kind: 'Installation',
  metadata: { name: 'default' },
  spec: { calicoNetwork: { ipPools } },
});

/** One good edition of everything that is spoiled below, each under its name. */
const good: Readonly<Record<string, object>> = {
  pool: pool({ cidr: '10.77.0.0/16', vxlanMode: 'Always', blockSize: 26 }),
  pool6: pool({ cidr: 'fd00:77::/48', vxlanMode: 'Always', blockSize: 122 }, 'six'),
  nodeA: node({ bgp: { ipv4Address: '192.168.1.1/24' } }),
  nodeB: node({ bgp: { ipv4Address: '192.168.1.2/24' } }, 'node-b'),
  block: block('10.77.1.0/26'),
  block6: block('fd00:77:0:1::/122'),
  felix: felix({ vxlanVNI: 77, vxlanPort: 4790, externalNodesList: ['10.0.0.1'] }),
  config: config({ outerTtl: 7, vxlan: { vni: 78 } }),
  operator: installation([{ cidr: '10.88.0.0/16', name: 'o', encapsulation: 'IPIP' }]),
};
const before = understoodWorld(Object.values(good), { node: 'node-a' });

test('F12 what is spoiled below is good before', (t) => {
  t.deepEqual([...before.refused, ...before.warnings], []);
});

let count = 0;

/** Nothing can be decided of it: it is refused by name, and its last good edition stays in force. */
const refused = test.macro<[string, Readonly<Record<string, object>>, ...RegExp[]]>({
  title: (_, what) => `F12 ${what}: refused, and the last good one stays in force`,
  exec: (t, _, spoiled, ...said) => {
    count += 1;
    const resources = Object.values({ ...good, ...spoiled });
    const world = understoodWorld(resources, { node: 'node-a', before });
    const messages = world.refused.map(
      (one) => `${one.line}:${one.column} ${one.path}: ${one.message}`,
    );
    t.is(messages.length, said.length, messages.join('\n'));
    for (const [index, one] of said.entries()) t.regex(messages[index] ?? '', one);
    t.deepEqual(essenceOf(world.inventory), essenceOf(before.inventory));
  },
});

const a = (spec: object): Readonly<Record<string, object>> => ({ pool: pool(spec) });
test(
  refused,
  'a prefix of 33 bits',
  a({ cidr: '10.77.0.0/33' }),
  /spec\.cidr: .*"10\.77\.0\.0\/33"/,
);
test(refused, 'three numbers for an address', a({ cidr: '10.77.0/16' }), /spec\.cidr/);
test(refused, 'a prefix of 129 bits', a({ cidr: 'fd00:77::/129' }), /spec\.cidr/);
test(refused, 'an address without a prefix', a({ cidr: '10.77.0.0' }), /needs a prefix length/);
test(refused, 'a pool without a CIDR', a({ vxlanMode: 'Always' }), /IPPool CIDR must be specified/);
test(refused, 'a number for a CIDR', a({ cidr: 10.77 }), /expected text, found 10\.77/);
test(
  refused,
  'an unknown mode',
  a({ cidr: '10.77.0.0/16', vxlanMode: 'Sometimes' }),
  /"Sometimes" is not a mode/,
);
test(
  refused,
  'a mode of IPIP in other letters',
  a({ cidr: '10.77.0.0/16', ipipMode: 'always' }),
  /"always" is not a mode; did you mean Always/,
);
test(refused, 'true for a mode', a({ cidr: '10.77.0.0/16', vxlanMode: true }), /found true/);
test(
  refused,
  'IPIP on an IPv6 pool',
  { pool6: pool({ cidr: 'fd00:77::/48', ipipMode: 'Always' }, 'six') },
  /IPIP is not supported on IPv6 pools/,
);
test(
  refused,
  'CrossSubnet IPIP on an IPv6 pool',
  { pool6: pool({ cidr: 'fd00:77::/48', ipipMode: 'CrossSubnet' }, 'six') },
  /IPIP is not supported on IPv6 pools/,
);
test(
  refused,
  'text for the size of blocks',
  a({ cidr: '10.77.0.0/16', blockSize: 'large' }),
  /spec\.blockSize/,
);
test(
  refused,
  'text for NAT',
  a({ cidr: '10.77.0.0/16', natOutgoing: 'true' }),
  /expected true or false, found the text "true"/,
);
test(refused, 'a list for a pool', { pool: { ...pool({}), spec: [] } }, /spec: expected a map/);
for (const [member, value] of [
  ['vxlanVNI', 2 ** 24],
  ['vxlanVNI', -1],
  ['vxlanVNI', 1.5],
  ['vxlanPort', 0],
  ['vxlanPort', 65_536],
  ['vxlanMTU', -1],
  ['vxlanMTU', 'large'],
  ['ipipMTU', 65_536],
  ['ipipEnabled', 'yes'],
  ['routeSource', 'Elsewhere'],
  ['programClusterRoutes', 'Sometimes'],
  ['externalNodesList', ['10.0.0.0/99']],
] as const)
  test(
    refused,
    `${member} ${JSON.stringify(value)} of Felix`,
    { felix: felix({ [member]: value }) },
    new RegExp(`spec\\.${member}`),
  );
for (const [what, members, said] of [
  ['a VNI of 25 bits', { vxlan: { vni: 2 ** 24 } }, /vxlan\.vni/],
  ['port 0', { vxlan: { port: 0 } }, /vxlan\.port/],
  ['an underlay of 100 bytes', { mtu: { underlay: 100 } }, /mtu\.underlay/],
  ['paths of an etcd', { datastore: { type: 'etcdv3', paths: ['x'] } }, /datastore\.paths/],
  [
    'a key without its certificate',
    { datastore: { type: 'etcdv3', keyFile: 'k' } },
    /keyFile without/,
  ],
  ['two interfaces', { node: { interfaces: ['a', 'b'] } }, /one alone carries the underlay/],
  ['a TTL of 0', { outerTtl: 0 }, /outerTtl/],
] as const)
  test(refused, `${what} in a NodeConfig`, { config: config(members) }, said);
test(
  refused,
  'a block whose CIDR is none',
  { block: { ...block('10.77.1.0/26', { cidr: '10.77.1.0/99' }) } },
  /spec\.cidr/,
);
test(
  refused,
  'an operator’s pool with an unknown encapsulation',
  { operator: installation([{ cidr: '10.88.0.0/16', name: 'o', encapsulation: 'GRE' }]) },
  /encapsulation: "GRE"/,
);
const claimed = block('10.77.1.0/26', { affinity: 'host:node-b' }) as { metadata: object };
test(
  refused,
  'a block that two nodes claim',
  { second: { ...claimed, metadata: { name: 'another-name' } } },
  /block 10\.77\.1\.0\/26 is claimed by node-a here and by node-b at world\.yaml:\d+:\d+/,
  /block 10\.77\.1\.0\/26 is claimed by node-b here and by node-a at world\.yaml:\d+:\d+/,
);
const claimed6 = block('fd00:77:0:1::/122', { affinity: 'host:node-b' }) as { metadata: object };
test(
  refused,
  'an IPv6 block that two nodes claim',
  { second: { ...claimed6, metadata: { name: 'another-name' } } },
  /is claimed by node-a here and by node-b/,
  /is claimed by node-b here and by node-a/,
);

/** Calico's API refuses it, Felix works with it where a datastore holds it: it counts, and a warning names it. */
const tolerated = test.macro<[string, Readonly<Record<string, object>>, RegExp]>({
  title: (_, what) => `F12 ${what}: decided as Felix does, with a warning`,
  exec: (t, _, spoiled, said) => {
    count += 1;
    const resources = Object.values({ ...good, ...spoiled });
    const world = understoodWorld(resources, { node: 'node-a', before });
    t.deepEqual(world.refused, []);
    t.true(world.warnings.length >= 1);
    t.regex(world.warnings.map((one) => `${one.path}: ${one.message}`).join('\n'), said);
    t.notDeepEqual(essenceOf(world.inventory), essenceOf(before.inventory));
  },
});

const both = { cidr: '10.77.0.0/17', vxlanMode: 'Always', ipipMode: 'Always' };
test(tolerated, 'both modes of a pool', a(both), /cannot both be enabled/);
test(
  tolerated,
  'overlapping pools',
  { more: pool({ cidr: '10.77.128.0/17', ipipMode: 'Always' }, 'b') },
  /IPPool\(b\) CIDR overlaps with IPPool\(a\) CIDR 10\.77\.0\.0\/16 \(world\.yaml:\d+:\d+\)/,
);
test(
  tolerated,
  'a pool around another',
  { more: pool({ cidr: '10.0.0.0/8' }, 'b') },
  /CIDR overlaps with IPPool\(a\)/,
);
test(
  tolerated,
  'a pool that is there twice',
  { more: pool({ cidr: '10.78.0.0/16', vxlanMode: 'Always' }) },
  /IPPool\(a\) already exists/,
);
test(
  tolerated,
  'a CIDR with host bits',
  a({ cidr: '10.77.0.7/24', vxlanMode: 'Always' }),
  /not strictly masked/,
);
test(
  tolerated,
  'blocks of a size that Calico does not make',
  a({ cidr: '10.77.0.0/17', vxlanMode: 'Always', blockSize: 19 }),
  /blockSize must be between/,
);
test(
  tolerated,
  'a block outside every pool',
  { more: block('10.199.1.0/26') },
  /10\.199\.1\.0\/26/,
);
test(
  tolerated,
  'a block of a node that there is not',
  { more: block('10.77.9.0/26', { affinity: 'host:nobody' }) },
  /nobody/,
);
test(
  tolerated,
  'two nodes with one address',
  { nodeB: node({ bgp: { ipv4Address: '192.168.1.1/24' } }, 'node-b') },
  /192\.168\.1\.1/,
);
test(
  tolerated,
  'a node whose address is none',
  { nodeB: node({ bgp: { ipv4Address: '192.168.1.300/24' } }, 'node-b') },
  /192\.168\.1\.300/,
);

test.after('F12 how many kinds there are', (t) => {
  t.true(count >= 30, String(count));
  t.log(`${count} kinds`);
});
