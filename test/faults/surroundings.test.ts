import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { foldersOf } from '../../src/datapath/folders.js';
import { inForce, repaired } from '../support/network/in-force.js';
import { inside, ip, type Agent, type Network } from '../support/network/network.js';
import { networkTest } from '../support/network/network-test.js';
import { root } from '../support/object.js';
import { within } from '../support/slowness.js';
import { Cgroup, whyNoCgroup } from './cgroup.js';
import { harms, limitOf, mends } from './drift.js';
import { eyeOf, sightOf } from './eye.js';
import { faultTest } from './fault-test.js';
import { inWords, Load, lossOf, none } from './load.js';

/** A mount namespace without any BPF file system, as at a boot that mounts none. */
const withoutBpffs = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'while umount --lazy /sys/fs/bpf 2>/dev/null; do :; done; exec "$@"',
  'sh',
];

/** A command where an agent sees the same mounts. */
function beside({ pid }: Agent, ...command: readonly string[]): string {
  const words = [`--mount=/proc/${pid}/ns/mnt`, ...command];
  return execFileSync('nsenter', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Milliseconds until the links are pinned again, where the agent sees it. */
async function pinnedAgain(agent: Agent, pins: string): Promise<number> {
  const began = performance.now();
  const there = ['links/egress', 'links/backstop', 'links/ingress', 'maps/slots'];
  const list = `ls ${there.map((pin) => `${pins}/*/${pin}`).join(' ')}`;
  while (performance.now() - began < within(10_000))
    try {
      beside(agent, 'sh', '-c', list);
      return performance.now() - began;
    } catch {
      await sleep(20);
    }
  return Infinity;
}

networkTest(
  'F22 where no BPF file system is mounted the agent mounts one, and says so',
  async (t, network) => {
    const agent = network.startBy('a', withoutBpffs);
    await agent.until('ready');
    await network.agent('b');
    const { command } = await agent.until('command run');
    t.is(command, 'mount -t bpf bpf /sys/fs/bpf');
    t.is(network.ping(3), 3);
  },
  'unshare',
);

faultTest(
  {
    id: 'F21',
    title:
      'a BPF file system that goes, or is mounted over, takes no packet along, and the pins are back',
    tools: ['unshare', 'nsenter'],
  },
  async (t, network, times) => {
    const { pins } = foldersOf(network.environment('a'));
    const agent = network.startBy('a', withoutBpffs);
    await agent.until('ready');
    await network.agent('b');
    await using load = await Load.start(network);
    let slowestMs = 0;
    const ways = [
      ['umount', '--lazy', '/sys/fs/bpf'],
      ['mount', '-t', 'tmpfs', 'over', '/sys/fs/bpf'],
      ['rm', '-rf', pins],
    ];
    for (let time = 0; time < times; time += 1)
      for (const way of ways) {
        beside(agent, ...way);
        slowestMs = Math.max(slowestMs, await pinnedAgain(agent, pins));
      }
    let from = agent.lines.length;
    beside(agent, 'rm', '-rf', pins);
    beside(agent, 'mount', '-o', 'remount,ro', '/sys/fs/bpf');
    const { failure } = await agent.until('round failed, trying again', { from });
    t.regex(String(failure), /EROFS|read-only/i);
    from = agent.lines.length;
    beside(agent, 'mount', '-o', 'remount,rw', '/sys/fs/bpf');
    await agent.until('working again', { from });
    t.true((await pinnedAgain(agent, pins)) < Infinity);
    const sums = await load.stop();
    t.log(`slowest ${Math.round(slowestMs)} ms; ${inWords(sums)}`);
    t.true(slowestMs < within(5000), `${slowestMs} ms`);
    t.deepEqual(lossOf(sums), none);
  },
);

networkTest(
  'F28 switches of the kernel: strict reverse path filters are no harm, and a node that does not forward says so',
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    for (const node of ['a', 'b'] as const)
      for (const name of ['all', 'eth0', 'cali0'])
        for (const [key, value] of [
          ['rp_filter', 1],
          ['accept_local', 1],
        ] as const)
          inside(network.space(node), 'sysctl', '-qw', `net.ipv4.conf.${name}.${key}=${value}`);
    t.is(network.ping(5), 5);
    const forward = (is: 0 | 1): unknown =>
      inside(network.space('a'), 'sysctl', '-qw', `net.ipv4.ip_forward=${is}`);
    let from = agent.lines.length;
    forward(0);
    const { fault } = await agent.until('degraded', { from, timeoutMs: 2000 });
    t.regex(String(fault), /forwards no IPv4/);
    from = agent.lines.length;
    forward(1);
    await agent.until('no longer degraded', { from, timeoutMs: 2000 });
    t.is(network.ping(3), 3);
  },
  'sysctl',
);

faultTest(
  {
    id: 'F29',
    title:
      'a node that boots anew, with the state file of before, comes into service without a packet in clear',
  },
  async (t, network, times) => {
    let agent = await network.agent('a');
    await network.agent('b');
    using eye = await eyeOf(network);
    const wanted = inForce(network);
    const flow = network.flow();
    for (let time = 0; time < times; time += 1) {
      await agent.end('SIGKILL');
      reboot(network);
      t.notRegex(inForce(network), /proto 147|10\.244\.0\.0\/16 via|eth0:encap/);
      agent = await network.agent('a');
      const again = wanted.replace(
        /cutter tcx \d+/,
        `cutter tcx ${indexOf(network, 'encap.cut1')}`,
      );
      t.true((await repaired(network, again)) < limitOf(network), inForce(network));
      t.is(network.ping(3), 3);
    }
    await flow.stop();
    const { clear, mispaired, encapsulated } = await sightOf(eye);
    t.true(encapsulated > 0);
    t.deepEqual({ clear, mispaired }, { clear: 0, mispaired: 0 });
  },
);

function indexOf(network: Network, name: string): number {
  const [link] = JSON.parse(ip('-j', '-n', network.space('a'), 'link', 'show', name)) as [
    { readonly ifindex: number },
  ];
  return link.ifindex;
}

/** Takes away from node-a what a kernel forgets: pins and with them programs, routes, addresses, neighbours, interfaces. */
function reboot(network: Network): void {
  const space = network.space('a');
  // a kernel forgets all at once: nothing may be routed where no program is
  ip('-n', space, 'route', 'flush', 'proto', '147');
  rmSync(foldersOf(network.environment('a')).pins, { recursive: true });
  ip('-n', space, 'address', 'del', '10.244.1.0', 'peer', '169.254.47.89/32', 'dev', 'eth0');
  ip('-n', space, 'neigh', 'del', '169.254.47.89', 'dev', 'eth0');
  for (const name of ['encap.cut0', 'encap.merge0'])
    inside(space, 'sh', '-c', `ip link del ${name} 2>/dev/null || true`);
}

faultTest(
  {
    id: 'F30',
    title:
      'a wall clock that jumps a day forth and back changes nothing: modes switch and drift is repaired in time',
  },
  async (t, network, times) => {
    const clock = join(root, 'test/support/jumping-clock.cjs');
    const jumping = { NODE_OPTIONS: `--require ${clock}` };
    const agents = [network.startBy('a', [], jumping), network.startBy('b', [], jumping)];
    for (const agent of agents) await agent.until('ready');
    await using load = await Load.start(network);
    for (let time = 0; time < times; time += 1)
      for (const modes of [{ ipipMode: 'Always' }, { vxlanMode: 'Always' }]) {
        const from = agents.map(({ lines }) => lines.length);
        network.declare(modes);
        for (const [place, agent] of agents.entries())
          await agent.until('tables changed', { from: from[place] ?? 0 });
        await sleep(600);
        const wanted = inForce(network);
        ip('-n', network.space('a'), 'route', 'flush', 'proto', '147');
        await mends(t, network, wanted, { ms: 0 });
      }
    const sums = await load.stop();
    t.log(inWords(sums));
    t.deepEqual(harms(sums), {});
    const stamps = agents[0]?.lines.map(({ time }) => Number(time)) ?? [];
    const halfADayMs = 43_200_000;
    t.true(
      stamps.every((stamp) => Math.abs(stamp - Date.now()) > halfADayMs),
      'the clock jumped',
    );
  },
);

networkTest(
  'F43 an agent that gets no memory ends; its datapath goes on without it, and the next one adopts it',
  async (t, network) => {
    const lacking = whyNoCgroup('memory');
    if (lacking !== undefined) {
      t.log(`skipped: ${lacking}`);
      t.pass();
      return;
    }
    using cgroup = new Cgroup('memory', 32 * 1024 * 1024);
    await (await network.agent('a')).end('SIGKILL');
    await network.agent('b');
    network.ping(1);
    const flow = network.flow();
    const starved = network.startBy('a', cgroup.by);
    t.is((await starved.end('SIGCONT')).code, null, 'it was killed');
    const next = await network.agent('a');
    t.true(next.lines.some(({ msg }) => msg === 'programs adopted'));
    const { sent, received } = await flow.stop();
    t.true(sent > 50);
    t.is(received, sent);
  },
);

networkTest(
  'F44 an agent with a hundredth of a CPU is slow, and wrong in nothing',
  async (t, network) => {
    const lacking = whyNoCgroup('cpu');
    if (lacking !== undefined) {
      t.log(`skipped: ${lacking}`);
      t.pass();
      return;
    }
    const agent = await network.agent('a');
    await network.agent('b');
    using eye = await eyeOf(network);
    const wanted = inForce(network);
    const cgroup = new Cgroup('cpu', 1000);
    try {
      cgroup.take(agent.pid);
      const flow = network.flow();
      ip('-n', network.space('a'), 'route', 'flush', 'proto', '147');
      let ms = Infinity;
      for (let tries = 0; ms === Infinity && tries < 6; tries += 1)
        ms = await repaired(network, wanted);
      t.log(`repaired at the latest ${Math.round(ms)} ms behind the last wait`);
      t.is(inForce(network), wanted);
      t.is(network.ping(3), 3);
      await flow.stop();
    } finally {
      await agent.kill();
      cgroup[Symbol.dispose]();
    }
    const { clear, mispaired } = await sightOf(eye);
    t.deepEqual({ clear, mispaired }, { clear: 0, mispaired: 0 });
  },
);

networkTest(
  'F48 with 64 file descriptors and 64 KiB of locked memory an agent works; with too few it says so, and goes on when it has them',
  async (t, network) => {
    const limits = ['prlimit', '--nofile=64:1024', '--memlock=65536:65536'];
    const agent = network.startBy('a', limits);
    await agent.until('ready');
    await network.agent('b');
    t.is(network.ping(3), 3);
    const flow = network.flow();
    let from = agent.lines.length;
    execFileSync('prlimit', ['--pid', String(agent.pid), '--nofile=20:1024']);
    ip('-n', network.space('a'), 'route', 'flush', 'proto', '147');
    const said = await agent.until('round failed, trying again', { from });
    t.regex(`${String(said.failure)} ${String(said.why)}`, /EMFILE/);
    from = agent.lines.length;
    execFileSync('prlimit', ['--pid', String(agent.pid), '--nofile=64:1024']);
    await agent.until('working again', { from });
    t.is(network.ping(3), 3);
    await flow.stop();
  },
  'prlimit',
);

networkTest(
  'P10 with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON alone, as another user, an agent keeps its node in service; it listens nowhere and starts nothing',
  async (t, network) => {
    const { ENCAP_BPFFS: pins = '', ENCAP_RUN_DIR: run = '' } = network.environment('a');
    const granted = '-all,+bpf,+net_admin,+perfmon';
    const user = ['--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'];
    const caps = [
      `--bounding-set=${granted}`,
      `--inh-caps=${granted}`,
      `--ambient-caps=${granted}`,
    ];
    const cache = join(network.scratch, 'cache');
    for (const folder of [pins, run, cache]) {
      execFileSync('mkdir', ['-p', '-m', '0700', folder]);
      execFileSync('chown', ['65534:65534', folder]);
    }
    execFileSync('chmod', ['0755', network.scratch]);
    const reads = spawnSync('setpriv', [
      ...user,
      process.execPath,
      join(root, 'dist/src/cli/main.js'),
      '--version',
    ]);
    if (reads.status !== 0) {
      t.log('skipped: another user than root cannot read this checkout, or node itself');
      t.pass();
      return;
    }
    const agent = network.startBy('a', ['setpriv', ...user, ...caps], { ENCAP_CACHE_DIR: cache });
    await agent.until('ready');
    await network.agent('b');
    t.is(network.ping(3), 3);
    const status = beside(agent, 'cat', `/proc/${agent.pid}/status`);
    t.regex(status, /^Uid:\t65534\t65534/m);
    // 12: net_admin, 38: perfmon, 39: bpf (linux/capability.h)
    for (const set of ['CapEff', 'CapPrm', 'CapBnd'])
      t.is(
        BigInt(`0x${new RegExp(`^${set}:\\t(\\w+)`, 'm').exec(status)?.[1] ?? ''}`),
        (1n << 12n) | (3n << 38n),
        set,
      );
    const wanted = inForce(network);
    ip('-n', network.space('a'), 'route', 'flush', 'proto', '147');
    await mends(t, network, wanted, { ms: 0 });
    isPrivate(t, pins);
    // the kernel itself does, for the merger: that socket is nobody's
    t.notRegex(inside(network.space('a'), 'ss', '-Hltunp'), /users:/, 'it listens nowhere');
    t.is(
      execFileSync('sh', ['-c', `cat /proc/${agent.pid}/task/*/children`], {
        encoding: 'utf8',
      }).trim(),
      '',
    );
    t.is((await agent.end('SIGTERM')).code, 0);
  },
  'setpriv',
  'ss',
);

/** Nobody but the agent's user reaches what is pinned. */
function isPrivate(t: ExecutionContext, pins: string): void {
  const listed = execFileSync('find', [pins, '-printf', '%m %U %y\n'], { encoding: 'utf8' });
  const modes = listed.trim().split('\n');
  t.true(modes.length > 15, listed);
  for (const line of modes) t.regex(line, /^(700 65534 d|600 65534 [fl])$/);
}
