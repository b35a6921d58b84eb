import test from 'ava';
import { planOf } from '../../../src/decide/plan.js';
import type { NodeName } from '../../../src/model/node.js';
import { parseCidr } from '../../../src/net/cidr.js';
import { block, node, pool, world } from './worlds.js';

const inventory = world({
  pools: [
    pool('default', '10.0.0.0/8', { vxlan: 'CrossSubnet' }),
    pool('idle', '10.9.0.0/16', { ipip: 'Always' }),
    pool('bgp', '192.168.0.0/16'),
  ],
  nodes: [
    node('a', {
      bgp: '172.16.0.1/24',
      bgp6: 'fd00:16::1/64',
      vxlan: '10.1.0.0',
      vxlan6: 'fd00:10:1::',
      ipip: '10.1.0.1',
    }),
    node('b', { bgp: '172.16.0.2/24', vxlan: '10.2.0.0' }),
    node('c', { bgp: '172.17.0.3/24', vxlan: '10.3.0.0', more: ['10.3.0.9'] }),
  ],
  blocks: [
    block('10.3.0.0/26', 'c'),
    block('10.1.0.0/26', 'a'),
    block('10.2.0.0/26', 'b', { 4: 'c' }),
  ],
  settings: {
    externalNodes: [parseCidr('198.51.100.0/24')],
    mtu: { vxlan: 0, vxlanV6: 1300, ipip: 0 },
  },
});
const plan = planOf(inventory, 'a' as NodeName, { underlayMtu: 1500 });

test('the plan says who this node is, in both families', (t) => {
  t.deepEqual(plan.node as unknown, {
    name: 'a',
    address: '172.16.0.1',
    subnet: '172.16.0.0/24',
    tunnelAddress: '10.1.0.0',
    vtepMac: '66:86:f7:e4:37:fa',
    ipipTunnelAddress: '10.1.0.1',
    mtu: { underlay: 1500, vxlan: 1450, vxlanV6: 1300, ipip: 1480, ip6ip: 1460 },
    ipv6: {
      address: 'fd00:16::1',
      subnet: 'fd00:16::/64',
      tunnelAddress: 'fd00:10:1::',
      vtepMac: '66:b0:25:93:68:b9',
    },
  });
});
test('the plan says of each pool how it is sent, or why it is not', (t) => {
  t.deepEqual(
    plan.pools.map(({ name, sameSubnet, otherSubnet, routed, why = '' }) =>
      [name, sameSubnet, otherSubnet, String(routed), why].join(' ').trimEnd(),
    ),
    [
      'default none vxlan true',
      'idle none ipip false nobody has a block in it',
      "bgp none none false the pool never encapsulates and programClusterRoutes is EnabledIPIPOnly: its routes are BGP's",
    ],
  );
});
test('the plan lists blocks, borrowed and host addresses by number, with what is done', (t) => {
  t.deepEqual(
    plan.blocks.map(
      ({ cidr, node: owner, action, via }) => `${cidr} ${owner} ${action} ${String(via)}`,
    ),
    [
      '10.1.0.0/26 a local null',
      '10.2.0.0/26 b direct 172.16.0.2',
      '10.2.0.4/32 c vxlan 172.17.0.3',
      '10.3.0.0/26 c vxlan 172.17.0.3',
      '10.3.0.9/32 c none null',
    ],
  );
});
test('the plan lists peers, routes and accepted sources', (t) => {
  t.deepEqual(
    plan.peers.map(({ name, address, tunnelAddress, sameSubnet }) =>
      [name, address, String(tunnelAddress), String(sameSubnet)].join(' '),
    ),
    ['b 172.16.0.2 10.2.0.0 true', 'c 172.17.0.3 10.3.0.0 false'],
  );
  t.deepEqual(plan.routes as unknown, [
    { destination: '10.0.0.0/8', mtu: 1450, source: '10.1.0.0' },
  ]);
  t.deepEqual(plan.acceptedSources as unknown, {
    vxlan: ['172.16.0.2', '172.17.0.3', '198.51.100.0/24'],
    ipip: ['172.16.0.2', '172.17.0.3', '198.51.100.0/24'],
    ip6ip: [],
  });
});
test('a node that the datastore does not have yet is planned with what its name tells', (t) => {
  const { node: self, blocks } = planOf(inventory, 'new' as NodeName, { underlayMtu: 9000 });
  t.is(self.address, null);
  t.is<string, string>(self.vtepMac, '66:c2:a6:b0:3f:19');
  t.is(blocks.find(({ cidr }) => cidr === parseCidr('10.2.0.0/26'))?.action, 'vxlan');
});
