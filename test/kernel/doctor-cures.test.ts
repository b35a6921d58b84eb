import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { generations, type Generation } from '../../src/datapath/generation.js';
import { functionOf } from '../../src/datapath/load.js';
import { openMaps } from '../../src/datapath/maps.js';
import { stateFile } from '../../src/datapath/state.js';
import { mapTables } from '../../src/datapath/tables/index.js';
import type { Finding } from '../../src/doctor/finding.js';
import { encap, nodeEnvironment } from '../../src/lab/agent.js';
import { inside, runInside } from '../../src/lab/namespace.js';
import { nft } from '../../src/lab/nft.js';
import { haltAgent, restart } from '../../src/lab/restart.js';
import { namespaceOf, pinFolder, readLab, runFolder, type Lab } from '../../src/lab/state.js';
import { diagnosed, doctor, idsOf } from '../support/doctor.js';
import { ForeignPrograms } from '../support/foreign-programs.js';
import { on, ran, sharedLab } from '../support/lab.js';
import { skips } from '../support/needs.js';

// What no fault of `encap lab break` shows: each is made, found, and gone after what the doctor says of it was done.

const lab = sharedLab(test, 'crosssubnet', { name: 'cures' });

interface Case {
  readonly node: 'node-a' | 'node-b' | 'node-c';
  readonly words?: readonly string[];
  readonly make: (own: Lab) => Promise<unknown>;
  /** All that is found; what was dropped before is no matter. */
  readonly finds: readonly Finding['id'][];
  /** Takes each finding's cure by its id; what it says must be what is done. */
  readonly cure: (own: Lab, cures: Cures) => Promise<unknown>;
}

type Cures = Readonly<Partial<Record<Finding['id'], string>>>;

const cures = test.macro({
  async exec(t: ExecutionContext, { node, words = [], make, finds, cure }: Case) {
    if (skips(t, 'ip', 'nsenter', 'ping', 'nft', 'sysctl')) return;
    const own = await lab();
    await make(own);
    const ill = await doctor(own, node, ...words);
    const found = ill.findings.filter(({ id }) => id !== 'dropped');
    await cure(own, Object.fromEntries(found.map((one) => [one.id, one.cure])));
    t.deepEqual(idsOf(found), [...finds].sort(), ill.text);
    const healed = await doctor(own, node, ...words);
    t.deepEqual(
      healed.findings.filter(({ id }) => id !== 'dropped'),
      [],
      healed.text,
    );
    t.is(healed.code, 0);
  },
  title: (sentence = '') => sentence,
});

test.serial('a link without carrier, seen from its own node', cures, {
  node: 'node-b',
  make: (own) => ran(own, 'router', 'ip', 'link', 'set', 'node-b', 'down'),
  finds: ['uplink-down'],
  cure: async (own, said) => {
    says(said['uplink-down'], /^see the cable/);
    await ran(own, 'router', 'ip', 'link', 'set', 'node-b', 'up');
    await answers(own, 'node-a', '192.168.10.12');
  },
});

test.serial('and from the one beside it', cures, {
  node: 'node-a',
  words: ['--probe'],
  make: async (own) => {
    await ran(own, 'router', 'ip', 'link', 'set', 'node-b', 'down');
    await ran(own, 'node-a', 'ip', 'neighbour', 'flush', 'to', '192.168.10.12');
    await ping(own, 'node-a', '192.168.10.12');
  },
  finds: ['neighbour-unresolved', 'underlay-unreachable'],
  cure: async (own, said) => {
    says(said['neighbour-unresolved'], /^see whether it is up .*arping -I eth0 192\.168\.10\.12$/);
    says(said['underlay-unreachable'], /^see whether it is up/);
    await ran(own, 'router', 'ip', 'link', 'set', 'node-b', 'up');
    await answers(own, 'node-a', '192.168.10.12');
  },
});

test.serial('an uplink that is down', cures, {
  node: 'node-c',
  make: async (own) => {
    await ran(own, 'node-c', 'ip', 'link', 'set', 'eth0', 'down');
    await sleep(1000);
  },
  finds: ['pool-route-missing', 'tables-differ', 'uplink-down'],
  cure: async (own, said) => {
    await ran(own, 'node-c', ...(said['uplink-down'] ?? '').split(' '));
    await ran(own, 'node-c', ...'ip route add default via 192.168.20.1'.split(' '));
    await answers(own, 'node-c', '192.168.10.11');
    await settled(own);
  },
});

test.serial('programs of others before ours', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'clang', 'bpftool')) return;
  const own = await lab();
  using others = new ForeignPrograms(namespaceOf(own.name, 'node-a'), 'eth0');
  others.add('ingress', 'head');
  const ill = await doctor(own, 'node-a');
  const behind = ill.findings.find(({ id }) => id === 'program-behind');
  t.regex(behind?.seen ?? '', /^1 other programs come before the ingress program on eth0: id \d+$/);
  t.is(ill.code, 0, 'a note');
  const [command = ''] = (behind?.cure ?? '').split(':');
  t.regex(await ran(own, 'node-a', ...command.split(' ')), /somebodys/);
  others.remove(1);
  others.add('ingress', 'tail');
  t.false(idsOf((await doctor(own, 'node-a')).findings).includes('program-behind'));
});

test.serial('the uplink alone does not forward: --fix finds its own switch', cures, {
  node: 'node-c',
  make: (own) => ran(own, 'node-c', 'sysctl', '-qw', 'net.ipv4.conf.eth0.forwarding=0'),
  finds: ['forwarding-off'],
  cure: async (own, said) => {
    says(said['forwarding-off'], /^sysctl -w net\/ipv4\/conf\/eth0\/forwarding=1, /);
    says((await doctor(own, 'node-c', '--fix')).text, /# sysctl -w .*=1 +\(forwarding-off\)/);
  },
});

test.serial('a vxlan device of others on our port', cures, {
  node: 'node-c',
  make: (own) => vxlan(own, 'node-c', 'other', '7'),
  finds: ['vxlan-device'],
  cure: async (own, said) => {
    says(said['vxlan-device'], /^ip -d link show other: .*give one of the two another port/);
    await ran(own, 'node-c', 'ip', 'link', 'delete', 'other');
    await vxlan(own, 'node-c', 'other', '7', '4790');
  },
});

test.serial('Calico’s own device carries a block of our pool', cures, {
  node: 'node-c',
  make: async (own) => {
    await vxlan(own, 'node-c', 'vxlan.calico', '4096');
    await ran(own, 'node-c', 'ip', 'route', 'add', '10.244.1.0/26', 'dev', 'vxlan.calico');
    await settled(own);
  },
  finds: ['agent-fault', 'kernel-tunnel'],
  cure: async (own, said) => {
    says(said['kernel-tunnel'], /or mean it so: kernelTunnels: coexist in the NodeConfig$/);
    says(said['agent-fault'], /^kernelTunnels: replace or coexist in the NodeConfig/);
    const config = { apiVersion: 'encap/v1', kind: 'NodeConfig', kernelTunnels: 'coexist' };
    writeFileSync(join(own.manifests, 'node-config.yaml'), JSON.stringify(config));
    await settled(own);
  },
});

test.serial('a rule for tunnels on the uplink, which our programs are ahead of', cures, {
  node: 'node-c',
  words: ['--probe'],
  make: async (own) => {
    await ran(own, 'node-c', 'ip', 'link', 'delete', 'vxlan.calico');
    rmSync(join(own.manifests, 'node-config.yaml'));
    await settled(own);
    const hook = 'type filter hook ingress device eth0 priority 0; udp dport 4789 drop;';
    await ran(own, 'node-c', nft, `table netdev edge { chain in { ${hook} }; }`);
  },
  finds: ['firewall-rule'],
  cure: async (own, said) => {
    const [list = '', remove = ''] = (said['firewall-rule'] ?? '').split(/, .*?: /);
    const listed = await ran(own, 'node-c', ...list.replace(/^nft/, nft).split(' '));
    const [, handle = ''] = /udp dport 4789 drop # handle (\d+)/.exec(listed) ?? [];
    const taken = remove.replace(/^nft/, nft).replace(/N$/, handle);
    await ran(own, 'node-c', ...taken.split(' '));
  },
});

test.serial('the state file is gone, and no agent to write it', cures, {
  node: 'node-c',
  make: async (own) => {
    await halt(own);
    rmSync(stateFile(runFolder(own.name, 'node-c')));
  },
  finds: ['no-agent', 'state-missing'],
  cure: (own, said) => startAgent(own, said, 'no-agent', 'state-missing'),
});

test.serial('a program’s pin is gone', cures, {
  node: 'node-c',
  make: async (own) => {
    await halt(own);
    const generation = pinned(own, 'node-c');
    rmSync(generation.program(generation.builds()[0] ?? '', functionOf('egress')));
  },
  finds: ['maps-unreadable', 'no-agent'],
  cure: (own, said) => startAgent(own, said, 'maps-unreadable', 'no-agent'),
});

test.serial('a map’s pin is gone', cures, {
  node: 'node-c',
  make: async (own) => {
    await halt(own);
    rmSync(pinned(own, 'node-c').map('policies'));
    const { findings } = await doctor(own, 'node-c');
    says(findings.find(({ id }) => id === 'datapath-absent')?.seen, / lacks the maps policies$/);
  },
  finds: ['datapath-absent', 'no-agent', 'tables-differ'],
  cure: (own, said) => startAgent(own, said, 'datapath-absent', 'no-agent'),
});

test.serial('a peer is taken out of the table', cures, {
  node: 'node-c',
  make: async (own) => {
    await halt(own);
    using opened = openMaps(pinned(own, 'node-c'));
    const { peers } = mapTables(opened.maps);
    peers.remove([Math.max(...peers.entries().keys())]);
  },
  finds: ['maps-inconsistent', 'no-agent', 'tables-differ'],
  cure: (own, said) => startAgent(own, said, 'maps-inconsistent', 'tables-differ'),
});

test.serial('Nodes with what another one has, and one with nothing', cures, {
  node: 'node-c',
  make: async (own) => {
    const nodes = [
      ['twin', { bgp: { ipv4Address: '192.168.10.12/24' }, ipv4VXLANTunnelAddr: '10.244.20.0' }],
      [
        'namesake',
        {
          bgp: { ipv4Address: '192.168.10.77/24' },
          ...{ ipv4VXLANTunnelAddr: '10.244.21.0', vxlanTunnelMACAddr: vtepMac(own, 'node-b') },
        },
      ],
      ['nobody', {}],
    ] as const;
    const block = (name: string, place: number) => ({
      ...{ apiVersion: 'crd.projectcalico.org/v1', kind: 'IPAMBlock' },
      metadata: { name: `10-244-${place}-0-26` },
      spec: {
        ...{ affinity: `host:${name}`, cidr: `10.244.${place}.0/26`, strictAffinity: false },
        ...{
          allocations: Array(64).fill(null),
          attributes: [],
          unallocated: [...Array(64).keys()],
        },
      },
    });
    const resources = nodes.flatMap(([name, spec], place) => [
      { apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name }, spec },
      ...(name === 'nobody' ? [] : [block(name, 20 + place)]),
    ]);
    const text = resources.map((one) => JSON.stringify(one)).join('\n---\n');
    writeFileSync(join(own.manifests, 'more.yaml'), text);
    await settled(own);
  },
  finds: ['address-duplicate', 'calico-settings', 'node-without-address', 'vtep-mac-duplicate'],
  cure: async (own, said) => {
    says(said['address-duplicate'], /^correct spec\.bgp of one of the two Nodes, or remove/);
    says(said['vtep-mac-duplicate'], /^correct spec\.vxlanTunnelMACAddr of one of the two/);
    says(said['node-without-address'], /it writes spec\.bgp\.ipv4Address/);
    rmSync(join(own.manifests, 'more.yaml'));
    await settled(own);
  },
});

test.serial('an MTU of FelixConfiguration that does not fit', cures, {
  node: 'node-c',
  make: (own) =>
    setFelix(own, (text) => text.replace('  spec:\n', '  spec:\n    vxlanMTU: 1480\n')),
  finds: ['calico-settings', 'mtu-setting'],
  cure: async (own, said) => {
    says(
      said['mtu-setting'],
      /^set the MTU in FelixConfiguration to 0 \(auto\) or 1450 \(vxlanMTU,/,
    );
    await setFelix(own, (text) => text.replace('vxlanMTU: 1480', 'vxlanMTU: 0'));
  },
});

test.serial('a workload’s interface that is larger than its pool', cures, {
  node: 'node-c',
  make: (own) => ran(own, 'node-c', 'ip', 'link', 'set', 'calic1', 'mtu', '1500'),
  finds: ['workload-mtu'],
  cure: (own, said) => {
    const [, mtu = ''] = /^set mtu: (\d+) in the CNI/.exec(said['workload-mtu'] ?? '') ?? [];
    return ran(own, 'node-c', 'ip', 'link', 'set', 'calic1', 'mtu', mtu);
  },
});

test.serial('ping is filtered, tunnels are not', cures, {
  node: 'node-c',
  words: ['--probe'],
  make: async (own) => {
    const hook =
      'type filter hook input priority 0; icmp type echo-request ip daddr 192.168.10.12 drop;';
    await ran(own, 'node-b', nft, `table ip deaf { chain in { ${hook} }; }`);
  },
  finds: ['probe-impossible'],
  cure: (own, said) => {
    says(said['probe-impossible'], /^let ICMP through between the nodes/);
    return ran(own, 'node-b', nft, 'delete', 'table', 'ip', 'deaf');
  },
});

test.serial('packets that are dropped just now, and VXLAN of others', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping')) return;
  const own = await lab();
  const to = '10.244.3.200';
  await vxlan(own, 'router', 'others', '4097', '4789', '192.168.20.11');
  await ran(own, 'router', 'ip', 'route', 'add', to, 'dev', 'others');
  await ran(
    ...([own, 'router'] as const),
    ...['ip', 'neighbour', 'add', to, 'lladdr', '66:00:00:00:00:01', 'dev', 'others'],
  );
  const running = [pinging(own, 'router', to), pinging(own, 'node-c', '10.244.200.1')];
  try {
    await sleep(500);
    const ill = await doctor(own, 'node-c');
    t.deepEqual(
      idsOf(ill.findings).filter((id) => id !== 'dropped'),
      ['dropping', 'foreign-vni'],
      ill.text,
    );
  } finally {
    for (const one of running) one.kill('SIGKILL');
    await ran(own, 'router', 'ip', 'link', 'delete', 'others');
  }
  const after = await doctor(own, 'node-c');
  t.is(after.findings.find(({ id }) => id === 'dropped')?.severity, 'note', after.text);
  t.deepEqual(
    idsOf(after.findings).filter((id) => id !== 'dropped'),
    [],
  );
});

test.serial('resources that are not there', async (t) => {
  if (skips(t, 'ip', 'nsenter')) return;
  const own = await lab();
  const { findings } = await at(own, ['-f', '/nowhere', '--node', 'node-c']);
  t.true(idsOf(findings).includes('resources-unread'));
  t.regex(findings.find(({ id }) => id === 'resources-unread')?.seen ?? '', /\/nowhere/);
});

test.serial('a process without CAP_BPF', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'setpriv')) return;
  const own = await lab();
  const drop = '-bpf,-sys_admin';
  const { findings, code } = await at(
    ...([own, ['-f', own.manifests, '--node', 'node-c']] as const),
    ...['setpriv', `--bounding-set=${drop}`, `--inh-caps=${drop}`],
  );
  const [capability] = findings.filter(({ id }) => id === 'capability');
  t.is(capability?.seen, 'this process has no CAP_BPF');
  t.regex(capability?.cure ?? '', /^run it as root: sudo encap doctor/);
  t.is(code, 7);
});

test.serial('no BPF file system: --fix mounts one', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'unshare')) return;
  const own = await lab();
  const bare = ['unshare', '--mount', 'sh', '-c', 'umount -a -t bpf; exec "$@"', 'sh'];
  const words = ['-f', own.manifests, '--node', 'node-c'];
  const ill = await at(own, words, ...bare);
  t.deepEqual(
    idsOf(ill.findings).filter((id) => id === 'kernel-feature' || id === 'datapath-absent'),
    ['datapath-absent', 'kernel-feature'],
    ill.text,
  );
  const healed = await at(own, [...words, '--fix'], ...bare);
  t.regex(healed.text, /# mount -t bpf bpf \/sys\/fs\/bpf +\(kernel-feature\)/);
  t.false(idsOf(healed.findings).includes('kernel-feature'), healed.text);
});

function says(said: string | undefined, what: RegExp): void {
  if (!what.test(said ?? '')) throw new Error(`the doctor says ${said ?? 'nothing'}, not ${what}`);
}

async function startAgent(own: Lab, said: Cures, ...ids: readonly Finding['id'][]): Promise<void> {
  for (const id of ids) says(said[id], /^start the agent/);
  await restart(own, 'node-c');
}

/** The one that is there now: others were before it. */
function halt(own: Lab): Promise<void> {
  return haltAgent(readLab(own.name) ?? own, 'node-c');
}

function pinned(own: Lab, node: string): Generation {
  const [generation] = generations(pinFolder(own.name, node));
  if (generation === undefined) throw new Error(`nothing is pinned for ${node}`);
  return generation;
}

function vtepMac(own: Lab, node: string): string {
  return own.topology.nodes.find(({ name }) => name === node)?.vtepMac ?? '';
}

async function setFelix(own: Lab, change: (text: string) => string): Promise<void> {
  const file = join(own.manifests, 'felixconfigurations.yaml');
  writeFileSync(file, change(readFileSync(file, 'utf8')));
  await settled(own);
}

async function vxlan(
  own: Lab,
  where: string,
  name: string,
  vni: string,
  port = '4789',
  remote = '192.168.10.11',
): Promise<void> {
  await ran(
    ...([own, where, 'ip', 'link', 'add', 'name', name, 'type', 'vxlan'] as const),
    ...['id', vni, 'dstport', port, 'remote', remote],
  );
  // As Felix does: our merger has the port, and leaves it to whoever comes.
  const up = ['ip', 'link', 'set', 'dev', name, 'up'];
  for (let tries = 0; tries < 20 && (await on(own, where, ...up)).failed; tries += 1)
    await sleep(100);
}

/** Waits until the agent of node-c has seen what is there, and done what the resources say. */
async function settled(own: Lab): Promise<void> {
  await sleep(1000);
  for (let tries = 0; tries < 10; tries += 1) {
    const { findings } = await doctor(own, 'node-c');
    if (!idsOf(findings).includes('tables-differ')) return;
    await sleep(500);
  }
  throw new Error('the agent of node-c does not follow');
}

function ping(own: Lab, node: string, to: string) {
  return runInside(namespaceOf(own.name, node), ['ping', '-n', '-c', '2', '-W', '1', to]);
}

async function answers(own: Lab, node: string, to: string): Promise<void> {
  for (let tries = 0; (await ping(own, node, to)).failed; tries += 1)
    if (tries === 5) throw new Error(`${to} does not answer ${node}`);
}

function pinging(own: Lab, node: string, to: string) {
  const command = ['ping', '-n', '-q', '-i', '0.02', '-c', '1000', to];
  const [file, ...args] = inside(namespaceOf(own.name, node), command);
  return execa(file, args, { reject: false, stdio: 'ignore' });
}

/** The doctor of node-c with these words, started by a command that changes what the process has. */
async function at(own: Lab, words: readonly string[], ...before: readonly string[]) {
  const command = [...before, ...encap('doctor', ...words, '-o', 'json')];
  const env = nodeEnvironment(own.name, 'node-c');
  return diagnosed(await runInside(namespaceOf(own.name, 'node-c'), command, { env }));
}
