import test from 'ava';
import type { SocketAddress } from '../../../src/net/socket-address.js';
import type { AssembleOptions } from '../../../src/model/assemble.js';
import { errorsOf, felix, problemsOf, worldOf } from './written.js';

const defaults = {
  vxlanEnabled: undefined,
  ipipEnabled: undefined,
  vxlanPort: 4789,
  vxlanVni: 4096,
  mtu: { vxlan: 0, vxlanV6: 0, ipip: 0 },
  ipv6Support: true,
  externalNodes: [],
  allowVxlanFromWorkloads: false,
  allowIpipFromWorkloads: false,
  routeSource: 'CalicoIPAM',
  underlay: { interface: undefined, mtu: 0 },
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
  kernelTunnels: 'leave',
  fastPath: 'never',
  beyondCalico: { ipv6PoolsOver: 'ipv6', ipv4PoolsOver: 'ipv4', ip6ip: false },
  zeroUdpChecksum: 'never',
  metrics: { listen: 'off', perPeer: true },
  health: { listen: 'off' },
  log: { level: 'info' },
  programClusterRoutes: 'EnabledIPIPOnly',
};

function nodeConfig(spec: object): object {
  return { apiVersion: 'encap/v1', kind: 'NodeConfig', ...spec };
}

const labelled = {
  apiVersion: 'projectcalico.org/v3',
  kind: 'Node',
  metadata: { name: 'node-a', labels: { rack: 'r1' } },
  spec: {},
};

function selecting(name: string, nodeSelector: string, created: string, vxlanVNI: number): object {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'FelixConfiguration',
    metadata: { name, creationTimestamp: created },
    spec: { nodeSelector, vxlanVNI },
  };
}

const gives = test.macro<[readonly object[], AssembleOptions, Record<string, unknown>]>(
  (t, resources, options, expected) => {
    const { inventory, refused } = worldOf(resources, options);
    t.deepEqual(refused, []);
    t.deepEqual(inventory.settings as unknown, { ...defaults, ...expected });
  },
);

const here = { node: 'node-a' };

test('without a word Felix has its defaults', gives, [], {}, {});
test(
  'default holds for all nodes',
  gives,
  [felix({ vxlanVNI: 4097, vxlanPort: 8472, vxlanMTU: 1400, vxlanMTUV6: 1380, ipipMTU: 1430 })],
  here,
  {
    vxlanVni: 4097,
    vxlanPort: 8472,
    mtu: { vxlan: 1400, vxlanV6: 1380, ipip: 1430 },
  },
);
test(
  "a node's own configuration wins over default, member by member",
  gives,
  [felix({ vxlanVNI: 1, vxlanPort: 1 }), felix({ vxlanVNI: 2 }, 'node.node-a')],
  here,
  { vxlanVni: 2, vxlanPort: 1 },
);
test(
  "another node's configuration is not ours",
  gives,
  [felix({ vxlanVNI: 2 }, 'node.node-b')],
  here,
  {},
);
test('without a node only default counts', gives, [felix({ vxlanVNI: 2 }, 'node.node-a')], {}, {});
test(
  'a selected configuration wins over default',
  gives,
  [labelled, felix({ vxlanVNI: 1 }), selecting('racks', 'rack == "r1"', '', 7)],
  here,
  { vxlanVni: 7 },
);
test(
  "a node's own configuration wins over a selected one",
  gives,
  [labelled, felix({ vxlanVNI: 2 }, 'node.node-a'), selecting('racks', 'rack == "r1"', '', 7)],
  here,
  { vxlanVni: 2 },
);
test(
  'of two selected configurations the older counts',
  gives,
  [
    labelled,
    selecting('aaa', 'has(rack)', '2026-02-01T00:00:00Z', 7),
    selecting('bbb', 'has(rack)', '2026-01-01T00:00:00Z', 8),
  ],
  here,
  { vxlanVni: 8 },
);
test(
  'of two of one age the lower name counts',
  gives,
  [labelled, selecting('bbb', 'has(rack)', '', 8), selecting('aaa', 'has(rack)', '', 7)],
  here,
  { vxlanVni: 7 },
);
test(
  'a selector that leaves the node has no effect',
  gives,
  [labelled, selecting('racks', 'rack == "r2"', '', 7)],
  here,
  {},
);
test(
  'the environment wins over all',
  gives,
  [felix({ vxlanVNI: 2 }, 'node.node-a')],
  {
    ...here,
    environment: {
      FELIX_VXLANVNI: '0x10',
      FELIX_VXLANPort: '4790',
      felix_vxlanmtu: '1410',
      FELIX_VXLANMTUV6: '1390',
      FELIX_IPINIPMTU: '1440',
      FELIX_IPINIPENABLED: 'no',
      FELIX_VXLANENABLED: 'T',
      FELIX_IPV6SUPPORT: 'false',
      FELIX_EXTERNALNODESCIDRLIST: '10.9.0.0/24, 10.8.0.1,fd00::/64',
      FELIX_ALLOWVXLANPACKETSFROMWORKLOADS: '1',
      FELIX_ALLOWIPIPPACKETSFROMWORKLOADS: 'y',
      FELIX_ROUTESOURCE: 'workloadips',
      FELIX_PROGRAMCLUSTERROUTES: 'enabled',
      FELIX_LOGSEVERITYSCREEN: 'Debug',
    },
  },
  {
    vxlanVni: 16,
    vxlanPort: 4790,
    mtu: { vxlan: 1410, vxlanV6: 1390, ipip: 1440 },
    ipipEnabled: false,
    vxlanEnabled: true,
    ipv6Support: false,
    externalNodes: ['10.9.0.0/24', '10.8.0.1/32'],
    allowVxlanFromWorkloads: true,
    allowIpipFromWorkloads: true,
    routeSource: 'WorkloadIPs',
    programClusterRoutes: 'Enabled',
  },
);
test(
  'none in the environment is as if it were not set',
  gives,
  [felix({ vxlanVNI: 5 })],
  { environment: { FELIX_VXLANVNI: 'none', FELIX_VXLANPORT: '' } },
  { vxlanVni: 5 },
);
test(
  'external nodes are prefixes of IPv4',
  gives,
  [felix({ externalNodesList: ['10.9.0.7/24', '10.8.0.1', 'fd00::1'] })],
  {},
  { externalNodes: ['10.9.0.0/24', '10.8.0.1/32'] },
);
test(
  'a source of routes is read in any case',
  gives,
  [felix({ routeSource: 'workloadips' })],
  {},
  { routeSource: 'WorkloadIPs' },
);
test(
  'our own configuration names VNI and port',
  gives,
  [
    felix({ vxlanVNI: 5 }),
    { apiVersion: 'encap/v1', kind: 'NodeConfig', vxlan: { vni: 9, port: 9999 } },
  ],
  {},
  { vxlanVni: 9, vxlanPort: 9999 },
);
test(
  'our own configuration names underlay interface, its MTU and the checks',
  gives,
  [
    nodeConfig({
      node: { interfaces: ['eth1'], addressV4: 'auto' },
      mtu: { underlay: 1450 },
      checks: { source: 'pool' },
      kernelTunnels: 'coexist',
    }),
  ],
  {},
  {
    underlay: { interface: 'eth1', mtu: 1450 },
    kernelTunnels: 'coexist',
    checks: { ...defaults.checks, source: 'pool' },
  },
);

test(
  'the environment says what becomes of Calico’s devices before the configuration does',
  gives,
  [nodeConfig({ kernelTunnels: 'leave' })],
  { environment: { ENCAP_KERNEL_TUNNELS: 'Replace' } },
  { kernelTunnels: 'replace' },
);

test('a way to treat kernel tunnels that the environment makes up is refused', (t) => {
  const environment = { ENCAP_KERNEL_TUNNELS: 'keep' };
  t.throws(() => worldOf([], { environment }), {
    message: 'cannot read ENCAP_KERNEL_TUNNELS=keep: CONFIG_INVALID',
  });
});

test(
  'our own configuration names what outer headers are, and what is forgiven',
  gives,
  [
    nodeConfig({
      node: { addressV6: 'auto' },
      checks: { vxlanReservedBits: 'ignore', outerOptions: 'accept' },
      dscp: 'uniform',
      outerTtl: 'inherit',
      sharedVxlanPort: false,
      receiveMerging: 'off',
      fastPath: 'guarded',
      beyondCalico: { ipv6PoolsOver: 'ipv4', ipv4PoolsOver: 'ipv6', ip6ip: true },
      zeroUdpChecksum: ['node-a', 'node-b'],
      metrics: { listen: '[0:0::1]:09475', perPeer: false },
      health: { listen: '0.0.0.0:80' },
      log: { level: 'debug' },
    }),
  ],
  {},
  {
    checks: { ...defaults.checks, vxlanReservedBits: 'ignore', outerOptions: 'accept' },
    dscp: 'uniform',
    outerTtl: 'inherit',
    sharedVxlanPort: false,
    receiveMerging: 'off',
    fastPath: 'guarded',
    beyondCalico: { ipv6PoolsOver: 'ipv4', ipv4PoolsOver: 'ipv6', ip6ip: true },
    zeroUdpChecksum: ['node-a', 'node-b'],
    metrics: { listen: '[::1]:9475' as SocketAddress, perPeer: false },
    health: { listen: '0.0.0.0:80' as SocketAddress },
    log: { level: 'debug' },
  },
);
test(
  'a DSCP may be one number, a TTL too, and all nodes may do without checksum',
  gives,
  [nodeConfig({ dscp: { pipe: 46 }, outerTtl: 255, zeroUdpChecksum: 'always' })],
  {},
  { dscp: { pipe: 46 }, outerTtl: 255, zeroUdpChecksum: 'always' },
);
test(
  'what YAML reads for the bare word off is off where that is a choice',
  gives,
  [nodeConfig({ checks: { source: false }, receiveMerging: false })],
  {},
  { checks: { ...defaults.checks, source: 'off' }, receiveMerging: 'off' },
);
test(
  'the least of both, and no node',
  gives,
  [nodeConfig({ dscp: { pipe: 0 }, outerTtl: 1, zeroUdpChecksum: [] })],
  {},
  { dscp: { pipe: 0 }, outerTtl: 1, zeroUdpChecksum: [] },
);
test(
  'of what lies beyond Calico one member alone leaves the others as they are',
  gives,
  [nodeConfig({ beyondCalico: { ip6ip: true } })],
  {},
  { beyondCalico: { ...defaults.beyondCalico, ip6ip: true } },
);

const notTaken = test.macro<[object, ...string[]]>({
  exec(t, spec, ...expected) {
    t.deepEqual(
      errorsOf(nodeConfig(spec)).map(({ path, message }) => `${path}: ${message}`),
      expected,
    );
    t.deepEqual(worldOf([nodeConfig(spec)]).inventory.settings as unknown, defaults);
  },
  title: (_, spec) => `a NodeConfig with ${JSON.stringify(spec)} is refused`,
});

const dscp = 'expected inherit, uniform or { pipe: 0 to 63 }';
test(notTaken, { dscp: { pipe: -1 } }, 'dscp.pipe: -1 is out of range: 0 to 63');
test(notTaken, { dscp: { pipe: 64 } }, 'dscp.pipe: 64 is out of range: 0 to 63');
test(notTaken, { dscp: { pipe: 1.5 } }, 'dscp.pipe: 1.5 is no whole number');
test(notTaken, { dscp: { pipe: 'EF' } }, 'dscp.pipe: expected a number, found the text "EF"');
test(notTaken, { dscp: {} }, 'dscp.pipe: this is missing');
test(notTaken, { dscp: { pipe: 1, pipes: 1 } }, 'dscp.pipes: unknown field; did you mean pipe?');
test(
  notTaken,
  { dscp: 'pipe' },
  'dscp: "pipe" is not a way to set DSCP (inherit, uniform, { pipe: 0 to 63 })',
);
test(notTaken, { dscp: 46 }, `dscp: ${dscp}`);
test(notTaken, { dscp: ['uniform'] }, `dscp: ${dscp}`);
test(notTaken, { outerTtl: 0 }, 'outerTtl: 0 is out of range: 1 to 255');
test(notTaken, { outerTtl: 256 }, 'outerTtl: 256 is out of range: 1 to 255');
test(notTaken, { outerTtl: 0.5 }, 'outerTtl: 0.5 is no whole number');
test(notTaken, { outerTtl: '64' }, 'outerTtl: "64" is not a TTL (inherit, 1 to 255)');
test(notTaken, { outerTtl: true }, 'outerTtl: expected inherit or 1 to 255');
test(
  notTaken,
  { checks: { vxlanReservedBits: 'off' } },
  'checks.vxlanReservedBits: "off" is not a way to treat reserved bits (strict, ignore)',
);
test(
  notTaken,
  { checks: { outerOptions: true } },
  'checks.outerOptions: expected drop or accept, found true',
);
test(
  notTaken,
  { receiveMerging: 'on' },
  'receiveMerging: "on" is not a way to merge what is received (auto, off)',
);
test(
  notTaken,
  { fastPath: 'on' },
  'fastPath: "on" is not a set of packets (never, guarded, always)',
);
for (const listen of ['localhost:9475', '9475', '::1:9475', '[127.0.0.1]:9475', '127.0.0.1:65536'])
  test(
    notTaken,
    { metrics: { listen } },
    `metrics.listen: ${JSON.stringify(listen)} is neither ADDRESS:PORT ([::1]:9475 for IPv6) nor off`,
  );
test(
  notTaken,
  { log: { level: 'warning' } },
  'log.level: "warning" is not a log level (trace, debug, info, warn, error, fatal, silent)',
);
test(notTaken, { sharedVxlanPort: 1 }, 'sharedVxlanPort: expected true or false, found 1');
test(
  notTaken,
  { beyondCalico: { ipv4PoolsOver: 'ip6' } },
  'beyondCalico.ipv4PoolsOver: "ip6" is not a family; did you mean ipv6? (ipv4, ipv6)',
);
test(
  notTaken,
  { beyondCalico: { ip6ip: 'yes' } },
  'beyondCalico.ip6ip: expected true or false, found the text "yes"',
);
test(
  notTaken,
  { beyondCalico: { ipv6poolsOver: 'ipv4' } },
  'beyondCalico.ipv6poolsOver: unknown field; did you mean ipv6PoolsOver?',
);
test(
  notTaken,
  { zeroUdpChecksum: 'allways' },
  'zeroUdpChecksum: "allways" is not a set of nodes; did you mean always? (never, always, a list of nodes)',
);
test(
  notTaken,
  { zeroUdpChecksum: true },
  'zeroUdpChecksum: expected never, always or a list of nodes',
);
test(notTaken, { zeroUdpChecksum: [7] }, 'zeroUdpChecksum[0]: expected text, found 7');
test(notTaken, { zeroUdpChecksum: ['a', ''] }, 'zeroUdpChecksum[1]: at least 1 characters');
test(notTaken, { beyondCalico: 'ip6ip' }, 'beyondCalico: expected a map, found the text "ip6ip"');

test('a node that takes no checksum and is no node is told', (t) => {
  const [found, ...more] = problemsOf(
    labelled,
    nodeConfig({ zeroUdpChecksum: ['node-a', 'node-x'] }),
  );
  t.deepEqual(more, []);
  t.like(found, {
    severity: 'warning',
    path: 'zeroUdpChecksum[1]',
    message: 'there is no node node-x; did you mean node-a?',
  });
});

const notYet = test.macro({
  exec(t, spec: object, path: string, says: RegExp) {
    const [found, ...more] = errorsOf(nodeConfig(spec));
    t.deepEqual(more, []);
    t.is(found?.path, path);
    t.regex(found?.message ?? '', says);
  },
  title: (_, spec: object) =>
    `a NodeConfig must not ask for what is not there: ${JSON.stringify(spec)}`,
});

test(notYet, { node: { addressV4: '10.0.0.7' } }, 'node.addressV4', /spec\.bgp\.ipv4Address/);
test(notYet, { node: { addressV6: 'fd00::7' } }, 'node.addressV6', /spec\.bgp\.ipv6Address/);
test(notYet, { node: { interfaces: ['a', 'b'] } }, 'node.interfaces', /one alone/);
test(notYet, { datastore: { type: 'etcdv2' } }, 'datastore.type', /is not a datastore/);
for (const [datastore, path, says] of [
  [
    { type: 'file', endpoints: ['http://a:1'] },
    'datastore.endpoints',
    /type file has no endpoints/,
  ],
  [{ type: 'etcdv3', paths: ['a'] }, 'datastore.paths', /type etcdv3 has no paths/],
  [{ type: 'etcdv3', kubeconfig: 'a' }, 'datastore.kubeconfig', /type etcdv3 has no kubeconfig/],
  [{ type: 'kubernetes', user: 'a' }, 'datastore.user', /no user \(kubeconfig, context\)/],
  [{ type: 'kubernetes', context: '' }, 'datastore.context', /at least 1/],
  [{ type: 'etcdv3', endpoints: [] }, 'datastore.endpoints', /at least 1/],
  [
    { type: 'etcdv3', endpoints: ['10.0.0.1:2379'] },
    'datastore.endpoints[0]',
    /no endpoint of etcd/,
  ],
  [{ type: 'etcdv3', endpoints: ['https://a'] }, 'datastore.endpoints[0]', /no endpoint of etcd/],
  [
    { type: 'etcdv3', endpoints: ['https://a:1/x'] },
    'datastore.endpoints[0]',
    /no endpoint of etcd/,
  ],
  [
    { type: 'etcdv3', endpoints: ['https://a:99999'] },
    'datastore.endpoints[0]',
    /no endpoint of etcd/,
  ],
  [{ type: 'etcdv3', certFile: 'a' }, 'datastore.certFile', /certFile without keyFile/],
  [{ type: 'etcdv3', keyFile: 'a' }, 'datastore.keyFile', /keyFile without certFile/],
  [{ type: 'etcdv3', passwordFile: 'a' }, 'datastore.passwordFile', /passwordFile without user/],
  [
    { type: 'etcdv3', password: 'a' },
    'datastore.password',
    /unknown field; did you mean passwordFile/,
  ],
] as const)
  test(notYet, { datastore }, path, says);
test(notYet, { checks: { source: 'lax' } }, 'checks.source', /is not a check/);

test(
  "the operator's MTU is every tunnel's",
  gives,
  [
    {
      apiVersion: 'operator.tigera.io/v1',
      kind: 'Installation',
      metadata: { name: 'default' },
      spec: { calicoNetwork: { mtu: 1400 } },
    },
  ],
  {},
  { mtu: { vxlan: 1400, vxlanV6: 1400, ipip: 1400 } },
);

const refuses = test.macro<[object, string, string]>({
  exec: (t, spec, path, message) => {
    const found = errorsOf(felix(spec));
    t.true(
      found.some((one) => one.path === path && one.message.startsWith(message)),
      JSON.stringify(found),
    );
    t.is(worldOf([felix(spec)]).refused.length, 1);
    t.is(worldOf([felix(spec)]).inventory.settings.vxlanVni, 4096);
  },
  title: (_, spec) => `a FelixConfiguration of ${JSON.stringify(spec)} is refused`,
});

test(refuses, { vxlanVNI: 16777216 }, 'spec.vxlanVNI', '16777216 is out of range: 0 to 16777215');
test(refuses, { vxlanPort: 0 }, 'spec.vxlanPort', '0 is out of range: 1 to 65535');
test(refuses, { vxlanPort: 65536 }, 'spec.vxlanPort', '65536 is out of range');
test(refuses, { vxlanPort: '4789' }, 'spec.vxlanPort', 'expected a number, found the text "4789"');
test(refuses, { vxlanMTU: -1 }, 'spec.vxlanMTU', '-1 is out of range');
test(
  refuses,
  { externalNodesList: ['x'] },
  'spec.externalNodesList[0]',
  '"x" is not a CIDR or IP address',
);
test(
  refuses,
  { programClusterRoutes: 'enabled' },
  'spec.programClusterRoutes',
  '"enabled" is not a value',
);
test(refuses, { routeSource: 'BGP' }, 'spec.routeSource', '"BGP" is not a source of routes');

test('a misspelt member is an error to Calico, and Felix would not see it', (t) => {
  const [found] = errorsOf(felix({ vxlanVni: 5 }));
  t.is(found?.message, 'unknown field; did you mean vxlanVNI?');
  t.deepEqual(worldOf([felix({ vxlanVni: 5 })]).refused, []);
});

test("Felix' members that are none of our business are known", (t) => {
  t.deepEqual(
    problemsOf(felix({ logSeverityScreen: 'Debug', bpfEnabled: false, healthPort: 9099 })),
    [],
  );
});

test('a configuration that nothing selects is told', (t) => {
  const [found] = problemsOf(felix({ vxlanVNI: 1 }, 'node-a'));
  t.is(found?.severity, 'warning');
  t.regex(found?.message ?? '', /has no effect/);
});
