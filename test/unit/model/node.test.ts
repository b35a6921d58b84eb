import test from 'ava';
import type { Node, NodeName } from '../../../src/model/node.js';
import { errorsOf, node, problemsOf, worldOf } from './written.js';

function kubernetesNode(annotations: object, rest: object = {}): object {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-a', annotations }, ...rest };
}

function understood(resource: object): Node | undefined {
  return worldOf([resource]).inventory.nodes.get('node-a' as NodeName);
}

const reads = test.macro<[object, Record<string, unknown>]>((t, resource, expected) => {
  t.like({ ...understood(resource) }, expected);
});

test(
  'a BGP address is the node, with its subnet',
  reads,
  node({ bgp: { ipv4Address: '192.168.1.11/24' } }),
  {
    ipv4: { bgp: { address: '192.168.1.11', prefixLength: 24, hasPrefix: true } },
    bgpSection: 'set',
    addresses: ['192.168.1.11'],
  },
);
test(
  'a bare BGP address is alone in its subnet',
  reads,
  node({ bgp: { ipv4Address: '192.168.1.11' } }),
  {
    ipv4: { bgp: { address: '192.168.1.11', prefixLength: 32, hasPrefix: false } },
  },
);
test(
  'an IPv6 address is read in canonical text',
  reads,
  node({ bgp: { ipv6Address: 'FD00:0::0011/64' } }),
  {
    ipv4: { bgp: undefined },
    ipv6: { bgp: { address: 'fd00::11', prefixLength: 64, hasPrefix: true } },
  },
);
test(
  'without BGP the first InternalIP stands in',
  reads,
  node({
    addresses: [
      { address: '5.5.5.5', type: 'ExternalIP' },
      { address: '10.0.0.1', type: 'InternalIP' },
      { address: '10.0.0.2', type: 'InternalIP' },
    ],
  }),
  {
    ipv4: { bgp: undefined, fallback: { address: '10.0.0.1', prefixLength: 32, hasPrefix: false } },
    bgpSection: 'absent',
    addresses: ['5.5.5.5', '10.0.0.1', '10.0.0.2'],
  },
);
test(
  'without an InternalIP the ExternalIP does',
  reads,
  node({ addresses: [{ address: '5.5.5.5/24', type: 'ExternalIP' }] }),
  {
    ipv4: { fallback: { address: '5.5.5.5', prefixLength: 24, hasPrefix: true } },
  },
);
test('a BGP section without any value is empty', reads, node({ bgp: {} }), { bgpSection: 'empty' });
test('a BGP section of empty texts is empty', reads, node({ bgp: { ipv4Address: '' } }), {
  bgpSection: 'empty',
});
test('a BGP section with an AS number alone is there', reads, node({ bgp: { asNumber: 64512 } }), {
  bgpSection: 'set',
  ipv4: { bgp: undefined },
});
test(
  'tunnel addresses and MACs are read for both families',
  reads,
  node({
    bgp: { ipv4Address: '192.168.1.11/24', ipv4IPIPTunnelAddr: '10.244.0.1' },
    ipv4VXLANTunnelAddr: '10.244.0.2',
    vxlanTunnelMACAddr: '66-3E-CA-A4-DB-65',
    ipv6VXLANTunnelAddr: 'fd00:244::2',
    vxlanTunnelMACAddrV6: '66:a0:68:c9:4c:79',
  }),
  {
    ipv4: {
      ipipTunnelAddress: '10.244.0.1',
      vxlanTunnelAddress: '10.244.0.2',
      vxlanTunnelMac: '66:3e:ca:a4:db:65',
    },
    ipv6: { vxlanTunnelAddress: 'fd00:244::2', vxlanTunnelMac: '66:a0:68:c9:4c:79' },
  },
);
test(
  'values that are none count as absent',
  reads,
  node({ bgp: { ipv4Address: 'garbage' }, ipv4VXLANTunnelAddr: 'fd00::1' }),
  {
    ipv4: { bgp: undefined, vxlanTunnelAddress: undefined },
  },
);
test(
  'a Kubernetes node has its values in annotations',
  reads,
  kubernetesNode(
    {
      'projectcalico.org/IPv4Address': '192.168.1.11/24',
      'projectcalico.org/IPv4VXLANTunnelAddr': '10.244.0.2',
      'projectcalico.org/VXLANTunnelMACAddr': '66:3e:ca:a4:db:65',
      'projectcalico.org/IPv4IPIPTunnelAddr': '10.244.0.1',
      'projectcalico.org/IPv6Address': 'fd00::11/64',
      'projectcalico.org/IPv6VXLANTunnelAddr': 'fd00:244::2',
    },
    {
      status: {
        addresses: [
          { type: 'InternalIP', address: '192.168.1.11' },
          { type: 'Hostname', address: 'node-a' },
        ],
      },
    },
  ),
  {
    bgpSection: 'set',
    ipv4: {
      bgp: { address: '192.168.1.11', prefixLength: 24, hasPrefix: true },
      fallback: { address: '192.168.1.11', prefixLength: 32, hasPrefix: false },
      vxlanTunnelAddress: '10.244.0.2',
      vxlanTunnelMac: '66:3e:ca:a4:db:65',
      ipipTunnelAddress: '10.244.0.1',
    },
    ipv6: { vxlanTunnelAddress: 'fd00:244::2' },
    addresses: ['192.168.1.11', 'fd00::11'],
  },
);
test('a Kubernetes node without annotations has no BGP section', reads, kubernetesNode({}), {
  bgpSection: 'absent',
});
test(
  'invalid annotations are read as absent',
  reads,
  kubernetesNode({
    'projectcalico.org/IPv4Address': '192.168.1.300/24',
    'projectcalico.org/IPv4VXLANTunnelAddr': 'none',
    'projectcalico.org/VXLANTunnelMACAddr': '66:3e',
  }),
  { bgpSection: 'absent', ipv4: { vxlanTunnelAddress: undefined, vxlanTunnelMac: undefined } },
);

const refuses = test.macro<[object, string, string]>({
  exec: (t, spec, path, message) => {
    const found = errorsOf(node(spec));
    t.true(
      found.some((one) => one.path === path && one.message.startsWith(message)),
      JSON.stringify(found),
    );
  },
  title: (_, spec) => `Calico's API refuses a node with ${JSON.stringify(spec)}`,
});

test(refuses, { bgp: {} }, 'spec.bgp', 'Spec.BGP should not be empty');
test(
  refuses,
  { bgp: { ipv4Address: 'fd00::1/64' } },
  'spec.bgp.ipv4Address',
  '"fd00::1/64" is not an IPv4 address',
);
test(
  refuses,
  { bgp: { ipv6Address: '10.0.0.1' } },
  'spec.bgp.ipv6Address',
  '"10.0.0.1" is not an IPv6 address',
);
test(
  refuses,
  { bgp: { ipv4Adress: '10.0.0.1/24' } },
  'spec.bgp.ipv4Adress',
  'unknown field; did you mean ipv4Address?',
);
test(
  refuses,
  { ipv4VXLANTunnelAddr: '10.0.0.1/32' },
  'spec.ipv4VXLANTunnelAddr',
  '"10.0.0.1/32" is not an IPv4 address',
);
test(
  refuses,
  { vxlanTunnelMACAddr: '66:3e' },
  'spec.vxlanTunnelMACAddr',
  '"66:3e" is not a MAC address',
);
test(
  refuses,
  { addresses: [{ address: 'host', type: 'InternalIP' }] },
  'spec.addresses[0].address',
  '"host" is not an IP',
);
test(
  refuses,
  { addresses: [{ address: '10.0.0.1', type: 'InternalIp' }] },
  'spec.addresses[0].type',
  '"InternalIp" is not a type of address; did you mean InternalIP?',
);
test(refuses, { bgp: { asNumber: -1 } }, 'spec.bgp.asNumber', 'an AS number is');

test('a bare BGP address is a warning: CrossSubnet always encapsulates then', (t) => {
  const [found] = problemsOf(node({ bgp: { ipv4Address: '192.168.1.11' } }));
  t.is(found?.severity, 'warning');
  t.is(found?.path, 'spec.bgp.ipv4Address');
});

test('an invalid annotation is a warning at its place', (t) => {
  const [found] = problemsOf(kubernetesNode({ 'projectcalico.org/IPv4Address': 'x' }));
  t.is(found?.severity, 'warning');
  t.is(found?.path, 'metadata.annotations["projectcalico.org/IPv4Address"]');
});

test("a node that is there as Calico's and as Kubernetes' is one", (t) => {
  const world = worldOf([
    kubernetesNode(
      { 'projectcalico.org/IPv4Address': '1.1.1.1/24' },
      { spec: { podCIDRs: ['10.244.0.0/24'] } },
    ),
    node({ bgp: { ipv4Address: '192.168.1.11/24' } }),
  ]);
  const found = world.inventory.nodes.get('node-a' as NodeName);
  t.is(world.inventory.nodes.size, 1);
  t.is(String(found?.ipv4.bgp?.address), '192.168.1.11');
  t.deepEqual(found?.podCidrs, ['10.244.0.0/24']);
});

test('host-local IPAM: podCIDRs are blocks, the second address is for IPIP', (t) => {
  const world = worldOf([
    kubernetesNode(
      {
        'projectcalico.org/IPv4Address': '192.168.1.11/24',
        'projectcalico.org/IPv4IPIPTunnelAddr': '9.9.9.9',
      },
      {
        spec: { podCIDR: '10.244.3.0/24', podCIDRs: ['10.244.3.0/24', 'fd00:3::/64'] },
      },
    ),
  ]);
  t.deepEqual(
    world.inventory.blocks.map(({ cidr, node: owner }) => `${cidr} ${String(owner)}`),
    ['10.244.3.0/24 node-a', 'fd00:3::/64 node-a'],
  );
  t.is(
    String(world.inventory.nodes.get('node-a' as NodeName)?.ipv4.ipipTunnelAddress),
    '10.244.3.1',
  );
});

test('where there is one IPAM block, podCIDRs are not blocks', (t) => {
  const world = worldOf([
    kubernetesNode({}, { spec: { podCIDRs: ['10.244.3.0/24'] } }),
    {
      apiVersion: 'crd.projectcalico.org/v1',
      kind: 'IPAMBlock',
      metadata: { name: 'b' },
      spec: { cidr: '10.1.0.0/26' },
    },
  ]);
  t.deepEqual(
    world.inventory.blocks.map(({ cidr }) => cidr as string),
    ['10.1.0.0/26'],
  );
});
