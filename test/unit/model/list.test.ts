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

for (const what of ['pools', 'nodes', 'blocks', 'config'] as const)
  test(`what lists of ${what} hold can be fed back, and means the same`, (t) => {
    const list = listOf(world, what);
    t.true(list.items.length > 0);
    t.deepEqual(errorsOf(...list.items), []);
    t.deepEqual(listOf(worldOf([list]), what), list);
  });
