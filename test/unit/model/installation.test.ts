import test from 'ava';
import { errorsOf, pool, worldOf } from './written.js';

function installation(calicoNetwork: object): object {
  return {
    apiVersion: 'operator.tigera.io/v1',
    kind: 'Installation',
    metadata: { name: 'default' },
    spec: { calicoNetwork },
  };
}

const makes = test.macro<[object, Record<string, unknown>]>({
  exec: (t, entry, expected) => {
    const world = worldOf([installation({ ipPools: [{ cidr: '10.244.0.0/16', ...entry }] })]);
    t.deepEqual([...world.refused, ...world.warnings], []);
    t.like({ ...world.pools[0]?.spec }, expected);
  },
  title: (_, entry) => `the operator makes of ${JSON.stringify(entry)} what Calico understands`,
});

test(makes, { encapsulation: 'IPIP' }, { ipipMode: 'Always', vxlanMode: 'Never' });
test(makes, { encapsulation: 'IPIPCrossSubnet' }, { ipipMode: 'CrossSubnet', vxlanMode: 'Never' });
test(makes, { encapsulation: 'VXLAN' }, { ipipMode: 'Never', vxlanMode: 'Always' });
test(makes, { encapsulation: 'VXLANCrossSubnet' }, { ipipMode: 'Never', vxlanMode: 'CrossSubnet' });
test(makes, { encapsulation: 'None' }, { ipipMode: 'Never', vxlanMode: 'Never' });
test(
  makes,
  {},
  {
    ipipMode: 'Always',
    vxlanMode: 'Never',
    natOutgoing: true,
    blockSize: 26,
    nodeSelector: 'all()',
  },
);
test(
  makes,
  { natOutgoing: 'Disabled', disableNewAllocations: true, disableBGPExport: true, blockSize: 27 },
  { natOutgoing: false, disabled: true, disableBGPExport: true, blockSize: 27 },
);

test('pools get the names that the operator gives', (t) => {
  const entries = [
    { cidr: '10.244.0.0/16' },
    { cidr: '10.9.0.0/16' },
    { cidr: 'fd00::/48' },
    { cidr: '10.8.0.0/16', name: 'mine' },
  ];
  const { pools } = worldOf([installation({ ipPools: entries })]);
  t.deepEqual(
    pools.map(({ name }) => name),
    ['10-9-0-0-16', 'default-ipv4-ippool', 'default-ipv6-ippool', 'mine'],
  );
});

test('without a list of pools the operator makes one, with an empty list none', (t) => {
  t.deepEqual(
    worldOf([installation({})]).pools.map(({ spec }) => spec.cidr as string),
    ['192.168.0.0/16'],
  );
  t.deepEqual(worldOf([installation({ ipPools: [] })]).pools, []);
});

test('an IPPool that the operator has made already is the truth', (t) => {
  const made = pool({ cidr: '10.244.0.0/16', vxlanMode: 'Always' }, 'default-ipv4-ippool');
  const { pools, warnings } = worldOf([
    installation({ ipPools: [{ cidr: '10.244.0.0/16', encapsulation: 'IPIP' }] }),
    made,
  ]);
  t.is(pools.length, 1);
  t.is(pools[0]?.spec.vxlanMode, 'Always');
  t.deepEqual(warnings, []);
});

const refuses = test.macro<[object, string, string]>({
  exec: (t, calicoNetwork, path, message) => {
    const found = errorsOf(installation(calicoNetwork));
    t.true(
      found.some((one) => one.path === path && one.message.startsWith(message)),
      JSON.stringify(found),
    );
  },
  title: (_, calicoNetwork) => `an Installation is refused with ${JSON.stringify(calicoNetwork)}`,
});

test(
  refuses,
  { ipPools: [{ cidr: '10.0.0.0/16', encapsulation: 'VXLANCrosssubnet' }] },
  'spec.calicoNetwork.ipPools[0].encapsulation',
  '"VXLANCrosssubnet" is not an encapsulation; did you mean VXLANCrossSubnet?',
);
test(
  refuses,
  { ipPools: [{ cidr: '10.0.0.0/99' }] },
  'spec.calicoNetwork.ipPools[0].cidr',
  'IPPool CIDR must be a valid subnet',
);
test('an Installation may have IPIP for IPv6 where a NodeConfig says what it is', (t) => {
  const { inventory, refused } = worldOf([
    installation({ ipPools: [{ cidr: 'fd00::/48', encapsulation: 'IPIP' }] }),
    { apiVersion: 'encap/v1', kind: 'NodeConfig', beyondCalico: { ip6ip: true } },
  ]);
  t.deepEqual(refused, []);
  t.deepEqual(inventory.pools[0]?.mode, { when: 'always', encap: 'ip6ip' });
});
test(
  refuses,
  { ipPools: [{ cidr: 'fd00::/48', encapsulation: 'IPIP' }] },
  'spec.calicoNetwork.ipPools[0].encapsulation',
  'IPIP is not supported on IPv6 pools',
);
test(
  refuses,
  { ipPools: [{ cidr: '10.0.0.0/16', natOutgoing: true }] },
  'spec.calicoNetwork.ipPools[0].natOutgoing',
  'expected Enabled or Disabled',
);
test(refuses, { ipPool: [] }, 'spec.calicoNetwork.ipPool', 'unknown field; did you mean ipPools?');
