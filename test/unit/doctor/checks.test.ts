import test from 'ava';
import { diagnose } from '../../../src/doctor/diagnosis.js';
import type { Change } from '../../../src/datapath/reconcile.js';
import type { Facts } from '../../../src/doctor/facts.js';
import { fixText, type Finding } from '../../../src/doctor/finding.js';
import type { PathProbe } from '../../../src/doctor/probe/path.js';
import { EncapError } from '../../../src/errors.js';
import type { NodeName } from '../../../src/model/node.js';
import type { Address } from '../../../src/net/address.js';
import type { Mac } from '../../../src/net/mac.js';
import { node, pool, worldOf } from '../model/written.js';
import {
  link,
  network,
  nowMs,
  route,
  status,
  well,
  withDatapath,
  withMachine,
  withNetwork,
  withState,
  withStatus,
} from './well.js';

/** What is wrong, and all that is found. */
interface Case {
  readonly facts: Facts;
  readonly paths?: readonly PathProbe[];
  readonly finds: readonly Finding['id'][];
  readonly severity?: Finding['severity'];
  readonly seen?: RegExp;
  /** Of the first finding. */
  readonly cure: RegExp;
  /** What --fix does; absent: nothing. */
  readonly fix?: string;
}

const finds = test.macro({
  exec(t, { facts, paths, finds, severity = 'fail', seen = /./, cure, fix }: Case) {
    const check = { subject: 'probe', seen: '', findings: [] };
    const probe = paths === undefined ? undefined : { check, paths };
    const { findings, verdict } = diagnose(facts, probe, nowMs);
    t.deepEqual(
      findings.map(({ id }) => id),
      [...finds],
    );
    const [first] = findings;
    t.is(first?.severity, severity);
    t.regex(first?.seen ?? '', seen);
    t.regex(first?.cure ?? '', cure);
    t.is(first?.fix && fixText(first.fix), fix);
    t.is(verdict, severity === 'note' ? 'OK' : 'DEGRADED');
  },
  title: (sentence = '') => sentence,
});

test('of a node that is well there is nothing to say', (t) => {
  const { findings, verdict } = diagnose(well, undefined, nowMs);
  t.deepEqual(findings, []);
  t.is(verdict, 'OK');
});

test('no BPF file system: mounted', finds, {
  facts: withMachine({ bpffs: false }),
  finds: ['kernel-feature'],
  seen: /^\/sys\/fs\/bpf\/encap is in no BPF file system$/,
  cure: /^mount -t bpf bpf \/sys\/fs\/bpf$/,
  fix: 'mount -t bpf bpf /sys/fs/bpf',
});
test('none at a folder of one’s own: the standard one would not help', finds, {
  facts: withMachine({ bpffs: false, pins: '/opt/pins' }),
  finds: ['kernel-feature'],
  cure: /^mkdir -p \/opt\/pins && mount -t bpf bpf \/opt\/pins, or /,
});
test('no JIT: switched on', finds, {
  facts: withMachine({ jit: false }),
  finds: ['kernel-feature'],
  severity: 'warn',
  cure: /^sysctl -w net\.core\.bpf_jit_enable=1, then start the agent anew$/,
  fix: 'sysctl -w net/core/bpf_jit_enable=1',
});
test('no BTF: another kernel', finds, {
  facts: withMachine({ btf: false }),
  finds: ['kernel-feature'],
  severity: 'warn',
  cure: /CONFIG_DEBUG_INFO_BTF=y/,
});
test('a capability is missing: by its name', finds, {
  facts: withMachine({ missing: ['CAP_BPF'], jit: undefined, tcx: undefined }),
  finds: ['capability'],
  seen: /no CAP_BPF$/,
  cure: /^run it as root: sudo encap doctor; in a pod: securityContext\.capabilities\.add$/,
});
test('no datapath: an agent makes it', finds, {
  facts: {
    ...well,
    datapath: new EncapError('cannot read the datapath', { code: 'DATAPATH_ABSENT' }),
  },
  finds: ['datapath-absent'],
  cure: /^start the agent: systemctl start encap, or sudo encap run/,
});
test('no agent', finds, {
  facts: { ...well, agent: undefined },
  finds: ['no-agent'],
  severity: 'warn',
  cure: /^start the agent: /,
});
test('pins that can’t be read: an agent makes them anew', finds, {
  facts: {
    ...well,
    datapath: new EncapError('cannot read the datapath: no such file', { code: 'KERNEL_REFUSED' }),
  },
  finds: ['maps-unreadable'],
  cure: /^start the agent: systemctl start encap, .*makes anew/,
});
test('a block of no peer: an agent’s first round', finds, {
  facts: withStatus({ peers: status.peers.filter(({ index }) => index === 2) }),
  finds: ['maps-inconsistent'],
  seen: /10\.244\.3\.0\/26 is of peer 3/,
  cure: /^start the agent: .*puts all tables right$/,
});
test('a program that is pinned and on nothing', finds, {
  facts: withStatus({
    programs: status.programs.map((one) => ({ ...one, attachedTo: undefined, attach: undefined })),
  }),
  finds: ['program-detached', 'program-detached'],
  cure: /^start the agent: .*it attaches it/,
});
test('programs of others before ours: whose they are', finds, {
  facts: withDatapath({ before: { egress: [], ingress: [71, 72] } }),
  finds: ['program-behind'],
  severity: 'note',
  seen: /^2 other programs come before the ingress program on eth0: id 71, 72$/,
  cure: /^bpftool prog show id 71: /,
});
test('no state file', finds, {
  facts: { ...well, state: undefined },
  finds: ['state-missing'],
  severity: 'warn',
  cure: /^see the agent’s log/,
});
test('an agent of tomorrow: the clock was set back', finds, {
  facts: withState({ startedAt: '2026-11-30T11:00:00Z' }),
  finds: ['clock-jumped'],
  severity: 'note',
  cure: /timedatectl$/,
});
test('what the agent complains of, with its own hint', finds, {
  facts: withState({
    faults: [{ short: 'no 192.168.10.11', message: 'no interface has it', hint: 'ip address add' }],
  }),
  finds: ['agent-fault'],
  severity: 'warn',
  seen: /^no interface has it$/,
  cure: /^ip address add$/,
});
test('a pool that is not carried, with the agent’s hint, and no route is missed', finds, {
  facts: {
    ...withNetwork({ ownRoutes: [] }),
    state: withState({
      notCarried: { '10.244.0.0/16': { short: 'x', message: 'too small', hint: 'give it more' } },
    }).state,
  },
  finds: ['pool-not-carried'],
  seen: /^too small$/,
  cure: /^give it more$/,
});

test('the uplink is gone', finds, {
  facts: withNetwork({ links: [link(7, 'eth0')], routes: [] }),
  finds: ['uplink-down'],
  seen: /eth0 is gone$/,
  cure: /a running agent takes it up again$/,
});
test('the uplink is down', finds, {
  facts: withNetwork({ links: [link(2, 'eth0', { up: false, lowerUp: false })], routes: [] }),
  finds: ['uplink-down'],
  cure: /^ip link set eth0 up$/,
});
test('the uplink has no carrier', finds, {
  facts: withNetwork({ links: [link(2, 'eth0', { lowerUp: false })], routes: [] }),
  finds: ['uplink-down'],
  seen: /no carrier$/,
  cure: /^see the cable/,
});
test('no forwarding at all: ip_forward', finds, {
  facts: withNetwork({ ipForward: false, ...withForwards({ ipv4: false, ipv6: true }) }),
  finds: ['forwarding-off'],
  cure: /^sysctl -w net\/ipv4\/ip_forward=1, /,
  fix: 'sysctl -w net/ipv4/ip_forward=1',
});
test('none on the uplink alone: its own switch, for writing 1 over 1 changes nothing', finds, {
  facts: withNetwork(withForwards({ ipv4: false, ipv6: true })),
  finds: ['forwarding-off'],
  seen: /\(net\.ipv4\.conf\.eth0\.forwarding\)$/,
  cure: /^sysctl -w net\/ipv4\/conf\/eth0\/forwarding=1, /,
  fix: 'sysctl -w net/ipv4/conf/eth0/forwarding=1',
});
test('a route of others into a pool, and strict rp_filter', finds, {
  facts: withNetwork({
    links: [...network.links, link(9, 'old-tunnel')],
    routes: [...network.routes, route('10.244.3.0/26', 9)],
  }),
  finds: ['route-elsewhere', 'rp-filter'],
  seen: /^10\.244\.3\.0\/26 is of node-c, .* by old-tunnel$/,
  cure: /^ip route delete 10\.244\.3\.0\/26 dev old-tunnel, /,
});
test('no route for a pool, nor the next hop of such routes', finds, {
  facts: withNetwork({ ownRoutes: [], ownNeighbours: [] }),
  finds: ['pool-route-missing', 'nobody-missing'],
  cure: /systemctl start encap$/,
});
test('a next hop that nobody answers for: a peer', finds, {
  facts: withNetwork({ neighbours: [neighbour('192.168.10.12', 'failed')] }),
  finds: ['neighbour-unresolved'],
  cure: /arping -I eth0 192\.168\.10\.12$/,
});
test('or the router', finds, {
  facts: withNetwork({ neighbours: [neighbour('192.168.10.1', 'incomplete')] }),
  finds: ['neighbour-unresolved'],
  cure: /arping -I eth0 192\.168\.10\.1$/,
});
test('a next hop with a MAC for good', finds, {
  facts: withNetwork({ neighbours: [neighbour('192.168.10.12', 'permanent')] }),
  finds: ['neighbour-permanent'],
  severity: 'warn',
  cure: /^ip neighbour delete 192\.168\.10\.12 dev eth0: /,
});
test('who is no next hop of ours may be away', (t) => {
  const facts = withNetwork({ neighbours: [neighbour('192.168.10.99', 'failed')] });
  t.deepEqual(diagnose(facts, undefined, nowMs).findings, []);
});
test('a kernel tunnel that carries our pools: taken over, or meant so', finds, {
  facts: withState({ kernelTunnels: [{ name: 'vxlan.calico', how: 'carries', routes: 3 }] }),
  finds: ['kernel-tunnel'],
  severity: 'warn',
  seen: /^vxlan\.calico carries what 3 routes lead to$/,
  cure: /encap run --replace-kernel-tunnels; .*kernelTunnels: coexist/,
});
test('one that is meant to is none', (t) => {
  const facts = withState({
    kernelTunnels: [{ name: 'vxlan.calico', how: 'coexists', routes: 3 }],
  });
  t.deepEqual(diagnose(facts, undefined, nowMs).findings, []);
});
for (const [vni, severity] of [
  [4096, 'warn'],
  [7, 'note'],
] as const)
  test(`a vxlan device of others on our port, VNI ${vni}`, finds, {
    facts: withNetwork({ links: [...network.links, vxlanDevice(vni)] }),
    finds: ['vxlan-device'],
    severity,
    cure: /^ip -d link show other: .*another port \(vxlanPort\)$/,
  });

const dropping = {
  ...{ where: 'netdev edge in', what: 'UDP 4789 (VXLAN)', family: 'netdev', devices: ['eth1'] },
};
test('a rule that drops tunnels, on a port of the uplink, is between us and the wire', finds, {
  facts: withNetwork({
    links: [...network.links, link(8, 'eth1', { master: 2 })],
    rules: [dropping],
  }),
  finds: ['firewall-rule'],
  severity: 'warn',
  cure: /^nft -a list chain netdev edge in, .*: nft delete rule netdev edge in handle N$/,
});
test('on the uplink itself our programs are ahead of it', finds, {
  facts: withNetwork({ rules: [{ ...dropping, devices: ['eth0'] }] }),
  finds: ['firewall-rule'],
  severity: 'note',
  cure: /^nft /,
});
for (const [kind, severity] of [
  ['bridge', 'warn'],
  [undefined, 'note'],
] as const)
  test(`one of the family bridge, the uplink being ${kind ?? 'none'}`, finds, {
    facts: withNetwork({
      links: [link(2, 'eth0', { kind })],
      routes: [],
      rules: [{ ...dropping, family: 'bridge', devices: [] }],
    }),
    finds: ['firewall-rule'],
    severity,
    cure: /^nft /,
  });

test('two nodes with one VTEP MAC', finds, {
  facts: withStatus({
    peers: status.peers.map((one) => ({ ...one, vtepMac: '66:00:00:00:00:02' as Mac })),
  }),
  finds: ['vtep-mac-duplicate'],
  seen: /66:00:00:00:00:02 is of node-b and node-c$/,
  cure: /^correct spec\.vxlanTunnelMACAddr of one of the two Nodes, or remove it/,
});
test('two nodes with one address', finds, {
  facts: withStatus({
    peers: status.peers.map((one) => ({ ...one, underlay: '192.168.10.12' as Address })),
  }),
  finds: ['address-duplicate'],
  seen: /^the address 192\.168\.10\.12 is of node-b and node-c$/,
  cure: /^correct spec\.bgp of one of the two Nodes/,
});
test('one node with two entries is one node', (t) => {
  const peers = status.peers.map((one) => ({ ...one, node: 2, vtepMac: '66::' as Mac }));
  t.deepEqual(diagnose(withStatus({ peers }), undefined, nowMs).findings, []);
});

const self = node({ bgp: { ipv4Address: '192.168.10.11/24' } });
const vxlanPool = pool({ cidr: '10.244.0.0/16', vxlanMode: 'Always', ipipMode: 'Never' });

test('resources that can’t be read, with the reader’s hint', finds, {
  facts: {
    ...well,
    cluster: {
      world: new EncapError('cannot read /nowhere', { code: 'FILE_UNREADABLE', hint: 'name it' }),
      ...{ node: 'node-a' as NodeName, words: '-f /nowhere', changes: undefined },
    },
  },
  finds: ['resources-unread'],
  severity: 'warn',
  cure: /^name it$/,
});
test('a Node without an address', finds, {
  facts: compared([self, node({}, 'node-b')]),
  finds: ['node-without-address'],
  severity: 'warn',
  seen: /^a Node has no address: node-b$/,
  cure: /IP_AUTODETECTION_METHOD.*spec\.bgp\.ipv4Address/,
});
test('no Node of this name', finds, {
  facts: compared([node({}, 'node-z')]),
  finds: ['calico-settings', 'node-without-address'],
  severity: 'warn',
  seen: /no Node node-a$/,
  cure: /encap doctor --node NAME \(encap get nodes -f x\)$/,
});
test('a pool that wants what Felix has off', finds, {
  facts: compared([self, vxlanPool, felix({ vxlanEnabled: false })]),
  finds: ['calico-settings'],
  severity: 'warn',
  seen: /^IPPool a: nothing is sent to its addresses: FelixConfiguration vxlanEnabled is false$/,
  cure: /^calicoctl patch felixconfiguration default --patch '\{"spec":\{"vxlanEnabled":null\}\}', or/,
});
for (const [sentence, ...resources] of [
  ['vxlanEnabled is for IPv4 alone', pool({ cidr: 'fd00:244::/48', vxlanMode: 'Always' })],
  ['devices that we replace may be off', vxlanPool, nodeConfig({ kernelTunnels: 'replace' })],
] as const)
  test(sentence, (t) => {
    const facts = compared([self, felix({ vxlanEnabled: false }), ...resources]);
    t.deepEqual(diagnose(facts, undefined, nowMs).findings, []);
  });
test('the programs have another VNI than the resources', finds, {
  facts: compared([self, vxlanPool, felix({ vxlanVNI: 4097 })]),
  finds: ['vni-differs'],
  seen: /VNI 4096 and port 4789, the resources say 4097 and 4789$/,
  cure: /FELIX_VXLANVNI.*start it anew$/,
});
test('the kernel is not as the resources say', finds, {
  facts: compared([self], [{ table: 'peers', action: 'put', key: '2' }]),
  finds: ['tables-differ'],
  severity: 'warn',
  cure: /encap run -f x --dry-run$/,
});

for (const [secondsAgo, severity] of [
  [3, 'warn'],
  [60, 'note'],
] as const)
  test(`a stranger of ${secondsAgo} seconds ago`, finds, {
    facts: withStatus({ strangers: [{ address: '10.9.9.9' as Address, packets: 7, secondsAgo }] }),
    finds: ['stranger'],
    severity,
    cure: /externalNodesList$/,
  });
test('a node that this one heard of after its first packets is no stranger', (t) => {
  const strangers = [{ address: '192.168.10.12' as Address, packets: 7, secondsAgo: 3 }];
  t.deepEqual(diagnose(withStatus({ strangers }), undefined, nowMs).findings, []);
});
test('VXLAN of another VNI', finds, {
  facts: withDatapath({ growth: new Map([['foreign_vni', 9]]) }),
  finds: ['foreign-vni'],
  severity: 'warn',
  seen: /^9 VXLAN packets with another VNI than 4096 just now, on port 4789$/,
  cure: /^tcpdump -ni eth0 udp port 4789: /,
});
test('a workload with an address that is not its own', finds, {
  ...{ facts: counted('src_spoof', 4, 4), finds: ['spoofed-source'], severity: 'warn' },
  cure: /^find the workload: tcpdump /,
});
test('packets are dropped just now', finds, {
  ...{ facts: counted('no_block', 9, 4), finds: ['dropping'], severity: 'warn' },
  seen: /^4 packets dropped just now: no_block$/,
  cure: /encap status/,
});
test('they were dropped before', finds, {
  ...{ facts: counted('no_block', 9, 0), finds: ['dropped'], severity: 'note' },
  seen: /no_block 9$/,
  cure: /encap map dump verdicts$/,
});

test('a pool’s MTU that the uplink has no room for', finds, {
  facts: withNetwork({ links: [link(2, 'eth0', { mtu: 1400 })], routes: [] }),
  finds: ['mtu-setting'],
  seen: /may have 1450 bytes, and eth0 leaves 1350 beside vxlan$/,
  cure: /to 0 \(auto\) or 1350 \(vxlanMTU, .*or give eth0 a larger one$/,
});
test('workloads’ interfaces that are larger than their pool', finds, {
  facts: withNetwork({ links: [link(2, 'eth0'), link(3, 'cali1')] }),
  finds: ['workload-mtu'],
  severity: 'warn',
  seen: /^1 workload interfaces .* pool’s 1450: cali1 1500$/,
  cure: /^set mtu: 1450 in the CNI configuration/,
});
test('a router said what a path takes', finds, {
  facts: withDatapath({ paths: [{ index: 3, mtu: 1400, secondsLeft: 60 }] }),
  ...{ finds: ['path-mtu'], severity: 'note' },
  seen: /^routers on the way to node-c said that it takes 1400 bytes, not 1500$/,
  cure: /mtu: \{underlay: 1400\} in the NodeConfig/,
});
test('a probe was told so', finds, {
  ...{ facts: well, paths: [path({ how: 'told', mtu: 1400, by: '192.168.10.1' })] },
  ...{ finds: ['path-mtu'], severity: 'warn' },
  seen: /192\.168\.10\.1 says so$/,
  cure: /mtu: \{underlay: 1400\}/,
});
test('a black hole', finds, {
  ...{ facts: well, paths: [path({ how: 'silent', mtu: 1400 })] },
  ...{ finds: ['mtu-blackhole'] },
  cure: /ICMP.*mtu: \{underlay: 1400\}/,
});
test('a peer that is not there', finds, {
  ...{ facts: well, paths: [path({ how: 'unreachable' })] },
  ...{ finds: ['underlay-unreachable'] },
  cure: /ping node-c$/,
});

/** The node beside these resources. */
function compared(resources: readonly object[], changes: readonly Change[] = []): Facts {
  const world = worldOf(resources);
  return { ...well, cluster: { world, node: 'node-a' as NodeName, words: '-f x', changes } };
}

function nodeConfig(spec: object): object {
  return { apiVersion: 'encap/v1', kind: 'NodeConfig', ...spec };
}

function felix(spec: object): object {
  const metadata = { name: 'default' };
  return { apiVersion: 'projectcalico.org/v3', kind: 'FelixConfiguration', metadata, spec };
}

function withForwards(forwards: Readonly<Record<'ipv4' | 'ipv6', boolean>>) {
  const { sysctls } = network;
  return sysctls === undefined ? {} : { sysctls: { ...sysctls, forwards } };
}

function neighbour(address: string, reachability: 'failed' | 'incomplete' | 'permanent') {
  const mac = reachability === 'permanent' ? '02:00:00:00:00:99' : undefined;
  return { index: 2, family: 'ipv4' as const, address, mac, state: reachability, proxy: false };
}

function vxlanDevice(vni: number) {
  const vxlan = { port: 4789, vni, local: undefined, external: false, vniFilter: false };
  return link(9, 'other', { kind: 'vxlan', vxlan });
}

function path(result: PathProbe['result']): PathProbe {
  return { peer: 'node-c', address: '192.168.20.11' as Address, result };
}

/** A verdict with so many packets, some of them while the doctor looked. */
function counted(verdict: string, packets: number, grown: number): Facts {
  const none = { packets: 0n, bytes: 0n };
  const egress = { packets: BigInt(packets), bytes: 0n };
  return withDatapath({
    status: { ...status, verdicts: [{ verdict, kind: 'drop', egress, ingress: none }] },
    growth: grown === 0 ? new Map() : new Map([[verdict, grown]]),
  });
}
