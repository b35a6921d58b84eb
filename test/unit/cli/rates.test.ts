import test from 'ava';
import { ordered, orders, ratesBetween, type Reading } from '../../../src/cli/rates.js';
import { bytesText, shortText, topLines, topScreen } from '../../../src/cli/top-text.js';
import { topReport } from '../../../src/cli/top-report.js';
import { sampleOf, samplesIn } from '../../support/samples.js';
import { sessionLike } from './session.js';

process.env['TZ'] = 'UTC'; // times are printed as they are where the command runs

type Counts = Readonly<Record<string, readonly [number, number, number, number]>>;

function reading(seconds: number, counts: Counts): Reading {
  return {
    ns: BigInt(seconds * 1e9),
    counts: new Map(
      Object.entries(counts).map(([name, [packets, bytes, more, moreBytes]]) => [
        name,
        { tx: { packets, bytes }, rx: { packets: more, bytes: moreBytes } },
      ]),
    ),
  };
}

const before = reading(10, { 'node-b': [100, 10_000, 0, 0], 'node-c': [900, 9000, 5, 50] });
const after = reading(12, {
  'node-b': [140, 14_000, 2, 200],
  'node-c': [3, 30, 5, 50],
  'node-d': [1, 60, 0, 0],
});

test('rates are what two readings differ by, by the second; a counter that went back began anew', (t) => {
  t.deepEqual(ratesBetween(before, after), [
    { name: 'node-b', tx: { packets: 20, bytes: 2000 }, rx: { packets: 1, bytes: 100 } },
    { name: 'node-c', tx: { packets: 1.5, bytes: 15 }, rx: { packets: 0, bytes: 0 } },
    { name: 'node-d', tx: { packets: 0.5, bytes: 30 }, rx: { packets: 0, bytes: 0 } },
  ]);
});

test('the busiest come first, in the order that was asked for', (t) => {
  const row = (name: string, tx: readonly [number, number], rx: readonly [number, number]) => ({
    ...{ name, tx: { packets: tx[0], bytes: tx[1] }, rx: { packets: rx[0], bytes: rx[1] } },
  });
  const rows = [
    row('node-10', [1, 9000], [0, 0]),
    row('node-9', [50, 50], [50, 50]),
    row('node-2', [2, 20], [1, 9500]),
  ];
  t.deepEqual(
    orders.map((order) => [order, ...ordered(rows, order).map(({ name }) => name.slice(5))]),
    [
      ['bytes', '2', '10', '9'],
      ['packets', '9', '2', '10'],
      ['tx', '10', '9', '2'],
      ['rx', '2', '9', '10'],
      ['name', '2', '9', '10'],
    ],
  );
});

test('a peer without traffic is listed, a verdict without is not', (t) => {
  const quiet = reading(14, { 'node-b': [140, 14_000, 2, 200] });
  t.is(topReport('peer', 'bytes', [after, quiet]).items.length, 1);
  t.is(topReport('verdict', 'bytes', [after, quiet]).items.length, 0);
});

test('in a pipe each line has the time, and headings come once; a terminal shows what has room', (t) => {
  const report = {
    ...topReport('peer', 'bytes', [before, after]),
    time: '2026-11-28T12:01:07.000Z',
  };
  const session = sessionLike();
  const [heading = '', ...lines] = topLines(session, report, true).split('\n');
  t.regex(heading, /^TIME +PEER +TX pkt\/s +TX +RX pkt\/s +RX$/);
  t.deepEqual(
    lines.map((line) => line.split(/ {2,}/)),
    [
      ['12:01:07', 'node-b', '20', '2 kB/s', '1', '100 B/s'],
      ['12:01:07', 'node-d', '0.5', '30 B/s', '0', '0 B/s'],
      ['12:01:07', 'node-c', '1.5', '15 B/s', '0', '0 B/s'],
    ],
  );
  t.is(topLines(session, report, false).split('\n').length, 3);
  const screen = topScreen(session, report, 6).split('\n');
  t.is(screen[0], 'by peer   2.0 s   tx 2.0 kB/s   rx 100 B/s');
  t.is(screen.length, 5);
  t.is(screen.at(-1), 'and 1 more');
});

test('the screen that docs/observe.md shows is of these figures', (t) => {
  const { output } = sampleOf(samplesIn('observe.md'), 'encap top');
  const session = sessionLike({ columns: 80 });
  const counted = reading(1, {
    'node-b': [1200, 1.4e6, 1100, 1.3e6],
    'node-c': [6400, 7.7e6, 6200, 7.5e6],
  });
  const report = topReport('peer', 'bytes', [reading(0, {}), counted]);
  t.deepEqual(topScreen(session, report, 24).split('\n'), output);
});

test.serial('the time is that of the place, as encap trace has it', (t) => {
  t.teardown(() => (process.env['TZ'] = 'UTC'));
  process.env['TZ'] = 'Asia/Kolkata';
  const report = {
    ...topReport('peer', 'bytes', [reading(0, {}), reading(1, { 'node-b': [1, 1, 1, 1] })]),
    time: '2026-11-28T12:01:07.000Z',
  };
  t.regex(topLines(sessionLike(), report, false), /^17:31:07 /);
});

test('numbers have three digits at most', (t) => {
  t.deepEqual([0, 0.5, 9.94, 9.96, 999.4, 999.6, 1234, 12_345, 9.1e6, 9.99e11].map(shortText), [
    '0',
    '0.5',
    '9.9',
    '10',
    '999',
    '1.0k',
    '1.2k',
    '12k',
    '9.1M',
    '999G',
  ]);
  t.is(bytesText(9.1e6), '9.1 MB/s');
});
