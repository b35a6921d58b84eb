import test from 'ava';
import { EncapError } from '../../../src/errors.js';
import { node, pool, worldOf } from './written.js';

type Variables = Readonly<Record<string, string>>;

const v4 = {
  cidr: '192.168.0.0/16',
  ipipMode: 'Never',
  vxlanMode: 'Never',
  natOutgoing: true,
  blockSize: 26,
  nodeSelector: 'all()',
  disableBGPExport: false,
};
const v6 = { ...v4, natOutgoing: false, blockSize: 122 };

const makes = test.macro<
  [Variables, Record<string, unknown> | undefined, Record<string, unknown> | undefined]
>({
  exec: (t, environment, ipv4, ipv6) => {
    const { pools } = worldOf([], { environment });
    const names = [
      ...(ipv4 ? ['default-ipv4-ippool'] : []),
      ...(ipv6 ? ['default-ipv6-ippool'] : []),
    ];
    t.deepEqual(
      pools.map(({ name }) => name),
      names,
    );
    const [one, other] = ipv4 ? pools : [undefined, ...pools];
    if (ipv4) t.like({ ...one?.spec }, { ...v4, ...ipv4 });
    if (!ipv6) return;
    const { cidr: _, ...rest } = v6;
    t.like({ ...other?.spec }, { ...rest, ...ipv6 });
    if (ipv6['cidr'] === undefined)
      t.regex(other?.spec.cidr ?? '', /^fd[0-9a-f]{2}(?::[0-9a-f]{1,4}){0,2}::\/48$/);
  },
  title: (_, environment) => `calico/node starts with ${JSON.stringify(environment)}`,
});

test(makes, {}, {}, {});
for (const mode of ['off', 'Off', 'OFF', 'Never', 'never', ''])
  test(
    makes,
    { CALICO_IPV4POOL_IPIP: mode, CALICO_IPV4POOL_VXLAN: mode, CALICO_IPV6POOL_VXLAN: mode },
    {},
    {},
  );
for (const mode of ['always', 'Always', 'ALWAYS']) {
  test(makes, { CALICO_IPV4POOL_IPIP: mode }, { ipipMode: 'Always' }, {});
  test(makes, { CALICO_IPV4POOL_VXLAN: mode }, { vxlanMode: 'Always' }, {});
  test(makes, { CALICO_IPV6POOL_VXLAN: mode }, {}, { vxlanMode: 'Always' });
}
for (const mode of ['cross-subnet', 'CrossSubnet', 'CROSSSUBNET', 'Cross-Subnet']) {
  test(makes, { CALICO_IPV4POOL_IPIP: mode }, { ipipMode: 'CrossSubnet' }, {});
  test(makes, { CALICO_IPV4POOL_VXLAN: mode }, { vxlanMode: 'CrossSubnet' }, {});
  test(makes, { CALICO_IPV6POOL_VXLAN: mode }, {}, { vxlanMode: 'CrossSubnet' });
}
for (const no of ['false', '0', 'no', 'n', 'f', 'FALSE', 'No'])
  test(makes, { CALICO_IPV4POOL_NAT_OUTGOING: no }, { natOutgoing: false }, {});
for (const yes of ['true', 'off', '', 'yes', 'disabled'])
  test(
    makes,
    { CALICO_IPV4POOL_NAT_OUTGOING: yes, CALICO_IPV6POOL_NAT_OUTGOING: yes },
    { natOutgoing: true },
    { natOutgoing: true },
  );
test(makes, { CALICO_IPV4POOL_CIDR: '172.16.0.0/24' }, { cidr: '172.16.0.0/24' }, {});
test(
  'host bits of the variable are cut off',
  makes,
  { CALICO_IPV4POOL_CIDR: '172.16.0.9/24' },
  { cidr: '172.16.0.0/24' },
  {},
);
test(
  makes,
  { CALICO_IPV6POOL_CIDR: 'fdff:ffff:ffff:ffff:ffff::/80' },
  {},
  { cidr: 'fdff:ffff:ffff:ffff:ffff::/80' },
);
test(makes, { CALICO_IPV4POOL_BLOCK_SIZE: '27' }, { blockSize: 27 }, {});
test(makes, { CALICO_IPV6POOL_BLOCK_SIZE: '123' }, {}, { blockSize: 123 });
test(
  makes,
  { CALICO_IPV4POOL_NODE_SELECTOR: "key == 'something'" },
  { nodeSelector: "key == 'something'" },
  {},
);
test(
  makes,
  { CALICO_IPV6POOL_NODE_SELECTOR: 'has(something)' },
  {},
  { nodeSelector: 'has(something)' },
);
test(makes, { CALICO_IPV4POOL_DISABLE_BGP_EXPORT: 'true' }, { disableBGPExport: true }, {});
test(makes, { CALICO_IPV6POOL_DISABLE_BGP_EXPORT: 'true' }, {}, { disableBGPExport: true });
test(makes, { CALICO_IPV4POOL_CIDR: 'none' }, undefined, {});
test(makes, { CALICO_IPV6POOL_CIDR: 'none' }, {}, undefined);
test(makes, { CALICO_IPV4POOL_CIDR: 'none', CALICO_IPV6POOL_CIDR: 'none' }, undefined, undefined);
test(makes, { CALICO_IPV4POOL_CIDR: 'none', CALICO_IPV6POOL_VXLAN: 'Always' }, undefined, {
  vxlanMode: 'Always',
});
test(makes, { NO_DEFAULT_POOLS: 'true' }, undefined, undefined);
test(makes, { NO_DEFAULT_POOLS: 'TRUE' }, undefined, undefined);
test(makes, { NO_DEFAULT_POOLS: 'yes' }, {}, {});

const refuses = test.macro<[Variables, RegExp]>({
  exec: (t, environment, why) => {
    const error = t.throws(() => worldOf([], { environment }), { instanceOf: EncapError });
    t.is(error.code, 'CONFIG_INVALID');
    t.regex(error.message, /^cannot (?:make the default|read FELIX_|read felix_)/);
    t.regex(error.message, why);
    t.truthy(error.hint);
  },
  title: (_, environment) => `no start with ${JSON.stringify(environment)}`,
});

test(
  refuses,
  { CALICO_IPV4POOL_CIDR: '172.16.0.0a/24' },
  /CALICO_IPV4POOL_CIDR=172.16.0.0a\/24 is no IPv4 CIDR/,
);
test(refuses, { CALICO_IPV4POOL_CIDR: '172.16.0.0/27' }, /too small/);
test(refuses, { CALICO_IPV4POOL_CIDR: '10.0.0.0/32' }, /too small/);
test(refuses, { CALICO_IPV4POOL_CIDR: '10.0.0.0' }, /is no IPv4 CIDR/);
test(refuses, { CALICO_IPV4POOL_CIDR: 'NONE' }, /is no IPv4 CIDR/);
test(refuses, { CALICO_IPV6POOL_CIDR: 'fd00::/123' }, /too small/);
test(refuses, { CALICO_IPV4POOL_CIDR: 'fdff::/80' }, /is no IPv4 CIDR/);
test(refuses, { CALICO_IPV6POOL_CIDR: '172.16.0.0/24' }, /is no IPv6 CIDR/);
test(refuses, { CALICO_IPV4POOL_CIDR: '169.254.0.0/16' }, /link local/);
test(
  refuses,
  { NO_DEFAULT_POOLS: 'true', CALICO_IPV4POOL_CIDR: '172.16.0.0/24' },
  /NO_DEFAULT_POOLS is true/,
);
test(
  refuses,
  { NO_DEFAULT_POOLS: 'true', CALICO_IPV6POOL_CIDR: 'none' },
  /NO_DEFAULT_POOLS is true/,
);
test(refuses, { CALICO_IPV4POOL_IPIP: 'badVal' }, /CALICO_IPV4POOL_IPIP=badVal is no mode/);
test(refuses, { CALICO_IPV4POOL_VXLAN: 'true' }, /CALICO_IPV4POOL_VXLAN=true is no mode/);
test(refuses, { CALICO_IPV6POOL_VXLAN: ' always' }, /is no mode/);
test(
  refuses,
  { CALICO_IPV4POOL_IPIP: 'Always', CALICO_IPV4POOL_VXLAN: 'Always' },
  /cannot both be enabled/,
);
test(refuses, { CALICO_IPV4POOL_NODE_SELECTOR: 'all(nothing)' }, /is no selector/);
test(refuses, { CALICO_IPV6POOL_NODE_SELECTOR: 'all(nothing)' }, /is no selector/);
for (const size of ['19', '33', 'x', '26.0', '0x1a'])
  test(refuses, { CALICO_IPV4POOL_BLOCK_SIZE: size }, /is no block size: 20 to 32/);
for (const size of ['115', '129'])
  test(refuses, { CALICO_IPV6POOL_BLOCK_SIZE: size }, /is no block size: 116 to 128/);
test(refuses, { FELIX_VXLANVNI: 'x' }, /FELIX_VXLANVNI=x/);
test(refuses, { FELIX_VXLANPORT: '0' }, /0 is out of range: 1 to 65535/);
test(refuses, { felix_vxlanvni: '16777216' }, /16777216 is out of range/);
test(refuses, { FELIX_IPV6SUPPORT: 'maybe' }, /FELIX_IPV6SUPPORT=maybe/);
test(refuses, { FELIX_EXTERNALNODESCIDRLIST: '10.0.0.0/8,x' }, /"x" is not a CIDR or IP address/);

test('a bad variable is fatal though its family has a pool', (t) => {
  t.throws(() =>
    worldOf([pool({ cidr: '10.0.0.0/16' })], { environment: { CALICO_IPV4POOL_CIDR: 'x/24' } }),
  );
});

const beside = test.macro<[Variables, readonly string[]]>({
  exec: (t, environment, expected) => {
    const { pools } = worldOf([pool({ cidr: '10.0.0.0/16' }, 'mine')], { environment });
    t.deepEqual(
      pools.map(({ name }) => name),
      expected,
    );
  },
  title: (_, environment, expected) =>
    `beside an IPv4 pool, ${JSON.stringify(environment)} makes ${expected.join(', ')}`,
});

test(beside, {}, ['mine']);
test(beside, { NO_DEFAULT_POOLS: 'true' }, ['mine']);
test(beside, { CALICO_IPV4POOL_VXLAN: 'Always' }, ['default-ipv6-ippool', 'mine']);
test(beside, { CALICO_IPV6POOL_CIDR: 'none' }, ['mine']);

test('every node comes to the same IPv6 default', (t) => {
  const cidrs = [1, 2].map(() => worldOf([]).pools[1]?.spec.cidr);
  t.is(cidrs[0], cidrs[1]);
});

test("kubeadm's podSubnet goes before the usual CIDRs, of each family", (t) => {
  const kubeadm = {
    apiVersion: 'kubeadm.k8s.io/v1beta3',
    kind: 'ClusterConfiguration',
    networking: { podSubnet: '10.244.0.0/16, fd00:244::/56' },
  };
  t.deepEqual(
    worldOf([kubeadm]).pools.map(({ spec }) => spec.cidr as string),
    ['10.244.0.0/16', 'fd00:244::/56'],
  );
  const environment = { CALICO_IPV4POOL_CIDR: '10.9.0.0/16' };
  t.is(String(worldOf([kubeadm], { environment }).pools[0]?.spec.cidr ?? ''), '10.9.0.0/16');
});

test('the usual IPv4 CIDR keeps off the hosts', (t) => {
  const hosts = [
    node({ bgp: { ipv4Address: '192.168.1.11/24' } }, 'a'),
    node({ bgp: { ipv4Address: '172.16.0.1/24' } }, 'b'),
  ];
  t.is(String(worldOf(hosts).pools[0]?.spec.cidr ?? ''), '172.17.0.0/16');
});
