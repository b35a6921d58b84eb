import test from 'ava';
import { encap, encapOnTerminal, noTerminal } from './encap.js';
import { fileWith, world } from './files.js';

const says = test.macro({
  async exec(t, args: readonly string[], expected: string) {
    const { stdout, stderr, code } = await encap([...args, '-f', '-'], {
      stdin: world,
      env: { ENCAP_BPFFS: '/none/encap' },
    });
    t.is(stdout, expected);
    t.is(stderr, '');
    t.is(code, 0);
  },
  title: (_, args: readonly string[]) => `encap ${args.join(' ')}`,
});

test(
  says,
  ['explain', '--node', 'node-a', '10.244.3.1'],
  `node-a -> 10.244.3.1   VXLAN to node-c at 192.168.20.11 (different-subnet)
 1 destination   10.244.3.1 is on node-c, pool default (10.244.0.0/16), block 10.244.3.0/29 of node-c
 2 mode          vxlan CrossSubnet (IPPool default)
 3 subnet        node-a 192.168.10.11/24 does not contain node-c 192.168.20.11: different subnets, encapsulated
 4 outer         192.168.10.11 > 192.168.20.11 udp 49152-65535 > 4789 vni 4096
 5 mac           inner 66:07:02:c1:cc:60 > 66:1a:b9:f1:6e:af (VTEP of node-c)
 6 size          50 bytes of outer headers; the packet inside may have the underlay's MTU less 50
kernel not asked: nothing is pinned in /none/encap
`,
);
test(
  says,
  [
    ...['explain', '--node', 'node-a', '--no-kernel', '--size', '1400'],
    ...['--proto', 'udp', '--dport', '53', '10.245.3.1'],
  ],
  `node-a -> 10.245.3.1   IPIP to node-c at 192.168.20.11 (always)
 1 destination   10.245.3.1 is on node-c, pool second (10.245.0.0/16), block 10.245.3.0/29 of node-c
 2 mode          ipip Always (IPPool second)
 3 outer         192.168.10.11 > 192.168.20.11 protocol 4
 4 size          20 bytes of outer headers; the packet inside may have the underlay's MTU less 20; 1400 + 20 = 1420 bytes
`,
);
test(
  says,
  ['explain', '--node', 'node-a', '--from', '10.244.1.1', '10.244.2.0'],
  `10.244.1.1 -> 10.244.2.0   DIRECT to node-b at 192.168.10.12 (same-subnet)
 1 source        10.244.1.1 is a local workload, pool default (10.244.0.0/16), block 10.244.1.0/29 of node-a
 2 destination   10.244.2.0 is on node-b, pool default (10.244.0.0/16), block 10.244.2.0/29 of node-b
 3 mode          vxlan CrossSubnet (IPPool default)
 4 subnet        node-a 192.168.10.11/24 contains node-b 192.168.10.12: same subnet, sent as it is
kernel not asked: nothing is pinned in /none/encap
`,
);
test(
  says,
  ['get', 'pools'],
  `NAME      CIDR            IPIPMODE   VXLANMODE     BLOCKSIZE   NAT     DISABLED
default   10.244.0.0/16   Never      CrossSubnet   29          true    false
second    10.245.0.0/16   Always     Never         29          false   false
`,
);
test(
  says,
  ['get', 'nodes', '--no-headers'],
  `node-a   192.168.10.11/24   -   10.244.1.0   10.245.1.0
node-b   192.168.10.12/24   -   10.244.2.0   10.245.2.0
node-c   192.168.20.11/24   -   10.244.3.0   10.245.3.0
`,
);
test(
  says,
  ['get', 'blocks', '-o', 'wide'],
  `CIDR            AFFINITY      USED   BORROWED
10.244.1.0/29   host:node-a   3      node-b
10.244.2.0/29   host:node-b   1      -
10.244.3.0/29   host:node-c   2      -
10.245.3.0/29   host:node-c   1      -
`,
);
test(says, ['get', 'ipp', '-o', 'name'], 'default\nsecond\n');
test(
  says,
  ['plan', '--node', 'node-a', '--underlay-mtu', '9000'],
  `node-a   192.168.10.11 in 192.168.10.0/24
tunnel address 10.244.1.0   VTEP MAC 66:07:02:c1:cc:60
mtu 9000: vxlan 8950, ipip 8980, vxlan over IPv6 8930

POOL      CIDR            SAME SUBNET   OTHER SUBNET   ROUTED
default   10.244.0.0/16   direct        vxlan          yes
second    10.245.0.0/16   ipip          ipip           yes

PEER     ADDRESS         SUBNET   TUNNEL ADDRESS   VTEP MAC
node-b   192.168.10.12   same     10.244.2.0       66:89:3a:22:7a:ac
node-c   192.168.20.11   other    10.244.3.0       66:1a:b9:f1:6e:af

BLOCK           NODE     HOW      VIA             POOL
10.244.1.0/29   node-a   local    -               default
10.244.1.2/32   node-b   direct   192.168.10.12   default
10.244.2.0/29   node-b   direct   192.168.10.12   default
10.244.3.0/29   node-c   vxlan    192.168.20.11   default
10.245.1.0/32   node-a   local    -               second
10.245.3.0/29   node-c   ipip     192.168.20.11   second

Nothing was done; \`encap run\` does it.
`,
);

const explains = test.macro({
  async exec(t, destination: string, expected: object) {
    const { stdout, stderr, code } = await encap(
      ['explain', '-f', '-', '--node', 'node-a', '-o', 'json', destination],
      { stdin: world },
    );
    const document = JSON.parse(stdout) as { items: object[] };
    t.like(document, { apiVersion: 'encap/v1', kind: 'Explanation', node: 'node-a' });
    t.like(document.items[0], { destination, ...expected });
    t.is(document.items.length, 1);
    t.is(stderr, '');
    t.is(code, 0);
  },
  title: (_, destination: string, expected: object) =>
    `the JSON of explain ${destination}: ${Object.values(expected).join(' ')}`,
});

test(explains, '10.244.3.1', {
  action: 'vxlan',
  via: '192.168.20.11',
  peer: 'node-c',
  pool: 'default',
  block: '10.244.3.0/29',
});
test(explains, '10.245.3.0', { action: 'ipip', via: '192.168.20.11', pool: 'second' });
test(explains, '10.244.1.2', { action: 'direct', via: '192.168.10.12', peer: 'node-b' });
test(explains, '10.244.1.1', { action: 'local' });
test(explains, '10.244.1.0', { action: 'local', reason: 'tunnel-address' });
test(explains, '10.244.1.5', { action: 'none', reason: 'blackhole' });
test(explains, '10.244.9.9', { action: 'none', reason: 'no-route' });
test(explains, '9.9.9.9', { action: 'none', reason: 'no-route' });
test(explains, '192.168.20.11', { action: 'none', reason: 'host-ip' });
test(explains, '192.168.10.11', { action: 'none', reason: 'host-ip' });

test('all positionals of explain are destinations, answered in their order', async (t) => {
  const words = ['10.244.3.1', '10.244.1.5', '10.244.3.1', 'FD00::1'];
  const { stdout } = await encap(
    ['explain', '-f', '-', '--node', 'node-a', '-o', 'json', ...words],
    { stdin: world },
  );
  const { items } = JSON.parse(stdout) as { items: { destination: string }[] };
  t.deepEqual(
    items.map(({ destination }) => destination),
    words,
  );
});

test('the JSON of plan has node, peers, accepted sources and MTUs', async (t) => {
  const { stdout, code } = await encap(
    ['plan', '-f', '-', '--node', 'node-c', '-o', 'json', '--underlay-mtu', '1500'],
    { stdin: world },
  );
  t.like(JSON.parse(stdout), {
    kind: 'Plan',
    node: {
      name: 'node-c',
      address: '192.168.20.11',
      subnet: '192.168.20.0/24',
      vtepMac: '66:1a:b9:f1:6e:af',
      mtu: { underlay: 1500, vxlan: 1450, vxlanV6: 1430, ipip: 1480 },
    },
    acceptedSources: {
      vxlan: ['192.168.10.11', '192.168.10.12'],
      ipip: ['192.168.10.11', '192.168.10.12'],
    },
  });
  t.is(code, 0);
});

test('plan says what becomes of Calico’s own tunnel devices, where something does', async (t) => {
  const answer = async (...words: readonly string[]): Promise<object> => {
    const args = ['plan', '-f', '-', '--node', 'node-a', '-o', 'json', '--underlay-mtu', '1500'];
    const { stdout } = await encap([...args, ...words], { stdin: world });
    return JSON.parse(stdout) as object;
  };
  t.false('kernelTunnels' in (await answer()));
  t.like(await answer('--coexist'), {
    kernelTunnels: { way: 'coexist', group: null, rules: [], table: null, routes: [] },
  });
  t.like(await answer('--replace-kernel-tunnels'), {
    kernelTunnels: {
      way: 'replace',
      tunnels: [
        {
          name: 'vxlan.calico',
          how: 'taken over',
          routes: 1,
          tunnelAddress: '10.244.1.0',
          vtepMac: '66:07:02:c1:cc:60',
        },
        { name: 'tunl0', how: 'taken over', routes: 1, tunnelAddress: '10.245.1.0', vtepMac: null },
      ],
      routes: [
        { destination: '10.244.0.0/16', mtu: 1450 },
        { destination: '10.245.0.0/16', mtu: 1480 },
      ],
    },
  });
});

test('a list in YAML is read again as the same list', async (t) => {
  const args = ['get', 'blocks', '-f', '-', '-o', 'yaml'];
  const first = await encap(args, { stdin: world });
  const second = await encap(args, { stdin: first.stdout });
  t.is(second.stdout, first.stdout);
  t.is(second.stderr, '');
});

test('valid resources: one line and exit code 0', async (t) => {
  const { stdout, code } = await encap(['validate', '-'], { stdin: world });
  t.is(stdout, '9 resources in 1 file: valid\n');
  t.is(code, 0);
});

const broken = `apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: default
spec:
  cidr: 10.244.0.0/16
  vxlanMode: Crosssubnet
  blocksize: 26
`;

test('invalid resources: each with its line, and exit code 3', async (t) => {
  const { stdout, stderr, code } = await encap(['validate', '-'], { stdin: broken });
  t.regex(
    stdout,
    /^<stdin>:7:14 {2}error {2}spec\.vxlanMode: .*CrossSubnet.*\n {4}7 \| {3}vxlanMode: Crosssubnet\n {6}\| {14}\^{11}\n<stdin>:8:3 {2}error {2}spec\.blocksize: unknown field.*blockSize.*\n/,
  );
  t.regex(stdout, /\n1 resource in 1 file: 2 errors\n$/);
  t.is(stderr, '');
  t.is(code, 3);
});

test('the JSON of validate is the contract, no more', async (t) => {
  const { stdout, code } = await encap(['validate', '-', '-o', 'json'], { stdin: broken });
  const report = JSON.parse(stdout) as { problems: object[] };
  t.like(report, { apiVersion: 'encap/v1', kind: 'ValidationReport', valid: false });
  t.deepEqual(Object.keys(report.problems[0] ?? {}), [
    'severity',
    'file',
    'line',
    'column',
    'path',
    'message',
  ]);
  t.is(code, 3);
});

test('an answer that leaves out refused resources says which, and ends with 3', async (t) => {
  const { stdout, stderr, code } = await encap(['get', 'nodes', '-f', '-', '-o', 'name'], {
    stdin: `${world}---\nkind: [\n`,
  });
  t.is(stdout, 'node-a\nnode-b\nnode-c\n');
  t.regex(stderr, /^<stdin>:\d+:\d+ {2}error/);
  t.regex(stderr, /the answer leaves out what was refused/);
  t.is(code, 3);
});

test('a node that has no Node resource is told, and answered for', async (t) => {
  const { stdout, stderr, code } = await encap(
    ['explain', '-f', '-', '--node', 'node-x', '10.244.3.1', '-o', 'json'],
    { stdin: world },
  );
  t.is((JSON.parse(stdout) as { node: string }).node, 'node-x');
  t.regex(stderr, /no Node is called node-x/);
  t.is(code, 0);
});

test('on a terminal of 80 columns no table line is longer, and columns give way with an ellipsis', (t) => {
  const lacking = noTerminal();
  if (lacking !== undefined) {
    t.log(`skipped: ${lacking}`);
    t.pass();
    return;
  }
  const file = fileWith(t, world.replace('name: default', `name: ${'long-'.repeat(10)}pool`));
  const { text, code } = encapOnTerminal(['get', 'pools', '-f', file, '-o', 'wide'], {
    env: { NO_COLOR: '1' },
  });
  const lines = text.trimEnd().split('\n');
  t.is(lines.length, 3);
  for (const line of lines) t.true(line.length <= 80, line);
  t.true(text.includes('…'));
  t.is(code, 0);
});
