import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { nobody } from '../support/frames.js';
import { skips } from '../support/needs.js';
import { eth, type Packet } from '../support/packet.js';
import { nodes } from '../support/world.js';
import { corpusRows, type Row } from '../program/fuzz/rows.js';
import { variants } from '../program/fuzz/variants.js';
import { referenceOf } from '../program/reference/reference.js';
import { atlasOf } from '../program/reference/world.js';
import { encap, main, root } from './encap.js';

const world = join(root, 'test/support/corpus-world.yaml');
const run = (node: string): string[] => ['packet', 'run', '-f', world, '--node', node];

interface Answer {
  readonly id: string;
  readonly verdict: string | null;
  readonly action?: string;
  readonly peer?: string;
  readonly output: string | null;
  readonly reason?: string;
}

async function answers(node: string, lines: readonly object[], ...more: string[]) {
  const stdin = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const { stdout, stderr, code } = await encap([...run(node), '-', ...more], { stdin });
  return {
    stderr,
    code,
    list: stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Answer),
  };
}

function hex(packet: Packet): string {
  return Buffer.from(packet.bytes()).toString('hex');
}

/** From a workload of one node to one of another, as it sends it. */
function sent(to: 'b' | 'c', options: { pool?: string } = {}): Packet {
  const { pool = '10.244' } = options;
  return eth('ee:ee:ee:ee:ee:01', 'ee:ee:ee:ee:ee:ee')
    .ipv4(`${pool}.1.5`, `${pool}.${nodes[to].third}.9`)
    .udp(7777, 8888)
    .raw('hello');
}

/** In the order of the corpus, with what the reference says of it. */
function expected(): readonly {
  readonly row: Row;
  readonly verdict: string;
  readonly frame: string;
}[] {
  const usual = variants.find(({ name }) => name === 'as usual');
  if (usual === undefined) throw new Error('no usual variant');
  const reference = referenceOf(usual.world);
  return corpusRows(atlasOf(usual.world.tables)).map((row) => {
    const outcome = reference({ ...row, forwarded: row.from !== 'local' });
    const frame = outcome.frame?.({ port: 0, id: 0, flowLabel: 0 }) ?? row.frame;
    return { row, verdict: outcome.verdict, frame: Buffer.from(frame).toString('hex') };
  });
}

/** Where Calico's resources say more than the tables of the other tests: a pool that never encapsulates is not ours. */
const otherwise: Readonly<Record<string, string>> = { 'proto-none-pool-in-vx': 'DROP_NO_POLICY' };

test.serial('every packet of the corpus, by a cluster in Calico’s resources', async (t) => {
  if (skips(t)) return;
  const wanted = expected();
  const { list, stderr, code } = await answers(
    'node-a',
    wanted.map(({ row }) => ({
      id: row.id,
      direction: row.direction,
      hex: Buffer.from(row.frame).toString('hex'),
      fromWorkload: row.from !== 'local',
      mark: row.marked,
    })),
  );
  t.is(stderr, '');
  t.is(code, 0);
  t.is(list.length, wanted.length);
  wanted.forEach(({ row, verdict, frame }, place) => {
    const answer = list[place];
    t.is(answer?.id, row.id);
    if (answer?.verdict === null) {
      t.is(row.id, 'x-trunc', 'the only frame that a test run takes not');
      t.regex(answer.reason ?? '', /from 34 bytes on, this has 26/);
      return;
    }
    t.is(answer?.verdict, wordOf(otherwise[row.id] ?? verdict), row.id);
    if (answer?.action === 'drop' && answer.verdict !== 'answered_too_big')
      t.is(answer.output, null);
    else if (answer?.action !== 'encap') t.is(answer?.output, frame, row.id);
  });
});

function wordOf(verdict: string): string {
  return verdict.replace(/^(PASS|DROP)_/, '').toLowerCase();
}

test.serial(
  'what one node encapsulates the other one takes out again: the same bytes',
  async (t) => {
    if (skips(t)) return;
    const packets = ['10.244', '10.245', '10.246', '10.248'].map((pool) => sent('c', { pool }));
    const out = await answers(
      'node-a',
      packets.map((packet, id) => ({ id, direction: 'workload', hex: hex(packet) })),
    );
    t.deepEqual(
      out.list.map(({ action, peer }) => [action, peer]),
      packets.map(() => ['encap', 'node-c']),
    );
    const back = await answers(
      'node-c',
      out.list.map(({ id, output }) => ({ id, direction: 'ingress', hex: output })),
    );
    back.list.forEach(({ action, peer, output }, place) => {
      t.is(action, 'decap');
      t.is(peer, 'node-a');
      t.is(output?.slice(28), hex(packets[place] ?? sent('c')).slice(28));
    });
  },
);

test.serial(
  'a packet on its way out is addressed as its route says, unless it is raw',
  async (t) => {
    if (skips(t)) return;
    const packet = hex(sent('b', { pool: '10.246' }));
    const { list } = await answers('node-a', [
      { id: 'routed', direction: 'egress', hex: packet },
      { id: 'raw', direction: 'egress', hex: packet, raw: true },
      { id: 'marked', direction: 'egress', hex: packet, mark: true },
      { id: 'elsewhere', direction: 'workload', hex: hex(elsewhere) },
    ]);
    t.deepEqual(
      list.map(({ id, verdict, action }) => [id, verdict, action]),
      [
        ['routed', 'direct', 'direct'],
        ['raw', 'not_pool', 'pass'],
        ['marked', 'direct_again', 'direct'],
        ['elsewhere', 'not_pool', 'pass'],
      ],
    );
    t.is(list[0]?.output?.slice(0, 12), nobody.replaceAll(':', ''));
    t.is(list[1]?.output, packet);
    t.is(list[3]?.output, hex(elsewhere));
  },
);

const elsewhere = eth('ee:ee:ee:ee:ee:01', 'ee:ee:ee:ee:ee:ee')
  .ipv4('10.244.1.5', '198.51.100.7')
  .udp(1, 53);

test.serial(
  'frames for any machine are taken for this one’s, unless its MAC is told',
  async (t) => {
    if (skips(t)) return;
    const { a, b } = nodes;
    const inside = (to: string): string =>
      hex(
        eth(b.uplinkMac, to)
          .ipv4(b.underlay, a.underlay)
          .udp(50000, 4789)
          .vxlan(4096)
          .eth(b.vtepMac, a.vtepMac)
          .ipv4('10.244.2.9', '10.244.1.5')
          .udp(1, 2),
      );
    const lines = [a.uplinkMac, '02:00:00:00:00:99', 'ff:ff:ff:ff:ff:ff'].map((mac) => ({
      hex: inside(mac),
    }));
    const verdicts = async (...more: string[]): Promise<unknown> =>
      (await answers('node-a', lines, ...more)).list.map(({ verdict }) => verdict);
    t.deepEqual(await verdicts(), ['decapsulated', 'decapsulated', 'not_host']);
    t.deepEqual(await verdicts('--mac', a.uplinkMac), ['decapsulated', 'not_host', 'not_host']);
  },
);

test.serial('10,000 packets in less than 10 seconds', async (t) => {
  if (skips(t)) return;
  const packet = hex(sent('b'));
  const lines = Array.from({ length: 10_000 }, (_, id) => ({
    id,
    direction: 'workload',
    hex: packet,
  }));
  const started = performance.now();
  const { list, code } = await answers('node-a', lines);
  const seconds = (performance.now() - started) / 1000;
  t.is(code, 0);
  t.is(list.length, 10_000);
  t.true(
    list.every(({ action }, place) => action === 'encap' && Number(list[place]?.id) === place),
  );
  t.log(`${seconds.toFixed(1)} s, with all that comes before the first packet`);
  t.true(seconds < 10);
});

test.serial('answers come as the packets do; an interrupt leaves nothing behind', async (t) => {
  if (skips(t)) return;
  const [pins, state] = ['pins', 'run'].map((name) =>
    join(tmpdir(), `encap-${process.pid}-${name}`),
  );
  const child = spawn(process.execPath, [main, ...run('node-a'), '-'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ENCAP_BPFFS: pins, ENCAP_RUN_DIR: state },
  });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  for (const id of ['first', 'second']) {
    child.stdin.write(`${JSON.stringify({ id, direction: 'workload', hex: hex(sent('b')) })}\n`);
    const line: IteratorResult<string, undefined> = await lines.next();
    t.is((JSON.parse(line.value ?? '') as Answer).id, id);
  }
  const own = readdirSync(`/proc/${child.pid ?? 0}/fd`)
    .map((fd) => linkOf(`/proc/${child.pid ?? 0}/fd/${fd}`))
    .find((target) => target.startsWith('net:['));
  t.truthy(own, 'it has a network namespace');
  child.kill('SIGINT');
  const [, signal] = (await once(child, 'exit')) as [unknown, string];
  t.is(signal, 'SIGINT');
  t.false(existsSync(pins ?? ''));
  t.false(existsSync(state ?? ''));
  const others = readdirSync('/proc').map((name) => linkOf(`/proc/${name}/ns/net`));
  t.false(others.includes(own ?? ''), 'nobody is in its namespace');
});

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // gone meanwhile
  }
}

const shows = test.macro({
  async exec(t: ExecutionContext, args: readonly string[], packet: Packet, text: string) {
    if (skips(t)) return;
    const { stdout, stderr, code } = await encap([...run('node-a'), ...args, hex(packet)]);
    t.is(stdout.replace(/UDP( +)\d{5} > 4789/, 'UDP$1PORT > 4789'), text);
    t.is(stderr, '');
    t.is(code, 0);
  },
  title: (_, args: readonly string[]) => `encap packet run ${args.join(' ')} HEX`,
});

test.serial(
  shows,
  ['--direction', 'workload'],
  sent('b'),
  `in    workload, 47 bytes, addressed to nobody, as the pool's route says
      Ethernet   ee:ee:ee:ee:ee:01 > 02:fe:fe:fe:fe:fe, type 0x0800
      IPv4       10.244.1.5 > 10.244.2.9, UDP, ttl 64, dscp 0, ecn not-ECT, 33 bytes
      UDP        7777 > 8888, checksum 0x61f3, 13 bytes
      data       5 bytes
out   encap, encapsulated to node-b, 97 bytes
      Ethernet   ee:ee:ee:ee:ee:01 > 02:fe:fe:fe:fe:fe, type 0x0800
      IPv4       192.168.1.11 > 192.168.1.12, UDP, ttl 64, dscp 0, ecn not-ECT, DF, 83 bytes
      UDP        PORT > 4789, no checksum, 63 bytes
      VXLAN      VNI 4096, flags 0x08
      Ethernet   66:00:00:00:00:0b > 66:00:00:00:00:0c, type 0x0800
      IPv4       10.244.1.5 > 10.244.2.9, UDP, ttl 64, dscp 0, ecn not-ECT, 33 bytes
      UDP        7777 > 8888, checksum 0x61f3, 13 bytes
      data       5 bytes
`,
);
test.serial(
  shows,
  ['--direction', 'egress', '--from-workload', '--raw'],
  eth('ee:ee:ee:ee:ee:01', 'ee:ee:ee:ee:ee:ee').ipv4('10.244.1.5', nodes.b.underlay).udp(1, 4789),
  `in    egress, forwarded, 42 bytes
      Ethernet   ee:ee:ee:ee:ee:01 > ee:ee:ee:ee:ee:ee, type 0x0800
      IPv4       10.244.1.5 > 192.168.1.12, UDP, ttl 64, dscp 0, ecn not-ECT, 28 bytes
      UDP        1 > 4789, checksum 0x1f7b, 8 bytes
      VXLAN      cut off: 0 bytes are there
out   drop, workload_tunnel: a workload's own tunnel to a node, which would pass for ours
`,
);

test.serial('the JSON of one packet is the line that it would be among others', async (t) => {
  if (skips(t)) return;
  const args = [...run('node-a'), '--direction', 'egress', '-o', 'json', hex(elsewhere)];
  const { stdout, code } = await encap(args);
  t.deepEqual(JSON.parse(stdout), {
    id: 1,
    verdict: 'not_pool',
    action: 'pass',
    output: hex(elsewhere),
    reason: 'did not take a pool route',
  });
  t.is(stdout.trimEnd().split('\n').length, 1);
  t.is(code, 0);
});

const refuses = test.macro({
  async exec(
    t: ExecutionContext,
    args: readonly string[],
    stdin: string,
    says: RegExp,
    code: number,
  ) {
    if (skips(t)) return;
    const ended = await encap([...run('node-a'), ...args], { stdin });
    t.regex(ended.stderr, says);
    t.is(ended.code, code);
    // what came before the mistake is answered
    t.is(ended.stdout.split('\n').length, stdin.split('\n').length);
  },
  title: (_, args: readonly string[], stdin: string) =>
    `encap packet run ${args.join(' ')} ${JSON.stringify(stdin)} is refused`,
});

const good = '{"hex":"ffffffffffff0200000000010806"}\n';
test.serial(
  refuses,
  ['-'],
  `${good}${good}nonsense`,
  /cannot read packet 3: it is no JSON.*\nat: {2}<stdin>:3\n/,
  3,
);
test.serial(refuses, ['zz'], '', /cannot read the packet: "z" is no hexadecimal digit/, 2);
test.serial(
  refuses,
  ['--node', 'node-x', '02'],
  '',
  /no Node has this name\nwhy: nodes: node-a, node-b, node-c/,
  3,
);
test.serial(refuses, ['--mac', '02:00', '02'], '', /cannot use 02:00 as the uplink's MAC/, 2);
test.serial(
  refuses,
  ['-f', '-', '-'],
  '',
  /cannot read both resources and packets from standard input/,
  2,
);

test.serial('without the right to load programs it says which is missing', async (t) => {
  if (skips(t, 'setpriv')) return;
  const args = [
    '--bounding-set=-all',
    '--inh-caps=-all',
    process.execPath,
    main,
    ...run('node-a'),
    '02',
  ];
  const ended = await new Promise<{ stderr: string; code: unknown }>((done) => {
    execFile('setpriv', args, (error, _, stderr) => {
      done({ stderr, code: error?.code });
    });
  });
  t.regex(ended.stderr, /EPERM/);
  t.is(ended.code, 4);
});
