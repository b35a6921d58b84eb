import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { readRun } from '../../src/bench/result.js';
import { endpoint } from '../../src/lab/endpoint.js';
import { untilSaid } from '../../src/lab/said.js';
import { encap, main } from '../cli/encap.js';
import { sharedLab } from '../support/lab.js';
import { skips } from '../support/needs.js';
import { within } from '../support/slowness.js';
import { sshHosts, type SshHost } from '../support/ssh-hosts.js';

// Two nodes of a lab, with the kernel's own vxlan device between them, are the machines.

const shared = sharedLab(test, 'two', { name: 'test-bench-ssh', carrier: 'kernel-vxlan' });
const needed = ['ip', 'nsenter', 'iperf3', 'sockperf', 'ssh', 'ssh-keygen', 'sshd'];

test.serial('between two machines each path is measured as it is', async (t) => {
  if (skips(t, ...needed)) return;
  t.timeout(within(60_000));
  const { words, underlay, overlay, folder } = await machines(t);
  const out = join(folder, 'out');
  const short = ['--loads', 'tcp-1,connect', '--rounds', '1', '--seconds', '1', '--out', out];
  const ended = await encap([...words, ...underlay, ...overlay, ...short]);
  t.is(ended.code, 0, ended.stderr);
  t.regex(ended.stdout, /^as it is +tcp-1 +throughput +[\d.]+ Gb\/s +[\d.]+x \[/m);
  t.deepEqual(readdirSync(out).sort(), ['run.html', 'run.json', 'run.md']);

  const run = readRun(join(out, 'run.json'));
  t.true(run.complete);
  t.deepEqual(run.plan.underlays, ['as it is']);
  t.is(run.plan.base, 'underlay');
  t.deepEqual(run.plan.variants, ['underlay', 'overlay', 'underlay again']);
  t.is(run.samples.length, 2 * 3);
  for (const { load, values } of run.samples) {
    const metrics = { 'tcp-1': ['bitsPerSecond', 'cpuPerGigabyte'] }[load];
    t.deepEqual(Object.keys(values), metrics ?? ['connectionsPerSecond']);
    t.true(Object.values(values).every((value) => value > 0));
  }
  const leaves = [
    { path: 'underlay', interface: 'eth0', driver: 'veth', mtu: 1500 },
    { path: 'overlay', interface: 'vxlan.calico', driver: 'vxlan', mtu: 1450 },
  ];
  t.like(run.machine, { name: 'node-a', kernel: release(), leaves });
  t.like(run.peer, { name: 'node-b', kernel: release(), leaves });
  t.is(typeof run.versions['iperf3 on node-b'], 'string');
  t.regex(readFileSync(join(out, 'run.md'), 'utf8'), /^- node-b: \d+ CPUs .+overlay by vxlan/m);
});

test.serial('Ctrl-C leaves nothing on either machine, and keeps what there is', async (t) => {
  if (skips(t, ...needed)) return;
  t.timeout(within(60_000));
  const { words, underlay, folder, namespaces } = await machines(t);
  const out = join(folder, 'out');
  const long = ['--loads', 'rr', '--rounds', '50', '--seconds', '1', '--out', out];
  // a group of its own, to which the signal goes as from a terminal: to ssh too
  const running = execa(process.execPath, [main, ...words, ...underlay, ...long], {
    ...{ reject: false, detached: true, env: { TMPDIR: folder } },
  });
  t.true(await untilSaid(running.stderr, 'round 1/50'));
  // its server is silent: it would not even notice that nobody hears it any more
  t.true(await becomes(() => sockperfIn(namespaces).length === 2), 'a measurement is under way');
  process.kill(-(running.pid ?? NaN), 'SIGINT');
  t.is((await running).exitCode, 130);
  t.true(await becomes(() => commandsIn(namespaces).length === 0), commandsIn(namespaces).join());
  t.deepEqual(readdirSync(folder), ['out'], 'no control socket either');
  const run = readRun(join(out, 'run.json'));
  t.false(run.complete);
  t.true(run.samples.length >= 2 && run.samples.length < 100);
});

const refuses = test.macro({
  title: (_, what: string) => `${what} is said before anything is measured`,
  async exec(
    t,
    _what: string,
    { loads, b = {}, path }: { loads: string; b?: Partial<SshHost>; path?: string },
    code: number,
    said: RegExp,
  ) {
    if (skips(t, ...needed)) return;
    const { words, underlay, folder } = await machines(t, b);
    const more = path === undefined ? underlay : ['--path', path];
    const ended = await encap([...words, ...more, '--loads', loads, '--out', join(folder, 'out')], {
      env: { TMPDIR: folder },
    });
    t.is(ended.code, code);
    t.regex(ended.stderr, said);
    t.deepEqual(readdirSync(folder), ['out'], 'and no connection is left');
  },
});

test.serial(
  refuses,
  'a machine that lets nobody in',
  { loads: 'tcp-1', b: { letsIn: false } },
  6,
  /^encap: cannot reach node-b by ssh: root@node-b: Permission denied \(publickey\)\.\ndo: .+ssh -o BatchMode=yes node-b true/m,
);
test.serial(
  refuses,
  'a tool that a machine does not have',
  { loads: 'tcp-1,rr', b: { without: ['sockperf'] } },
  5,
  /^encap: cannot measure: there is no sockperf on node-b\nwhy: .*sockperf.*not found\ndo: .+node-b: apt install sockperf$/m,
);
test.serial(
  refuses,
  'a load that was asked for by name and needs a Node that is not there',
  { loads: 'connect', b: { without: ['node'] } },
  5,
  /^encap: cannot measure: there is no node on node-b$/m,
);
test.serial(
  refuses,
  'an address of another machine',
  { loads: 'tcp-1', path: 'turned=192.168.10.12,192.168.10.11' },
  2,
  /^encap: cannot measure the path turned: 192\.168\.10\.12 is no address of node-a$/m,
);

/** The words of a run between the lab's nodes and of its two paths, and a folder of its own. */
async function machines(t: ExecutionContext, b: Partial<SshHost> = {}) {
  const lab = await shared();
  const [nodeA, nodeB] = [endpoint(lab, 'node-a'), endpoint(lab, 'node-b')];
  const config = sshHosts(t, { 'node-a': nodeA, 'node-b': { ...nodeB, ...b } });
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return {
    folder,
    namespaces: [nodeA.namespace, nodeB.namespace],
    words: ['bench', 'run', '--ssh', 'node-a,node-b', '--ssh-config', config],
    underlay: ['--path', `underlay=${nodeA.address},${nodeB.address}`],
    overlay: ['--path', 'overlay=10.244.1.0,10.244.2.0'],
  };
}

/** Names of the processes that run there. */
function commandsIn(namespaces: readonly string[]): readonly string[] {
  return namespaces.flatMap((namespace) =>
    execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' })
      .split('\n')
      .filter((pid) => pid !== '')
      .flatMap((pid) => {
        try {
          return [readFileSync(`/proc/${pid}/comm`, 'utf8').trim()];
        } catch {
          return []; // it has ended since
        }
      }),
  );
}

function sockperfIn(namespaces: readonly string[]): readonly string[] {
  return commandsIn(namespaces).filter((name) => name === 'sockperf');
}

/** Whether something comes true within some seconds. */
async function becomes(isSo: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (isSo()) return true;
    await sleep(within(50));
  }
  return false;
}
