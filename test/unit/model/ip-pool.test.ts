import test from 'ava';
import type { Mode } from '../../../src/model/pool.js';
import { errorsOf, pool, problemsOf, worldOf } from './written.js';

const accepts = test.macro({
  exec: (t, spec: object) => {
    t.deepEqual(errorsOf(pool(spec)), []);
  },
  title: (title, spec) => `Calico's API accepts ${title ?? JSON.stringify(spec)}`,
});

const refuses = test.macro({
  exec: (t, spec: object, path: string, message: string) => {
    const found = errorsOf(pool(spec));
    t.true(
      found.some((one) => one.path === path && one.message.startsWith(message)),
      JSON.stringify(found.map((one) => `${one.path}: ${one.message}`)),
    );
  },
  title: (title, spec) => `Calico's API refuses ${title ?? JSON.stringify(spec)}`,
});

const notMasked = 'IPPool CIDR is not strictly masked';
const noSubnet = 'IPPool CIDR must be a valid subnet';
const badSize =
  'blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools';
const tooSmall =
  'IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.';
const bothOn = 'ipipMode and vxlanMode cannot both be enabled';
const noIpip6 = 'IPIP is not supported on IPv6 pools';
const link4 = 'IPPool CIDR overlaps with IPv4 link local range 169.254.0.0/16';
const link6 = 'IPPool CIDR overlaps with IPv6 link local range fe80::/10';
const lbMode = 'LoadBalancer IP pool cannot have IPIP or VXLAN enabled';
const lbAlone = 'LoadBalancer cannot be combined with Workload or Tunnel allowed uses';
const lbNode = 'IP Pool with AllowedUse LoadBalancer must have nodeSelector set to all()';
const lbExport = 'LoadBalancer IP pools cannot disable BGP export';
const tunnelNamespace = 'IP Pool with AllowedUse Tunnel cannot have namespaceSelector';
const globalNode = 'global() selector is not valid for IPPool nodeSelector';
const globalNamespace = 'global() selector is not valid for IPPool namespaceSelector';

// CIDR
test(accepts, { cidr: '10.244.0.0/16' });
test(accepts, { cidr: '1.2.3.0/26' });
test(accepts, { cidr: '1.0.0.0/10' });
test(accepts, { cidr: 'aabb:aabb::/122' });
test(accepts, { cidr: 'aa00::/10' });
test('an IPv6 CIDR in upper case', accepts, { cidr: '2001:CAFE:42::/56' });
test('an IPv6 CIDR written in full', accepts, {
  cidr: 'fd00:0000:0000:0000:0000:0000:0000:0000/48',
});
test('a pool without a CIDR', refuses, {}, 'spec.cidr', 'IPPool CIDR must be specified');
test('an empty CIDR', refuses, { cidr: '' }, 'spec.cidr', 'IPPool CIDR must be specified');
test(refuses, { cidr: '10.0.0.0' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: 'fd00::' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: '1.2.3.4/33' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: 'aa:bb::/129' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: '10.0.0.0/-1' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: '10.0.0.0/' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: '10.0.0/16' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: '010.0.0.0/8' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: '0x0a.0.0.0/8' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: '10.0.0.256/24' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: ' 10.0.0.0/16' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: '10.0.0.0/16 ' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: 'fe80::1%eth0/64' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: 'garbage' }, 'spec.cidr', noSubnet);
test(refuses, { cidr: '10.0.0.7/24' }, 'spec.cidr', notMasked);
test(refuses, { cidr: '10.244.7.0/16' }, 'spec.cidr', notMasked);
test(refuses, { cidr: 'fd00::1/64' }, 'spec.cidr', notMasked);
test(refuses, { cidr: '169.254.5.0/24' }, 'spec.cidr', link4);
test(refuses, { cidr: '169.254.0.0/16' }, 'spec.cidr', link4);
test(refuses, { cidr: '169.0.0.0/8' }, 'spec.cidr', link4);
test(refuses, { cidr: '0.0.0.0/0' }, 'spec.cidr', link4);
test(refuses, { cidr: 'fe80::/120' }, 'spec.cidr', link6);
test(refuses, { cidr: 'fe80::/10' }, 'spec.cidr', link6);
test(refuses, { cidr: '::/0' }, 'spec.cidr', link6);
test(refuses, { cidr: 10 }, 'spec.cidr', 'expected text, found 10');

// Modes
for (const mode of ['Never', 'Always', 'CrossSubnet', '']) {
  test(accepts, { cidr: '1.2.3.0/24', ipipMode: mode });
  test(accepts, { cidr: '1.2.3.0/24', vxlanMode: mode });
  test(accepts, { cidr: 'fd09::/64', vxlanMode: mode });
}
test(accepts, { cidr: '1.2.3.0/24', ipipMode: 'Never', vxlanMode: 'Never' });
test(accepts, { cidr: '1.2.3.0/24', ipipMode: '', vxlanMode: 'Always' });
test(accepts, { cidr: '1.2.3.0/24', ipipMode: 'CrossSubnet', vxlanMode: 'Never' });
test(accepts, { cidr: 'fd00:1::/112', ipipMode: 'Never' });
for (const mode of ['never', 'always', 'crosssubnet', 'cross-subnet', 'Off', 'badVal']) {
  test(refuses, { cidr: '1.2.3.0/24', ipipMode: mode }, 'spec.ipipMode', `"${mode}" is not a mode`);
  test(
    refuses,
    { cidr: '1.2.3.0/24', vxlanMode: mode },
    'spec.vxlanMode',
    `"${mode}" is not a mode`,
  );
}
for (const ipipMode of ['Always', 'CrossSubnet'])
  for (const vxlanMode of ['Always', 'CrossSubnet'])
    test(refuses, { cidr: '1.2.3.0/24', ipipMode, vxlanMode }, 'spec.ipipMode', bothOn);
test(refuses, { cidr: 'fd00:1::/112', ipipMode: 'Always' }, 'spec.ipipMode', noIpip6);
test(refuses, { cidr: 'fd00:1::/112', ipipMode: 'CrossSubnet' }, 'spec.ipipMode', noIpip6);
test(refuses, { cidr: '1.2.3.0/24', vxlanMode: true }, 'spec.vxlanMode', 'expected');

// Block sizes
for (const blockSize of [0, 20, 21, 26, 32]) test(accepts, { cidr: '10.9.0.0/16', blockSize });
for (const blockSize of [0, 116, 122, 128]) test(accepts, { cidr: 'fd09::/64', blockSize });
for (const blockSize of [1, 19, 33, 64, 122, 128])
  test(refuses, { cidr: '10.100.0.0/16', blockSize }, 'spec.blockSize', badSize);
for (const blockSize of [26, 32, 115])
  test(refuses, { cidr: 'fd09::/64', blockSize }, 'spec.blockSize', badSize);
test(refuses, { cidr: '10.9.0.0/16', blockSize: 129 }, 'spec.blockSize', '129 is out of range');
test(refuses, { cidr: '10.9.0.0/16', blockSize: -1 }, 'spec.blockSize', '-1 is out of range');
test(
  refuses,
  { cidr: '10.9.0.0/16', blockSize: 26.5 },
  'spec.blockSize',
  '26.5 is no whole number',
);
test(refuses, { cidr: '10.9.0.0/16', blockSize: '26' }, 'spec.blockSize', 'expected a number');
test(
  'a size out of range in a disabled pool',
  refuses,
  { cidr: '10.9.0.0/16', blockSize: 19, disabled: true },
  'spec.blockSize',
  badSize,
);

// Pools smaller than a block
test(accepts, { cidr: '1.2.3.0/27', disabled: true });
test(accepts, { cidr: 'aabb:aabb::ffff/128', disabled: true });
test(accepts, { cidr: '1.2.3.0/28', blockSize: 28 });
test(accepts, { cidr: '1.2.3.4/32', blockSize: 32 });
test(accepts, { cidr: 'fd00::/128', blockSize: 128 });
test(refuses, { cidr: '1.2.3.0/27' }, 'spec.cidr', tooSmall);
test(refuses, { cidr: '1.2.3.4/32' }, 'spec.cidr', tooSmall);
test(refuses, { cidr: 'fd00::/123' }, 'spec.cidr', tooSmall);
test(refuses, { cidr: 'aabb:aabb::ffff/128' }, 'spec.cidr', tooSmall);
test(refuses, { cidr: '1.2.3.0/28', blockSize: 27 }, 'spec.cidr', tooSmall);

// Uses
test(accepts, { cidr: '1.0.0.0/10', allowedUses: ['Workload', 'Tunnel'] });
test(accepts, { cidr: '1.0.0.0/10', allowedUses: ['Tunnel'] });
test(accepts, { cidr: '1.0.0.0/10', allowedUses: [] });
test(accepts, { cidr: '1.0.0.0/10', allowedUses: ['LoadBalancer'] });
test(accepts, { cidr: '1.0.0.0/10', allowedUses: ['LoadBalancer'], nodeSelector: 'all()' });
test(accepts, {
  cidr: '1.0.0.0/10',
  allowedUses: ['LoadBalancer'],
  vxlanMode: 'Never',
  ipipMode: '',
});
test(
  refuses,
  { cidr: '1.0.0.0/10', allowedUses: ['Garbage'] },
  'spec.allowedUses[0]',
  'unknown use: Garbage',
);
test(
  refuses,
  { cidr: '1.0.0.0/10', allowedUses: ['Tunnel', 'Tunnel'] },
  'spec.allowedUses[1]',
  'Duplicate value: Tunnel',
);
test(refuses, { cidr: '1.0.0.0/10', allowedUses: 'Tunnel' }, 'spec.allowedUses', 'expected a list');
test(
  refuses,
  { cidr: '1.0.0.0/10', allowedUses: ['LoadBalancer', 'Workload'] },
  'spec.allowedUses',
  lbAlone,
);
test(
  refuses,
  { cidr: '1.0.0.0/10', allowedUses: ['LoadBalancer', 'Tunnel'] },
  'spec.allowedUses',
  lbAlone,
);
test(
  refuses,
  { cidr: '1.0.0.0/10', allowedUses: ['LoadBalancer'], vxlanMode: 'Always' },
  'spec.vxlanMode',
  lbMode,
);
test(
  refuses,
  { cidr: '1.0.0.0/10', allowedUses: ['LoadBalancer'], ipipMode: 'CrossSubnet' },
  'spec.ipipMode',
  lbMode,
);
test(
  refuses,
  { cidr: '1.0.0.0/10', allowedUses: ['LoadBalancer'], disableBGPExport: true },
  'spec.disableBGPExport',
  lbExport,
);
test(
  refuses,
  { cidr: '1.0.0.0/10', allowedUses: ['LoadBalancer'], nodeSelector: '!all()' },
  'spec.nodeSelector',
  lbNode,
);

// Selectors
for (const selector of [
  'all()',
  'has(team)',
  'region == "east"',
  'region == \'east\' && environment == "production"',
  'region in {"east", "west"}',
  'environment contains "prod"',
  '!has(gpu) || (zone starts with "a" && zone not in {"a1"})',
])
  test(accepts, { cidr: '1.0.0.0/10', nodeSelector: selector });
test(accepts, { cidr: '1.0.0.0/10', namespaceSelector: 'region == "east"' });
test(accepts, {
  cidr: '1.0.0.0/10',
  namespaceSelector: 'region == "east"',
  allowedUses: ['Workload'],
});
test(refuses, { cidr: '1.0.0.0/10', nodeSelector: 'global()' }, 'spec.nodeSelector', globalNode);
test(
  refuses,
  { cidr: '1.0.0.0/10', namespaceSelector: 'global()' },
  'spec.namespaceSelector',
  globalNamespace,
);
test(
  refuses,
  { cidr: '1.0.0.0/10', nodeSelector: 'this is not valid selector syntax' },
  'spec.nodeSelector',
  'nodeSelector is not a selector',
);
test(
  refuses,
  { cidr: '1.0.0.0/10', nodeSelector: 'all(nothing)' },
  'spec.nodeSelector',
  'nodeSelector is not a selector',
);
test(
  'a selector of 1025 characters',
  refuses,
  { cidr: '1.0.0.0/10', nodeSelector: `has(${'a'.repeat(1020)})` },
  'spec.nodeSelector',
  'at most 1024',
);
for (const allowedUses of [['Tunnel'], ['Workload', 'Tunnel']])
  test(
    refuses,
    { cidr: '1.0.0.0/10', allowedUses, namespaceSelector: 'region == "east"' },
    'spec.namespaceSelector',
    tunnelNamespace,
  );

// Assignment
test(accepts, { cidr: '1.0.0.0/10', assignmentMode: 'Automatic' });
test(accepts, { cidr: '1.0.0.0/10', assignmentMode: 'Manual' });
test(
  'an empty assignment mode',
  refuses,
  { cidr: '1.0.0.0/10', assignmentMode: '' },
  'spec.assignmentMode',
  '"" is not an assignment mode',
);

// Fields
test(
  refuses,
  { cidr: '1.0.0.0/10', blocksize: 26 },
  'spec.blocksize',
  'unknown field; did you mean blockSize?',
);
test(refuses, { cidr: '1.0.0.0/10', ipip: {} }, 'spec.ipip', 'unknown field');
test(
  refuses,
  { cidr: '1.0.0.0/10', natOutgoing: 'true' },
  'spec.natOutgoing',
  'expected true or false, found the text "true"',
);

test('calicoctl refuses a namespace selector beside the default uses: a warning', (t) => {
  const [found] = problemsOf(pool({ cidr: '1.0.0.0/10', namespaceSelector: 'has(a)' }));
  t.is(found?.severity, 'warning');
  t.is(found?.path, 'spec.namespaceSelector');
});

test('null members are absent, as Kubernetes has it', (t) => {
  t.deepEqual(
    errorsOf(
      pool({ cidr: '10.0.0.0/16', vxlanMode: null, blockSize: null }, 'a', {
        creationTimestamp: null,
      }),
    ),
    [],
  );
});

const reads = test.macro({
  exec: (t, spec: object, expected: object) => {
    const world = worldOf([pool(spec)]);
    t.deepEqual(world.refused, []);
    t.like(world.pools[0]?.spec, expected);
  },
  title: (_, spec, expected) =>
    `Felix reads ${JSON.stringify(spec)} as ${JSON.stringify(expected)}`,
});

test(
  reads,
  { cidr: '10.0.0.0/16' },
  {
    vxlanMode: 'Never',
    ipipMode: 'Never',
    natOutgoing: false,
    disabled: false,
    disableBGPExport: false,
    blockSize: 26,
    nodeSelector: 'all()',
    assignmentMode: 'Automatic',
  },
);
test(reads, { cidr: 'FD00::/48' }, { cidr: 'fd00::/48', blockSize: 122 });
test(reads, { cidr: '10.0.0.0/16', blockSize: 0 }, { blockSize: 26 });
test(reads, { cidr: '10.0.0.0/16', blockSize: 19 }, { blockSize: 26 });
test(reads, { cidr: '10.0.0.0/16', vxlanMode: '' }, { vxlanMode: 'Never' });
test(reads, { cidr: '10.0.0.7/16' }, { cidr: '10.0.0.0/16' });
test(reads, { cidr: '10.0.0.0/16', nodeSelector: '' }, { nodeSelector: 'all()' });
test(reads, { cidr: '10.0.0.0/16', natOutgoing: true, unknown: 1 }, { natOutgoing: true });
test(reads, { cidr: '10.0.0.0/16', assignmentMode: '' }, { assignmentMode: 'Automatic' });

const decides = test.macro<[object, Mode, boolean?]>({
  exec: (t, spec, mode, loadBalancerOnly = false) => {
    const { pools } = worldOf([pool({ cidr: '10.0.0.0/16', ...spec })]).inventory;
    t.deepEqual(pools[0]?.mode, mode);
    t.is(pools[0]?.loadBalancerOnly, loadBalancerOnly);
  },
  title: (_, spec, mode) => `${JSON.stringify(spec)} encapsulates ${JSON.stringify(mode)}`,
});

test(decides, {}, { when: 'never' });
test(decides, { vxlanMode: 'Always' }, { when: 'always', encap: 'vxlan' });
test(decides, { vxlanMode: 'CrossSubnet' }, { when: 'cross-subnet', encap: 'vxlan' });
test(decides, { ipipMode: 'Always' }, { when: 'always', encap: 'ipip' });
test(decides, { ipipMode: 'CrossSubnet' }, { when: 'cross-subnet', encap: 'ipip' });
test(decides, { ipipMode: 'Always', vxlanMode: 'Always' }, { when: 'always', encap: 'vxlan' });
test(
  decides,
  { ipipMode: 'CrossSubnet', vxlanMode: 'Always' },
  { when: 'cross-subnet', encap: 'vxlan' },
);
test(decides, { allowedUses: ['LoadBalancer'] }, { when: 'never' }, true);
test(decides, { allowedUses: ['LoadBalancer', 'Workload'] }, { when: 'never' });
test(decides, { disabled: true, vxlanMode: 'Always' }, { when: 'always', encap: 'vxlan' });

const refusedAlone = test.macro({
  exec: (t, spec: object, path: string) => {
    const world = worldOf([pool(spec, 'bad'), pool({ cidr: '10.9.0.0/16' }, 'good')]);
    t.deepEqual(
      world.pools.map(({ name }) => name),
      ['good'],
    );
    t.true(
      world.refused.some((one) => one.path === path),
      JSON.stringify(world.refused),
    );
  },
  title: (_, spec) =>
    `a pool without a decision is refused, that one alone: ${JSON.stringify(spec)}`,
});

test(refusedAlone, { cidr: 'garbage' }, 'spec.cidr');
test(refusedAlone, {}, 'spec.cidr');
test(refusedAlone, { cidr: '10.0.0.0/16', vxlanMode: 'Crosssubnet' }, 'spec.vxlanMode');
test(refusedAlone, { cidr: 'fd00::/48', ipipMode: 'Always' }, 'spec.ipipMode');
test(refusedAlone, { cidr: '10.0.0.0/16', natOutgoing: 'no' }, 'spec.natOutgoing');

const ip6ip = {
  apiVersion: 'encap/v1',
  kind: 'NodeConfig',
  beyondCalico: { ip6ip: true },
};

test('IPIP on an IPv6 pool is right where a NodeConfig says what it is', (t) => {
  for (const ipipMode of ['Always', 'CrossSubnet'] as const) {
    const six = pool({ cidr: 'fd00::/48', ipipMode });
    t.deepEqual(errorsOf(six, ip6ip), []);
    const { inventory, refused, warnings } = worldOf([six, ip6ip]);
    t.deepEqual([...refused, ...warnings], []);
    t.deepEqual(inventory.pools[0]?.mode, {
      when: ipipMode === 'Always' ? 'always' : 'cross-subnet',
      encap: 'ip6ip',
    });
  }
});
test('but a NodeConfig that says nothing of it changes nothing', (t) => {
  const silent = { ...ip6ip, beyondCalico: { ipv6PoolsOver: 'ipv4' } };
  const six = pool({ cidr: 'fd00::/48', ipipMode: 'Always' });
  t.is(errorsOf(six, silent)[0]?.path, 'spec.ipipMode');
  t.deepEqual(worldOf([six, silent]).inventory.pools, []);
});
test('nor may both modes of an IPv6 pool be on: Felix takes VXLAN', (t) => {
  const both = pool({ cidr: 'fd00::/48', ipipMode: 'Always', vxlanMode: 'Always' });
  t.deepEqual(
    errorsOf(both, ip6ip).map(({ message }) => message),
    ['ipipMode and vxlanMode cannot both be enabled; set one of them to Never'],
  );
  for (const resources of [[both], [both, ip6ip]])
    t.deepEqual(worldOf(resources).inventory.pools[0]?.mode, { when: 'always', encap: 'vxlan' });
});
test('IPv4 IPIP is IPv4 IPIP with it, too', (t) => {
  const { inventory } = worldOf([pool({ cidr: '10.0.0.0/16', ipipMode: 'Always' }), ip6ip]);
  t.deepEqual(inventory.pools[0]?.mode, { when: 'always', encap: 'ipip' });
});
test('an IPv6 pool whose NodeConfig takes IPIP away is refused, and its last good edition stays', (t) => {
  const six = pool({ cidr: 'fd00::/48', ipipMode: 'Always' });
  const before = worldOf([six, ip6ip]);
  const after = worldOf([six], { before });
  t.is(after.refused[0]?.path, 'spec.ipipMode');
  t.is(after.inventory.pools.length, 1);
});

test('what Calico refuses and Felix tolerates is a warning to those who read', (t) => {
  const both = pool({ cidr: '10.0.0.0/16', ipipMode: 'Always', vxlanMode: 'Always' });
  const nested = pool({ cidr: '10.0.1.0/24' }, 'nested');
  const world = worldOf([both, nested]);
  t.deepEqual(world.refused, []);
  t.is(world.pools.length, 2);
  t.deepEqual(
    world.warnings.map(({ severity }) => severity),
    ['warning', 'warning'],
  );
});
