import test from 'ava';
import type { Diagnosis } from '../../src/doctor/diagnosis.js';
import type { Finding } from '../../src/doctor/finding.js';
import { breakLab, mend } from '../../src/lab/break.js';
import { down } from '../../src/lab/down.js';
import { nft } from '../../src/lab/nft.js';
import { labNames, type Lab } from '../../src/lab/state.js';
import { topologyFile } from '../../src/lab/topology/file.js';
import { layOut } from '../../src/lab/topology/lay-out.js';
import { raise } from '../../src/lab/up.js';
import { ask, doctor, idsOf } from '../support/doctor.js';
import { ran, sharedLab } from '../support/lab.js';
import { skips, skipsFor } from '../support/needs.js';
import { Network, obstacle } from '../support/network/network.js';
import { within } from '../support/slowness.js';

// Probes by what is not VXLAN over IPv4 alone: `doctor.test.ts` has that.

const ipip = sharedLab(test, 'ipip', { name: 'probes4' });
const dual = sharedLab(test, 'dual-stack', { name: 'probes6' });

const network = topologyFile.parse({
  ...{ apiVersion: 'encap/v1', kind: 'LabTopology' },
  subnets: [
    { name: 'east', cidr: '192.168.10.0/24' },
    { name: 'west', cidr: '192.168.20.0/24' },
  ],
  pools: [
    { name: 'by-vxlan', cidr: '10.244.0.0/16', vxlanMode: 'Always' },
    { name: 'by-ipip', cidr: '10.245.0.0/16', ipipMode: 'Always' },
  ],
  nodes: [
    { name: 'node-a', subnet: 'east', workloads: 1 },
    { name: 'node-b', subnet: 'west', workloads: 1 },
  ],
});
const name = `probes-both-${process.pid}`;
let built: Promise<Lab> | undefined;
const both = () =>
  (built ??= raise('both', layOut(network, '.'), { name, patienceMs: within(20_000) }));
test.after.always(async () => {
  if (labNames().includes(name)) await down(name);
});

interface Case {
  readonly lab: () => Promise<Lab>;
  readonly make: (own: Lab) => Promise<unknown>;
  readonly mend: (own: Lab) => Promise<unknown>;
  /** By node-a. */
  readonly finds: readonly Finding['id'][];
  /** What is said of the first of them, and its cure. */
  readonly seen?: RegExp;
  readonly cure?: RegExp;
}

const probes = test.macro({
  async exec(t, { lab, make, mend: undo, finds, seen = /./, cure = /./ }: Case) {
    if (skips(t, 'ip', 'nsenter', 'ping', 'nft', 'ethtool')) return;
    const own = await lab();
    try {
      await make(own);
      const { findings, code, text } = await doctor(own, 'node-a', '--probe');
      const worse = findings.filter(({ severity }) => severity !== 'note');
      t.deepEqual(idsOf(worse), [...finds], text);
      t.is(code, finds.length === 0 ? 0 : 7);
      if (worse[0] === undefined) return;
      t.regex(worse[0].seen, seen);
      t.regex(worse[0].cure, cure);
    } finally {
      await undo(own);
    }
  },
  title: (sentence = '') => sentence,
});

const nothing = () => Promise.resolve();

/** Those of the lab itself. */
function faults(...names: readonly string[]): Pick<Case, 'make' | 'mend'> {
  return {
    make: async (own) => {
      for (const name of names) await breakLab(name, own.name);
    },
    mend: (own) => mend(undefined, own.name),
  };
}

/** Rules at the router, in a table of this test's own. */
function filtered(table: string, chain: string): Pick<Case, 'make' | 'mend'> {
  return {
    make: (own) => ran(own, 'router', nft, `table ${table} { chain one { ${chain} }; }`),
    mend: (own) => ran(own, 'router', nft, `delete table ${table}`),
  };
}

test.serial('IP-in-IP that is well', probes, {
  ...{ lab: ipip, make: nothing, mend: nothing, finds: [] },
});

test.serial('protocol 4 is filtered: its number is named, and no port', probes, {
  ...{ lab: ipip, ...faults('firewall'), finds: ['tunnel-blocked'] },
  seen: /^what this node sends to node-[bc] in IP-in-IP does not arrive; what comes from there does$/,
  cure: /^let protocol 4 \(IP-in-IP\) through between all nodes/,
});

test.serial('UDP 4789 is not of IP-in-IP', probes, {
  ...filtered('bridge test', 'type filter hook prerouting priority 0; udp dport 4789 drop;'),
  ...{ lab: ipip, finds: [] },
});

test.serial('a NIC that computes wrong checksums in IP-in-IP', probes, {
  ...{ lab: ipip, ...faults('offload'), finds: ['checksum-offload'] },
  seen: /in the IP-in-IP tunnel/,
  cure: /^ethtool -K eth0 tx-checksum-ip-generic off /,
});

test.serial('a black hole below IP-in-IP', probes, {
  ...{ lab: ipip, ...faults('blackhole'), finds: ['mtu-blackhole'] },
  seen: /^packets to node-c of more than 1400 bytes \(of 1500\) are lost/,
  cure: /ICMP .*mtu: \{underlay: 1400\}/,
});

test.serial('of two encapsulations to one node, both are tried', probes, {
  ...filtered('bridge test', 'type filter hook prerouting priority 0; ip protocol 4 drop;'),
  ...{ lab: both, finds: ['tunnel-blocked'] },
  seen: /^node-b answers without a tunnel, and not in IP-in-IP$/,
  cure: /^let protocol 4 /,
});

test.serial('and the other one', probes, {
  ...filtered('bridge test', 'type filter hook prerouting priority 0; udp dport 4789 drop;'),
  ...{ lab: both, finds: ['tunnel-blocked'] },
  seen: /^node-b answers without a tunnel, and not in VXLAN$/,
  cure: /^let UDP 4789 /,
});

test.serial('IPv6 that is well: each node is tried by both families', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping')) return;
  const { stdout, exitCode } = await ask(await dual(), 'node-a', ['--probe']);
  t.is(exitCode, 0, stdout);
  const { checks } = JSON.parse(stdout) as { checks: { subject: string; seen: string }[] };
  // node-b is in the same subnet: nothing is in a tunnel there.
  t.is(
    checks.find(({ subject }) => subject === 'probe')?.seen,
    '4 peers on the underlay, 2 of them by their tunnel',
  );
});

test.serial('VXLAN is filtered for IPv6 alone', probes, {
  ...filtered(
    'bridge test',
    'type filter hook prerouting priority 0; iifname "node-a" ip6 daddr fd00:20::/64 udp dport 4789 drop;',
  ),
  ...{ lab: dual, finds: ['tunnel-blocked'] },
  seen: /^what this node sends to node-c in VXLAN does not arrive; what comes from there does$/,
  cure: /^let UDP 4789 \(VXLAN\) through/,
});

test.serial('a wrong VNI, by both families', probes, {
  ...{ lab: dual, ...faults('wrong-vni'), finds: ['vni-mismatch'] },
  seen: /^node-c answers in VXLAN with another VNI than ours, 4096$/,
  cure: /FELIX_VXLANVNI/,
});

// UDP 8, VXLAN 8, Ethernet 14, IPv6 40 with TCP, whose checksum is 16 in.
test.serial('a NIC that computes wrong checksums in VXLAN of IPv6', probes, {
  ...filtered(
    'bridge test',
    'type filter hook prerouting priority 0; iifname "node-a" ip6 daddr fd00:20::/64 udp dport 4789 @th,288,8 6 @th,688,16 set 0xdead;',
  ),
  ...{ lab: dual, finds: ['checksum-offload'] },
  seen: /^node-c answers ping in the VXLAN tunnel/,
});

/** The router takes 1400 bytes only for node-c's subnet. */
async function narrow(own: Lab, bytes: number): Promise<void> {
  await ran(own, 'router', 'ip', 'link', 'set', 'dev', 'west', 'mtu', `${bytes}`);
}

const silence = filtered(
  'ip6 test',
  'type filter hook output priority 0; icmpv6 type packet-too-big drop;',
);

test.serial('a black hole for IPv6 alone: its router says nothing of it', probes, {
  lab: dual,
  make: async (own) => {
    await narrow(own, 1400);
    await silence.make(own);
  },
  mend: async (own) => {
    await silence.mend(own);
    await narrow(own, 1500);
  },
  finds: ['mtu-blackhole', 'path-mtu'],
  seen: /^packets to node-c of more than 1400 bytes \(of 1500\) are lost/,
  cure: /ICMPv6 “packet too big”/,
});

test.serial('encap mtu --probe finds both paths to a node', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping')) return;
  const { stdout } = await ask(await dual(), 'node-a', ['--probe', 'node-b'], 'mtu');
  const { paths } = JSON.parse(stdout) as {
    paths: { address: string; mtu: number; how: string }[];
  };
  t.deepEqual(paths.map(({ address, mtu, how }) => `${address} ${mtu} ${how}`).sort(), [
    '192.168.10.12 1500 full',
    'fd00:10::12 1500 full',
  ]);
});

for (const ipv6PoolsOver of ['ipv6', 'ipv4'] as const)
  test.serial(`IP-in-IP, and IPv6 in IP over ${ipv6PoolsOver}`, async (t) => {
    if (skipsFor(t, obstacle()) || skips(t, 'ip', 'nsenter', 'ping')) return;
    const modes = { ipipMode: 'Always', ipv6: { ipipMode: 'Always' } } as const;
    await using two = new Network(
      { ...modes, beyondCalico: { ip6ip: true, ipv6PoolsOver } },
      'dual-stack',
    );
    const blocked = (): readonly Finding[] => {
      const words = ['doctor', '--probe', '-f', two.manifests, '--node', 'node-a', '-o', 'json'];
      const { findings } = JSON.parse(two.ended('a', ...words).stdout) as Diagnosis;
      return findings.filter(({ id }) => id === 'tunnel-blocked');
    };
    await two.command('a');
    await two.command('b');
    t.deepEqual(blocked(), []);
    await two.endAgents();
    two.encap('b', 'down', '--yes');
    const [first, second, ...more] = blocked();
    t.is(first?.seen, 'node-b answers without a tunnel, and not in IP-in-IP');
    t.regex(first?.cure ?? '', /^let protocol 4 /);
    t.is(second?.seen, 'node-b answers without a tunnel, and not in IPv6 in IP');
    t.regex(second?.cure ?? '', /^let protocol 41 /);
    t.deepEqual(more, []);
  });
