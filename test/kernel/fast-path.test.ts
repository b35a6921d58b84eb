import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { inNamespace } from 'libbpf-ts';
import { foldersOf } from '../../src/datapath/folders.js';
import { readStatus } from '../../src/datapath/status.js';
import { whyNoFlowLookup } from '../support/conntrack.js';
import { skips } from '../support/needs.js';
import { within } from '../support/slowness.js';
import { stream } from '../support/traffic.js';
import type { PoolModes, Stack } from '../support/network/cluster.js';
import { inside, ip, Network, obstacle } from '../support/network/network.js';

const cannot = obstacle();
const vxlan = { vxlanMode: 'Always' } as const;
const megabytes = 20 * 1_000_000;
const port = 4242;
const workloadOfB = { ipv4: '10.244.2.5', ipv6: 'fd00:244:0:2::5' } as const;
const udpFlow = fileURLToPath(new URL('../../../test/support/udp-flow.py', import.meta.url));

const missing = cannot ?? whyNoFlowLookup();

function skipped(t: ExecutionContext): boolean {
  if (missing === undefined) return skips(t, 'ip', 'nsenter', 'nft', 'ping', 'python3');
  t.log(`skipped: ${missing}`);
  t.pass();
  return true;
}

type FastPath = 'never' | 'guarded' | 'always';

function declare(network: Network, fastPath: FastPath, modes: PoolModes = vxlan): void {
  // VXLAN over IPv6 with checksums is not carried whole: no shortcut has it
  const zeroUdpChecksum = 'always';
  const config = { apiVersion: 'encap/v1', kind: 'NodeConfig', fastPath, zeroUdpChecksum };
  network.declare(modes, [config]);
}

/** As Calico's rules begin: what conntrack can't place is dropped, what it knows passes, the rest is policy. */
const policy = (rules: string): string => `
table inet guard
delete table inet guard
table inet guard {
  chain forward {
    type filter hook forward priority 0;
    ct state invalid counter drop
    ${rules}
    ct state established,related accept
  }
}`;

function nft(network: Network, node: 'a' | 'b', rules: string): void {
  // By its path: npm puts another program of that name first.
  inside(network.space(node), '/usr/sbin/nft', rules);
}

interface Scene {
  /** nf_conntrack_tcp_be_liberal. */
  readonly liberal?: 0 | 1;
  readonly stack?: Stack;
  readonly modes?: PoolModes;
  readonly attach?: 'auto' | 'clsact';
}

/** Two nodes with rules as Calico's, and shortcuts that their workloads are known to. */
async function ready(
  fastPath: FastPath,
  { liberal = 1, stack = 'ipv4', modes = vxlan, attach = 'auto' }: Scene = {},
): Promise<Network> {
  const network = new Network(modes, stack);
  try {
    declare(network, fastPath, modes);
    for (const node of ['a', 'b'] as const) {
      nft(network, node, policy(''));
      const switches = [`net.netfilter.nf_conntrack_tcp_be_liberal=${liberal}`];
      inside(network.space(node), 'sysctl', '-qw', ...switches);
      await network.agent(node, attach);
    }
    // a workload's MAC is known once someone has talked to it
    network.ping();
    if (stack === 'dual-stack') network.pingTo(workloadOfB.ipv6);
    await until(() => workloads(network, 'b') === (stack === 'dual-stack' ? 2 : 1));
    await until(() => workloads(network, 'a') === (stack === 'dual-stack' ? 2 : 1));
  } catch (failure) {
    await network[Symbol.asyncDispose]();
    throw failure;
  }
  return network;
}

function status(network: Network, node: 'a' | 'b'): ReturnType<typeof readStatus> {
  return inNamespace(`/run/netns/${network.space(node)}`, () =>
    readStatus(foldersOf(network.environment(node))),
  );
}

/** How many workloads shortcuts lead to, or begin at. */
function workloads(network: Network, node: 'a' | 'b'): number {
  const [dump] = [network.encap(node, 'map', 'dump', 'workloads', '-o', 'json')];
  return (JSON.parse(dump) as { items: unknown[] }).items.length;
}

function counted(network: Network, node: 'a' | 'b', ...names: readonly string[]): number {
  return status(network, node)
    .verdicts.filter(({ verdict }) => names.includes(verdict))
    .reduce((sum, { egress, ingress }) => sum + Number(egress.packets + ingress.packets), 0);
}

/** Of packets between the workloads, those that went past the stack of a node. */
function pastShare(network: Network, node: 'a' | 'b'): number {
  const past = counted(network, node, 'shortcut_out', 'shortcut_in');
  return past / (past + counted(network, node, 'encapsulated', 'decapsulated'));
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + within(5000);
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never: ${condition.toString()}`);
    await sleep(50);
  }
}

function start(space: string, ...words: readonly string[]): ChildProcess {
  return spawn('nsenter', [`--net=/run/netns/${space}`, 'python3', '-u', udpFlow, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function serving(t: ExecutionContext, space: string): Promise<void> {
  const server = start(space, 'serve', String(port));
  t.teardown(() => server.kill('SIGKILL'));
  await once(server.stdout ?? server, 'data');
}

async function said(space: string, ...words: readonly string[]): Promise<number> {
  const child = start(space, ...words);
  let text = '';
  child.stdout?.on('data', (data: Buffer) => (text += data.toString()));
  await once(child, 'close');
  return Number(text);
}

/** Bytes go over TCP from the one workload to the other; what arrives is what was sent. */
async function arrives(
  t: ExecutionContext,
  network: Network,
  to: string = workloadOfB.ipv4,
): Promise<void> {
  const [sent, got] = await stream(network.space('wa'), network.space('wb'), to, megabytes);
  t.is(got, sent);
}

/** A client that asks ten times a second; what it has heard grows. */
function asking(t: ExecutionContext, network: Network, ...to: readonly string[]): string[] {
  const client = start(network.space('wa'), 'steady', ...to);
  t.teardown(() => client.kill('SIGKILL'));
  const heard: string[] = [];
  client.stdout?.on('data', (data: Buffer) => heard.push(...data.toString().trim().split('\n')));
  return heard;
}

/** Has conntrack forget all it knows, as Felix has it forget flows: `conntrack -F` on the wire. */
const flush = `
import socket, struct
netfilter = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
netfilter.send(struct.pack('=IHHII', 20, 1 << 8 | 2, 5, 1, 0) + bytes(4))
assert struct.unpack('=i', netfilter.recv(4096)[16:20])[0] == 0
`;

for (const stack of ['ipv4', 'ipv6'] as const)
  for (const modes of [vxlan, { ipipMode: 'Always' }])
    if (stack === 'ipv4' || modes === vxlan)
      test.serial(
        `guarded, ${stack}, ${Object.keys(modes)[0] ?? ''}: answered TCP goes past the stack, arrives whole, and closes`,
        async (t) => {
          if (skipped(t)) return;
          await using network = await ready('guarded', {
            stack: stack === 'ipv4' ? 'ipv4' : 'dual-stack',
            modes,
          });
          await arrives(t, network, workloadOfB[stack]);
          for (const node of ['a', 'b'] as const)
            t.true(pastShare(network, node) > 0.9, `${pastShare(network, node)} of node-${node}`);
          t.regex(network.encap('a', 'status'), /fast path guarded: \d+ packets past the stack/);
          t.is(invalid(network), 0, 'conntrack found every packet in its place');
        },
      );

function invalid(network: Network): number {
  const counters = (['a', 'b'] as const).map((node) =>
    inside(network.space(node), '/usr/sbin/nft', 'list', 'table', 'inet', 'guard'),
  );
  return counters.reduce((sum, text) => sum + Number(/packets (\d+)/.exec(text)?.[1]), 0);
}

test.serial('guarded: datagrams that are not answered stay in the stack', async (t) => {
  if (skipped(t)) return;
  await using network = await ready('guarded');
  const before = counted(network, 'a', 'shortcut_out');
  const nobody = ['ask', workloadOfB.ipv4, '4999', '3'];
  t.is(await said(network.space('wa'), ...nobody), 0);
  t.is(counted(network, 'a', 'shortcut_out'), before);
  t.true(counted(network, 'a', 'flow_new') >= 3);
});

test.serial('guarded: a flow that policy takes back ends with its conntrack entry', async (t) => {
  if (skipped(t)) return;
  await using network = await ready('guarded');
  await serving(t, network.space('wb'));
  const answers = asking(t, network, workloadOfB.ipv4, String(port));
  await until(() => counted(network, 'a', 'shortcut_out') > 5);

  nft(network, 'a', policy('udp dport 4242 counter drop'));
  await sleep(within(300));
  answers.length = 0;
  await until(() => answers.length > 3);
  t.true(
    answers.includes('answered'),
    'the entry is still there: as accepted flows go on in Calico',
  );
  inside(network.space('a'), 'python3', '-c', flush);
  await sleep(within(300));
  answers.length = 0;
  await until(() => answers.length > 5);
  t.false(answers.includes('answered'));
});

test.serial('guarded: a Service goes on working, all of it in the stack', async (t) => {
  if (skipped(t)) return;
  await using network = await ready('guarded');
  nft(
    network,
    'a',
    `table ip services {
      chain in {
        type nat hook prerouting priority dstnat;
        ip daddr 10.96.0.1 udp dport 80 dnat to ${workloadOfB.ipv4}:${port}
      }
    }`,
  );
  await serving(t, network.space('wb'));
  const before = counted(network, 'a', 'shortcut_out', 'shortcut_in');
  const answers = asking(t, network, '10.96.0.1', '80');
  await until(() => answers.length > 30);
  t.false(answers.includes('silence'));
  t.is(counted(network, 'a', 'shortcut_out', 'shortcut_in'), before);
});

test.serial('guarded: conntrack sees enough of a one-way stream to keep its entry', async (t) => {
  if (skipped(t)) return;
  await using network = await ready('guarded');
  for (const node of ['a', 'b'] as const)
    inside(
      network.space(node),
      ...['sysctl', '-qw', 'net.netfilter.nf_conntrack_udp_timeout=4'],
      'net.netfilter.nf_conntrack_udp_timeout_stream=4',
    );
  const rules = (direction: string): string =>
    policy(`ip saddr ${direction} ct state new counter drop`);
  nft(network, 'a', rules(workloadOfB.ipv4));
  nft(network, 'b', rules(workloadOfB.ipv4));
  await serving(t, network.space('wb'));
  await sleep(500); // the agents hear of the sysctls
  const heard = await said(
    network.space('wa'),
    ...['hear', workloadOfB.ipv4, String(port), '100', '10'],
  );
  t.is(heard, 100, 'of 100 datagrams in 10 s, none is of a flow that was forgotten');
  for (const node of ['a', 'b'] as const) {
    t.true(counted(network, node, 'shortcut_out', 'shortcut_in') > 60);
    t.true(pastShare(network, node) > 0.5, `${pastShare(network, node)} of node-${node}`);
  }
});

test.serial(
  'guarded: where conntrack checks windows TCP takes the stack, and status says why',
  async (t) => {
    if (skipped(t)) return;
    await using network = await ready('guarded', { liberal: 0 });
    await arrives(t, network);
    t.is(counted(network, 'a', 'shortcut_out', 'shortcut_in'), 0);
    t.is(invalid(network), 0);
    t.regex(network.encap('a', 'status'), /fastPath: TCP takes the stack.*tcp_be_liberal=1/);

    inside(network.space('a'), 'sysctl', '-qw', 'net.netfilter.nf_conntrack_tcp_be_liberal=1');
    await until(() => !network.encap('a', 'status').includes('TCP takes the stack'));
    await arrives(t, network);
    t.true(counted(network, 'a', 'shortcut_out', 'shortcut_in') > 0, 'it is followed live');
  },
);

test.serial(
  'a workload that comes gets its shortcut, one that goes leaves nothing, and never ends them all',
  async (t) => {
    if (skipped(t)) return;
    await using network = await ready('guarded');
    const [a, wa] = [network.space('a'), network.space('wa')];
    ip('-n', a, ...'link add cali1 type veth peer name eth1 netns'.split(' '), wa);
    for (const [space, end] of [
      [a, 'cali1'],
      [wa, 'eth1'],
    ] as const)
      ip('-n', space, 'link', 'set', end, 'up');
    ip('-n', a, ...'route add 10.244.1.6/32 dev cali1'.split(' '));
    ip('-n', wa, ...'address add 10.244.1.6/32 dev eth1'.split(' '));
    inside(a, 'ping', '-n', '-c1', '-W2', '10.244.1.6');
    await until(() => workloads(network, 'a') === 2);
    const attached = (): number =>
      status(network, 'a').programs.filter(
        ({ program, attachedTo }) => program === 'workload' && attachedTo !== undefined,
      ).length;
    t.is(attached(), 2);
    ip('-n', a, 'link', 'delete', 'cali1');
    await until(() => workloads(network, 'a') === 1);
    t.is(attached(), 1);

    await serving(t, network.space('wb'));
    const answers = asking(t, network, workloadOfB.ipv4, String(port));
    await until(() => counted(network, 'a', 'shortcut_out') > 5);
    declare(network, 'never');
    await until(() => workloads(network, 'a') === 0 && attached() === 0);
    const before = counted(network, 'a', 'shortcut_out');
    answers.length = 0;
    await until(() => answers.length > 5);
    t.is(counted(network, 'a', 'shortcut_out'), before);
    declare(network, 'guarded');
    await until(() => workloads(network, 'a') === 1 && attached() === 1);
    await until(() => counted(network, 'a', 'shortcut_out') > before);
    t.false(answers.includes('silence'), 'switching loses nothing');
  },
);

test.serial('by clsact it is the same, and what hung on a workload’s interface goes', async (t) => {
  if (skipped(t)) return;
  await using network = await ready('guarded', { attach: 'clsact' });
  await arrives(t, network);
  for (const node of ['a', 'b'] as const)
    t.true(pastShare(network, node) > 0.9, `${pastShare(network, node)} of node-${node}`);
  const hooks = (): string =>
    inside(network.space('a'), 'tc', 'filter', 'show', 'dev', 'cali0', 'ingress') +
    inside(network.space('a'), 'tc', 'qdisc', 'show', 'dev', 'cali0', 'clsact');
  t.regex(hooks(), /encapd_workload/);
  declare(network, 'never');
  await until(() => hooks() === '');
  declare(network, 'guarded');
  await until(() => hooks() !== '');
  await network.endAgents();
  network.encap('a', 'down', '--yes');
  t.is(hooks(), '');
});

test.serial('with the agent dead shortcuts go on, and a killed one takes them over', async (t) => {
  if (skipped(t)) return;
  await using network = await ready('guarded');
  const before = status(network, 'a').programs.map(({ id }) => id);
  await network.endAgents();
  await arrives(t, network);
  t.true(pastShare(network, 'a') > 0.9);
  const again = await network.agent('a');
  t.is(again.lines.find(({ msg }) => msg === 'ready')?.['written'], 0);
  t.deepEqual(
    status(network, 'a').programs.map(({ id }) => id),
    before,
  );
  await again.kill();
  network.encap('a', 'down', '--yes');
  t.throws(() => status(network, 'a'), { code: 'DATAPATH_ABSENT' });
});

test.serial(
  'always: all goes past the stack, and the rules that count for nothing are told',
  async (t) => {
    if (skipped(t)) return;
    await using network = await ready('always', { liberal: 0 });
    nft(network, 'a', policy('udp dport 4242 counter drop'));
    await serving(t, network.space('wb'));
    t.is(await said(network.space('wa'), 'ask', workloadOfB.ipv4, String(port), '20'), 20);
    t.true(counted(network, 'a', 'shortcut_out') >= 20);
    t.regex(network.encap('a', 'status'), /fastPath: always bypasses 2 rules of nf_tables/);
    await arrives(t, network);
  },
);
