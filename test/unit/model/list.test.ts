import test from 'ava';
import { listOf } from '../../../src/model/list.js';
import { block, errorsOf, felix, node, pool, worldOf } from './written.js';

const resources = [
  pool({ cidr: '10.244.0.0/16', vxlanMode: 'CrossSubnet', natOutgoing: true }, 'b'),
  pool({ cidr: 'FD00::/48' }, 'a'),
  node({ bgp: { ipv4Address: '192.168.1.11/24' }, ipv4VXLANTunnelAddr: '10.244.0.1' }),
  block('10.244.0.0/26', {
    allocations: [0, null],
    attributes: [{ handle_id: 'h', secondary: { node: 'node-a' } }],
  }),
  felix({ vxlanVNI: 4097 }),
];
const world = worldOf(resources);

test('pools are listed by name, with every default', (t) => {
  t.deepEqual(listOf(world, 'pools'), {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPoolList',
    metadata: {},
    items: [
      {
        apiVersion: 'projectcalico.org/v3',
        kind: 'IPPool',
        metadata: { name: 'a' },
        spec: {
          cidr: 'fd00::/48',
          vxlanMode: 'Never',
          ipipMode: 'Never',
          natOutgoing: false,
          disabled: false,
          disableBGPExport: false,
          blockSize: 122,
          nodeSelector: 'all()',
          allowedUses: ['Workload', 'Tunnel'],
          assignmentMode: 'Automatic',
        },
      },
      {
        apiVersion: 'projectcalico.org/v3',
        kind: 'IPPool',
        metadata: { name: 'b' },
        spec: {
          cidr: '10.244.0.0/16',
          vxlanMode: 'CrossSubnet',
          ipipMode: 'Never',
          natOutgoing: true,
          disabled: false,
          disableBGPExport: false,
          blockSize: 26,
          nodeSelector: 'all()',
          allowedUses: ['Workload', 'Tunnel'],
          assignmentMode: 'Automatic',
        },
      },
    ],
  });
});

test('a node is listed without what it does not say', (t) => {
  t.deepEqual(listOf(world, 'nodes').items[0], {
    apiVersion: 'projectcalico.org/v3',
    kind: 'Node',
    metadata: { name: 'node-a' },
    spec: { bgp: { ipv4Address: '192.168.1.11/24' }, ipv4VXLANTunnelAddr: '10.244.0.1' },
  });
});

for (const what of ['pools', 'nodes', 'blocks', 'config', 'nodeconfig'] as const)
  test(`what lists of ${what} hold can be fed back, and means the same`, (t) => {
    const list = listOf(world, what);
    t.true(list.items.length > 0);
    t.deepEqual(errorsOf(...list.items), []);
    t.deepEqual(listOf(worldOf([list]), what), list);
  });

test('without a NodeConfig its defaults are listed', (t) => {
  t.deepEqual(listOf(world, 'nodeconfig').items, [
    {
      apiVersion: 'encap/v1',
      kind: 'NodeConfig',
      metadata: { name: 'default' },
      node: {},
      vxlan: { vni: 4097, port: 4789 },
      mtu: { underlay: 'auto' },
      kernelTunnels: 'leave',
      checks: {
        source: 'strict',
        destination: 'strict',
        vxlanReservedBits: 'strict',
        outerOptions: 'drop',
      },
      dscp: 'inherit',
      outerTtl: 64,
      sharedVxlanPort: true,
      receiveMerging: 'auto',
      fastPath: 'never',
      beyondCalico: { ipv6PoolsOver: 'ipv6', ipv4PoolsOver: 'ipv4', ip6ip: false },
      zeroUdpChecksum: 'never',
      metrics: { listen: 'off', perPeer: true },
      health: { listen: 'off' },
      log: { level: 'info' },
    },
  ]);
});
test('and with one what it says', (t) => {
  const said = {
    apiVersion: 'encap/v1',
    kind: 'NodeConfig',
    metadata: { name: 'mine' },
    datastore: { type: 'etcdv3', endpoints: ['https://[::1]:2379'], user: 'u', passwordFile: 'p' },
    node: { name: 'node-a', interfaces: ['eth1'] },
    vxlan: { vni: 7, port: 8472 },
    mtu: { underlay: 1450 },
    kernelTunnels: 'replace',
    checks: {
      source: 'pool',
      destination: 'off',
      vxlanReservedBits: 'ignore',
      outerOptions: 'accept',
    },
    dscp: { pipe: 46 },
    outerTtl: 'inherit',
    sharedVxlanPort: false,
    receiveMerging: 'off',
    fastPath: 'always',
    beyondCalico: { ipv6PoolsOver: 'ipv4', ipv4PoolsOver: 'ipv6', ip6ip: true },
    zeroUdpChecksum: ['node-a'],
    metrics: { listen: '[::1]:9475', perPeer: false },
    health: { listen: 'off' },
    log: { level: 'warn' },
  };
  t.deepEqual(listOf(worldOf([...resources, said]), 'nodeconfig').items, [said]);
});
