import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { within } from '../support/slowness.js';
import { encap, encapOnTerminal, main, noTerminal } from './encap.js';
import { statusOf, timesOf } from './times/commands.js';

const lab = 'cli-test';

test.serial('a lab from up to down: ping, status, tables, and nothing left behind', async (t) => {
  if (lacks(t)) return;
  t.timeout(120_000);
  t.teardown(() => encap(['lab', 'down', lab]));
  const up = await encap(['lab', 'up', 'two', '--name', lab, '--json']);
  t.is(up.code, 0, up.stderr);
  t.like(JSON.parse(up.stdout), { kind: 'Lab', name: lab });

  const ping = await encap(['lab', 'ping', '--name', lab, '-o', 'json']);
  t.is(ping.code, 0, ping.stderr);
  const { items } = JSON.parse(ping.stdout) as { items: { reached: boolean }[] };
  t.true(items.length > 0 && items.every(({ reached }) => reached));

  const brief = await onNodeA('status', '--brief');
  t.is(brief.stdout, 'node-a OK\n');
  t.is(brief.code, 0, brief.stderr);
  const status = await onNodeA('status', '-o', 'json');
  t.like(JSON.parse(status.stdout), {
    kind: 'Status',
    verdict: 'OK',
    node: 'node-a',
    uplink: { name: 'eth0', mtu: 1500 },
    pools: [{ cidr: '10.244.0.0/16', mtu: 1450 }],
    blocks: 2,
  });
  const { agent, peers, object } = JSON.parse(status.stdout) as {
    agent: { pid: number } | null;
    object: { kind: string; why: string };
    peers: { name: string; how: string[]; sent: { packets: number } }[];
  };
  t.true((agent?.pid ?? 0) > 0);
  t.true(object.why.length > 0);
  t.like(peers[0], { name: 'node-b', how: ['vxlan'] });
  t.true((peers[0]?.sent.packets ?? 0) >= 4);
  t.regex((await onNodeA()).stdout, /^node-a {2}OK {3}1 pool, 2 blocks, 1 peer {3}agent \d+/);

  const blocks = await onNodeA('map', 'dump', 'blocks');
  t.regex(blocks.stdout, /^BLOCK +NODE +HOW +NEXT HOP +POOL\n/);
  t.regex(blocks.stdout, /10\.244\.2\.0\/26 +node-b +vxlan +192\.168\.10\.12/);
  t.regex((await onNodeA('map', 'list', '-o', 'name')).stdout, /^blocks\n/);
  t.is((await onNodeA('map', 'dump', 'blokcs')).code, 2);
  const found = await onNodeA('map', 'lookup', 'blocks', '10.244.2.9');
  t.deepEqual(
    found.stdout,
    ['BLOCK', '10.244.2.0/26']
      .map((first) => blocks.stdout.split('\n').find((line) => line.startsWith(first)) ?? '')
      .map((line) => line.trimEnd())
      .join('\n') + '\n',
  );
  t.is((await onNodeA('map', 'lookup', 'blocks', '10.9.9.9')).code, 2);
  tablesOnTerminal(t);
  t.true((timesOf([statusOf(lab, 'node-a')], 3)[0]?.fastest ?? Infinity) < within(200 * 5));

  const second = await onNodeA(
    'run',
    '-f',
    'examples/two',
    '--node',
    'node-a',
    '--once',
    '-o',
    'json',
  );
  t.is(second.code, 3);
  t.like(JSON.parse(second.stdout), { error: { code: 'AGENT_RUNNING' } });
  t.is((await onNodeA('down', '--yes')).code, 3);
  const dry = await onNodeA(
    'run',
    '-f',
    'examples/two',
    '--node',
    'node-a',
    '--dry-run',
    '-o',
    'json',
  );
  t.like(JSON.parse(dry.stdout), { kind: 'ChangeList', dryRun: true, items: [] });

  shellsThere(t);

  const down = await encap(['lab', 'down', lab]);
  t.is(down.code, 0, down.stderr);
  t.false(existsSync(`/run/netns/encap-${lab}-node-a`));
});

test.serial('without a datapath, status and map end with 6 and say how to start one', async (t) => {
  if (lacks(t)) return;
  const env = { ENCAP_BPFFS: '/sys/fs/bpf/encap-cli-none', ENCAP_RUN_DIR: '/run/encap-cli-none' };
  for (const args of [
    ['status'],
    ['map', 'list'],
    ['map', 'dump', 'blocks'],
    ['map', 'lookup', 'peers', '2'],
    ['map', 'stats'],
    ['bpf', 'info'],
  ]) {
    const { stderr, code } = await encap(args, { env });
    t.is(code, 6);
    t.regex(stderr, /there is none on this node\nwhy: nothing is pinned in .*\ndo: {2}.*encap run/);
  }
  const { stdout, code } = await encap(['down', '--dry-run'], { env });
  t.is(stdout, 'no changes. Nothing was done.\n');
  t.is(code, 0);
});

/** No line of a table is wider than the terminal of 80 columns. */
function tablesOnTerminal(t: ExecutionContext): void {
  const reason = noTerminal();
  if (reason !== undefined) {
    t.log(`skipped: ${reason}`);
    return;
  }
  const shown = (...words: readonly string[]): string => {
    const there = ['lab', 'exec', '--name', lab, 'node-a', '--', process.execPath, main];
    const { text, code } = encapOnTerminal([...there, ...words], { env: { NO_COLOR: '1' } });
    t.is(code, 0, text);
    return text;
  };
  const stats = shown('map', 'stats');
  t.regex(stats, /^NAME +TYPE +ENTRIES +CAPACITY +FILL +BYTES$/m);
  t.regex(stats, /^pools +lpm_trie +1 +1024 +<0\.1% +\d+$/m);
  const peers = shown('map', 'lookup', 'peers', 'node-b');
  t.regex(peers, /^2 +node-b +192\.168\.10\.12 +same /m);
  for (const line of `${stats}${peers}`.split('\n')) t.true(line.length <= 80, line);
  t.regex(shown('bpf', 'info'), /^encapd_egress +id \d+ +tag [0-9a-f]{16} +tcx eth0 egress$/m);
}

/** A shell on a terminal of its own: what is typed runs on the node, and its exit status is the command's. */
function shellsThere(t: ExecutionContext): void {
  const reason = noTerminal();
  if (reason !== undefined) {
    t.log(`skipped: ${reason}`);
    return;
  }
  const typed = (where: string, ...lines: readonly string[]): ReturnType<typeof encapOnTerminal> =>
    encapOnTerminal(['lab', 'shell', '--name', lab, where], {
      env: { SHELL: '/bin/sh', NO_COLOR: '1', PS1: '# ' },
      stdin: lines.map((line) => `${line}\n`).join(''),
    });
  const node = typed(
    'node-a',
    'tty',
    'ip -br -4 address show eth0',
    'encap status --brief',
    'exit 5',
  );
  t.regex(node.text, /^# \/dev\/pts\/\d+$/m);
  t.regex(node.text, /^# eth0@\S+ +UP +192\.168\.10\.11\/24/m);
  t.regex(node.text, /^# node-a OK$/m);
  t.is(node.code, 5, node.text);
  const workload = typed('b1', 'ip -br -4 address show eth0', 'exit');
  t.regex(workload.text, /^# eth0@\S+ +UP +10\.244\.2\.5\/32/m);
  t.is(workload.code, 0);
}

async function onNodeA(...args: string[]): ReturnType<typeof encap> {
  return encap(['lab', 'exec', '--name', lab, 'node-a', '--', process.execPath, main, ...args]);
}

function lacks(t: ExecutionContext): boolean {
  if (process.geteuid?.() === 0) return false;
  t.log('skipped: not root');
  t.pass();
  return true;
}
