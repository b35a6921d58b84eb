import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import type { ExecutionContext } from 'ava';
import type { Network } from '../support/network/network.js';
import { networkTest } from '../support/network/network-test.js';
import { Watcher } from '../support/watcher.js';
import { main } from '../cli/encap.js';

/** Both nodes carry traffic, and no agent is there: all that follows needs the pins alone. */
async function pinned(network: Network): Promise<void> {
  const agents = await Promise.all([network.agent('a'), network.agent('b')]);
  network.ping(1); // neighbours are known
  await Promise.all(agents.map((agent) => agent.end('SIGTERM')));
}

networkTest(
  'trace says what is carried and why packets are dropped, in a pipe and on a terminal, without the agent',
  async (t, network) => {
    await pinned(network);
    await tellsInAPipe(t, network);
    await tellsOnATerminal(t, network);
  },
  'script',
);

function watch(
  network: Network,
  words: readonly string[],
  on: 'pipe' | 'terminal' = 'pipe',
): Watcher {
  const place = { namespace: network.space('a'), env: network.environment('a') };
  return new Watcher(place, [process.execPath, main, ...words], on);
}

interface Row {
  readonly decision: string;
  readonly interface: string;
  readonly peer: string;
  readonly inner: { readonly source: string; readonly protocol: string };
  readonly outer: { readonly destination: string; readonly vni: number };
  readonly bytes: number;
  readonly added: number;
}

async function tellsInAPipe(t: ExecutionContext, network: Network): Promise<void> {
  using trace = watch(network, ['trace', '--json', '--proto', 'icmp', '-n', '4']);
  await trace.until('tracing');
  t.is(network.exitCode('a', 'trace'), 3, 'one reader at a time');
  t.is(network.ping(2), 2);
  const { code, stdout, stderr } = await trace.end('by itself');
  t.is(code, 0);
  t.regex(stderr, /4 decisions/);
  const rows = linesIn(stdout) as readonly Row[];
  t.deepEqual(
    rows.map(({ decision, inner, peer }) => [decision, inner.source, inner.protocol, peer]),
    [0, 1].flatMap(() => [
      ['encap', '10.244.1.5', 'icmp', 'node-b'],
      ['decap', '10.244.2.5', 'icmp', 'node-b'],
    ]),
  );
  for (const { outer, bytes, added, interface: name, decision } of rows) {
    const isSent = decision === 'encap';
    t.like(outer, { vni: 4096, destination: isSent ? '192.168.77.2' : '192.168.77.1' });
    // ping sends 56 bytes: 98 with ICMP, IPv4 and Ethernet
    t.deepEqual([bytes, added, name], [...(isSent ? [98, 50] : [148, -50]), 'eth0']);
  }
}

async function tellsOnATerminal(t: ExecutionContext, network: Network): Promise<void> {
  using trace = watch(network, ['trace', '--host', '10.244.0.0/16'], 'terminal');
  await trace.until('tracing');
  network.ping(1);
  network.pingTo('10.244.77.5', 1);
  await trace.until('no_block');
  const { code, stdout } = await trace.end('Ctrl-C');
  t.is(code, 0);
  const plain = stripVTControlCharacters(stdout);
  t.not(plain, stdout, 'in colours');
  t.regex(
    plain,
    /^\d\d:\d\d:\d\d\.\d{4} {2}encap {3}vxlan {4}10\.244\.1\.5 > 10\.244\.2\.5 icmp {2}/m,
  );
  t.regex(
    plain,
    / {2}node-b {2}outer 192\.168\.77\.1:\d+ > 192\.168\.77\.2:4789 vni 4096 {2}98\+50/,
  );
  t.regex(plain, /drop {4}no_block {2}10\.244\.1\.5 > 10\.244\.77\.5 icmp {2}-/);
  t.regex(plain, /3 decisions/);
}

networkTest(
  'capture writes pcapng that tshark reads: both interfaces, the decision beside each frame; and streams into it',
  async (t, network) => {
    await pinned(network);
    await writesAFile(t, network);
    await filtersAsTcpdump(t, network);
    await streams(t, network);
  },
  'tshark',
  'tcpdump',
);

async function writesAFile(t: ExecutionContext, network: Network): Promise<void> {
  const file = join(network.scratch, 'a.pcapng');
  using capture = watch(network, ['capture', 'icmp', '-w', file, '-n', '6']);
  await capture.until('capturing');
  t.is(network.ping(3), 3);
  t.is((await capture.end('by itself')).code, 0);
  const frames = tshark(
    file,
    ...['frame.interface_name', 'ip.src', 'icmp.seq', 'vxlan.vni', 'frame.comment'],
  );
  const request = 'encap encap encapsulated to node-b, inner 10.244.1.5 > 10.244.2.5 icmp, outer';
  const reply = 'encap decap decapsulated from node-b, inner 10.244.2.5 > 10.244.1.5 icmp, outer';
  t.deepEqual(
    frames.map((fields) => fields.map((field) => field.replace(/outer .*/, 'outer'))),
    ['1', '2', '3'].flatMap((seq) => [
      ['inner', '10.244.1.5', seq, '', request],
      ['outer', '192.168.77.1,10.244.1.5', seq, '4096', request],
      ['outer', '192.168.77.2,10.244.2.5', seq, '4096', reply],
      ['inner', '10.244.2.5', seq, '', reply],
    ]),
  );
  t.deepEqual(tshark(file, '-Y', '_ws.malformed', 'frame.number'), []);
}

async function filtersAsTcpdump(t: ExecutionContext, network: Network): Promise<void> {
  const file = join(network.scratch, 'after.pcapng');
  const filter = 'udp port 4789 and greater 140';
  using capture = watch(network, [
    ...['capture', filter, '--point', 'after', '-w', file, '-n', '2'],
  ]);
  await capture.until('capturing');
  network.ping(1, '-s', '8'); // 100 bytes outside
  network.ping(1);
  t.is((await capture.end('by itself')).code, 0);
  // of the request what left passes, of the reply what came
  t.deepEqual(tshark(file, 'frame.len', 'ip.src'), [
    ['148', '192.168.77.1,10.244.1.5'],
    ['98', '10.244.2.5'],
  ]);
}

/** A reader that has enough goes away: then the command ends too, and the programs stop telling. */
async function streams(t: ExecutionContext, network: Network): Promise<void> {
  const flow = network.flow(0.02);
  try {
    const line = `'${process.execPath}' '${main}' capture -w - | tshark -r - -c 4 -T fields -e frame.interface_name`;
    const text = execFileSync(
      'nsenter',
      [`--net=/run/netns/${network.space('a')}`, 'sh', '-c', line],
      {
        env: network.environment('a'),
        encoding: 'utf8',
        timeout: 15_000,
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    t.deepEqual(text.trim().split('\n').sort(), ['inner', 'inner', 'outer', 'outer']);
    const dump = network.encap('a', 'map', 'dump', 'tracers', '-o', 'json');
    t.deepEqual((JSON.parse(dump) as { readonly items: readonly unknown[] }).items, []);
  } finally {
    await flow.stop();
  }
}

interface Rates {
  readonly seconds: number;
  readonly items: readonly {
    readonly name: string;
    readonly tx: Amount;
    readonly rx: Amount;
  }[];
}

interface Watched {
  readonly verdict: string;
  readonly rates: Rates;
}

interface Amount {
  readonly packets: number;
  readonly bytes: number;
}

networkTest(
  'top says what ping sends, by node, verdict, block and pool; status --watch beside its own',
  async (t, network) => {
    await pinned(network);
    for (const [by, name] of [
      ['peer', 'node-b'],
      ['block', '10.244.2.0/26'],
      ['pool', '10.244.0.0/16'],
    ] as const)
      await counts(t, network, { by, name });
    await redraws(t, network);
    const flow = network.flow(0.01);
    const verdicts = network.encap('a', 'top', '--by', 'reason', '--interval=0.5', '-n1');
    t.regex(verdicts, /^TIME +VERDICT +EGRESS pkt\/s +EGRESS +INGRESS pkt\/s +INGRESS\n/);
    t.regex(verdicts, /^\d\d:\d\d:\d\d +encapsulated +\d+ +\S+ k?B\/s +0 +0 B\/s$/m);
    const watched = network.encap('a', 'status', '-w', '-ojson', '--interval=0.5', '-n2');
    await flow.stop();
    const reports = linesIn(watched) as readonly Watched[];
    t.deepEqual(
      reports.map(({ verdict, rates: { items } }) => [verdict, items.map(({ name }) => name)]),
      [0, 1].map(() => ['OK', ['node-b']]),
    );
    for (const { rates } of reports) t.true((rates.items[0]?.tx.packets ?? 0) > 10);
  },
  'script',
);

/** Of all that ping sent, nothing is counted twice or not at all: intervals add up to it. */
async function counts(
  t: ExecutionContext,
  network: Network,
  { by, name }: { readonly by: string; readonly name: string },
): Promise<void> {
  using top = watch(network, ['top', '--by', by, '--json', '--interval', '0.3']);
  await top.until('"kind"');
  t.is(network.ping(10, '-i0.01'), 10);
  const lines = top.stdout.split('\n').length;
  while (top.stdout.split('\n').length < lines + 2) await sleep(20);
  const { code, stdout } = await top.end('Ctrl-C');
  t.is(code, 0);
  const sums = { tx: [0, 0], rx: [0, 0] };
  for (const { seconds, items } of linesIn(stdout) as readonly Rates[])
    for (const item of items.filter((one) => one.name === name))
      for (const way of ['tx', 'rx'] as const)
        sums[way] = [
          (sums[way][0] ?? 0) + item[way].packets * seconds,
          (sums[way][1] ?? 0) + item[way].bytes * seconds,
        ];
  t.deepEqual(sums.tx.map(Math.round), [10, 980], by);
  t.deepEqual(sums.rx.map(Math.round), [10, 1480], by);
}

async function redraws(t: ExecutionContext, network: Network): Promise<void> {
  const words = ['top', '--interval', '0.2', '-n', '3'];
  using top = watch(network, words, 'terminal');
  const { code, stdout } = await top.end('by itself');
  t.is(code, 0);
  t.is(stdout.split('\x1b[H\x1b[J').length, 4, 'three screens');
  t.regex(stdout, /PEER +TX pkt\/s +TX +RX pkt\/s +RX\r\nnode-b +0 +0 B\/s +0 +0 B\/s\r\n/);
}

function linesIn(text: string): readonly unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

/** What tshark reads in a file: the fields of each frame. */
function tshark(file: string, ...words: readonly string[]): readonly (readonly string[])[] {
  const isFilter = words[0] === '-Y';
  const fields = (isFilter ? words.slice(2) : words).flatMap((field) => ['-e', field]);
  const text = execFileSync(
    'tshark',
    ['-r', file, ...(isFilter ? words.slice(0, 2) : []), '-T', 'fields', ...fields],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}
