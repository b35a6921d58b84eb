import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Trace, type Decision, type TraceFilter } from '../../src/datapath/trace.js';
import type { VerdictNames } from '../../src/datapath/traffic.js';
import type { Cidr } from '../../src/net/cidr.js';
import { verdictNames, type Direction } from '../support/count.js';
import { Dut } from '../support/dut.js';
import type { Exit } from '../support/exit.js';
import { arriving, fromB, fromB6, inIpip, pooled, toB, toB6 } from '../support/frames.js';
import { whyNoPrograms } from '../support/object.js';
import { fill } from '../support/world.js';
import { egressExits } from './egress-exits.js';
import { ingressExits } from './ingress-exits.js';

const missing = whyNoPrograms();
const dut = missing === undefined ? new Dut() : undefined;
test.after.always(() => dut?.[Symbol.dispose]());

const names: VerdictNames = dut === undefined ? {} : Object.fromEntries(verdictNames(dut.object));
const all: TraceFilter = {
  verdicts: Object.values(names),
  directions: ['egress', 'ingress'],
  rate: 0xffffffff,
  snapBytes: 2048,
};

type Body = (t: ExecutionContext, dut: Dut) => Promise<void> | void;

function traced(title: string, body: Body): void {
  test.serial(title, async (t) => {
    if (dut !== undefined) return body(t, dut);
    t.log(`skipped: ${missing ?? ''}`);
    t.pass();
  });
}

/** A reader of the decisions of what runs while it is there. */
class Reader implements Disposable {
  readonly trace: Trace;

  constructor({ object }: Dut, filter: Partial<TraceFilter> = {}) {
    const maps = {
      tracers: object.map('tracers'),
      traced: object.map('traced'),
      decisions: object.map('decisions'),
    };
    this.trace = new Trace(maps, names, { ...all, ...filter });
  }

  /** All that has been told, and no more comes in 50 ms. */
  async told(): Promise<readonly Decision[]> {
    const ended = new AbortController();
    const told: Decision[] = [];
    const reading = (async () => {
      for await (const one of this.trace.decisions(ended.signal)) told.push(one);
    })();
    await sleep(50);
    ended.abort();
    await reading;
    return told;
  }

  [Symbol.dispose](): void {
    this.trace[Symbol.dispose]();
  }
}

/** What the counters and the kernel's test run say beside what is told. */
async function tells(
  t: ExecutionContext,
  dut: Dut,
  direction: Direction,
  exits: readonly Exit[],
): Promise<void> {
  for (const { title, verdict, packet, origin = {}, given } of exits) {
    if (!dut.canRun(origin)) continue; // this kernel runs no forwarded packets
    const frame = packet instanceof Uint8Array ? packet : packet.bytes();
    try {
      using reader = new Reader(dut);
      given?.(dut);
      const ran = dut.run(direction, frame, origin);
      const told = await reader.told();
      t.is(told.length, 1, `${verdict}: ${title}`);
      const [one] = told;
      if (one === undefined) continue;
      t.is(one.verdict, ran.verdict, title);
      t.is(one.direction, direction);
      t.is(one.met.size, frame.length, title);
      t.deepEqual(Buffer.from(one.met.bytes), Buffer.from(frame.slice(0, 2048)), title);
      t.is(one.left.size, ran.packet.length, title);
      t.deepEqual(Buffer.from(one.left.bytes), Buffer.from(ran.packet.slice(0, 2048)), title);
    } finally {
      fill(dut.tables, 'a');
    }
  }
}

traced(
  'every way out of the egress program is told: verdict, frame as it came, frame as it left',
  (t, dut) => tells(t, dut, 'egress', egressExits),
);

traced('every way out of the ingress program too', (t, dut) =>
  tells(t, dut, 'ingress', ingressExits),
);

traced('a decision says whose packet it is', async (t, dut) => {
  using reader = new Reader(dut);
  const peerOfB = 2;
  for (const frame of [toB, toB6]) dut.run('egress', frame.bytes());
  for (const frame of [fromB, fromB6]) dut.run('ingress', frame.bytes());
  dut.run('egress', pooled('10.244.1.5', '10.99.0.1').bytes());
  dut.run('ingress', arriving({}, '192.0.2.9').ipv4('10.244.2.9', '10.244.1.5').bytes());
  const peers = (await reader.told()).map(({ peer }) => peer);
  t.is(peers[0], peerOfB);
  t.is(peers[2], peerOfB);
  t.not(peers[1], undefined);
  t.is(peers[1], peers[3]);
  t.deepEqual(peers.slice(4), [undefined, undefined]);
});

const tcp = pooled('10.244.1.5', '10.244.2.9').raw(
  Uint8Array.of(0x9c, 0x40, 0x1f, 0x90, ...Array.from({ length: 16 }, () => 0)),
);

const filters: readonly (readonly [string, Partial<TraceFilter>, readonly string[]])[] = [
  ['nothing but the verdicts', {}, ['toB', 'toB6', 'fromB', 'fromB6', 'ipip', 'lost']],
  ['the direction', { directions: ['ingress'] }, ['fromB', 'fromB6', 'ipip']],
  ['a verdict', { verdicts: ['DROP_NO_BLOCK'] }, ['lost']],
  ['the inner source', { source: '10.244.2.0/26' as Cidr }, ['fromB']],
  ['the inner destination', { destination: '10.244.2.9/32' as Cidr }, ['toB']],
  ['either of them', { either: '10.244.2.9/32' as Cidr }, ['toB', 'fromB']],
  ['an IPv6 prefix', { either: 'fd00:244:0:2::/64' as Cidr }, ['toB6', 'fromB6']],
  ['an inner address in IPIP', { source: '10.245.2.9/32' as Cidr }, ['ipip']],
  ['a protocol', { protocol: 17, directions: ['egress'] }, ['toB', 'toB6', 'lost']],
  ['a protocol that none has', { protocol: 132 }, []],
  ['a port', { port: 2 }, ['toB', 'toB6', 'fromB', 'fromB6', 'ipip', 'lost']],
  ['a port that none has', { port: 4789 }, []],
];

for (const [title, filter, expected] of filters)
  traced(`the programs filter by ${title}`, async (t, dut) => {
    using reader = new Reader(dut, filter);
    const packets = {
      toB: ['egress', toB],
      toB6: ['egress', toB6],
      fromB: ['ingress', fromB],
      fromB6: ['ingress', fromB6],
      ipip: ['ingress', inIpip('10.245.2.9', '10.245.1.5').udp(1, 2)],
      lost: ['egress', pooled('10.244.1.5', '10.244.200.1').udp(1, 2)],
    } as const;
    for (const [direction, packet] of Object.values(packets)) dut.run(direction, packet.bytes());
    const bytes = (await reader.told()).map(({ met }) => Buffer.from(met.bytes).toString('hex'));
    const seen = Object.entries(packets)
      .filter(([, [, packet]]) => bytes.includes(Buffer.from(packet.bytes()).toString('hex')))
      .map(([name]) => name);
    t.deepEqual(seen, [...expected]);
    t.is(bytes.length, expected.length);
  });

traced('TCP ports are read where UDP has its own', async (t, dut) => {
  using reader = new Reader(dut, { port: 8080 });
  const frame = tcp.bytes();
  frame[23] = 6; // the protocol; the header's checksum is nobody's business here
  dut.quickly('egress', frame);
  dut.run('egress', toB.bytes());
  t.is((await reader.told()).length, 1);
});

traced('no more are told than the rate; the others are counted', async (t, dut) => {
  using reader = new Reader(dut, { rate: 5 });
  const frame = toB.bytes();
  const began = process.hrtime.bigint() >> 30n;
  for (let i = 0; i < 100; i += 1) dut.quickly('egress', frame);
  const windows = Number((process.hrtime.bigint() >> 30n) - began) + 1;
  const told = await reader.told();
  t.true(told.length >= 5 && told.length <= 5 * windows, `${told.length} in ${windows} windows`);
  t.is(reader.trace.untold().limited, 100 - told.length);
});

traced('a reader that is too slow loses decisions, and hears how many', async (t, dut) => {
  using reader = new Reader(dut);
  const frame = pooled('10.244.1.5', '10.244.2.9').raw(new Uint8Array(1400)).bytes();
  for (let i = 0; i < 1000; i += 1) dut.quickly('egress', frame);
  const told = await reader.told();
  t.true(told.length > 100 && told.length < 1000, `${told.length}`);
  t.deepEqual(reader.trace.untold(), { limited: 0, lost: 1000 - told.length });
});

traced('there is one reader at a time, and none stays behind', async (t, dut) => {
  {
    using _reader = new Reader(dut);
    t.throws(() => new Reader(dut), { code: 'TRACE_BUSY' });
  }
  using second = new Reader(dut);
  dut.run('egress', toB.bytes());
  t.is((await second.told()).length, 1);
});

traced('a reader that was killed is forgotten after three seconds', async (t, dut) => {
  const killed = new Reader(dut);
  t.throws(() => new Reader(dut), { code: 'TRACE_BUSY' });
  await sleep(3100);
  using reader = new Reader(dut, { verdicts: ['DROP_NO_BLOCK'] });
  dut.run('egress', toB.bytes());
  t.deepEqual(await reader.told(), []);
  killed[Symbol.dispose](); // it is another's by now
  dut.run('egress', pooled('10.244.1.5', '10.244.200.1').bytes());
  t.is((await reader.told()).length, 1);
});
