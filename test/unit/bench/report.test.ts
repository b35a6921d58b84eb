import test from 'ava';
import { changesOf } from '../../../src/bench/compare.js';
import { page } from '../../../src/bench/html.js';
import { plotsOf } from '../../../src/bench/plots.js';
import { markdown, ratioGrid } from '../../../src/bench/report.js';
import { rowsOf } from '../../../src/bench/summary.js';
import { differences, underlays } from '../../../src/bench/underlay.js';
import { benchRun } from '../../support/bench-run.js';

/** A machine that slows down by half meanwhile, and a variant that is always a fifth faster. */
const drifting = benchRun({
  'kernel-vxlan': [10e9, 9e9, 8e9, 7e9, 6e9, 5e9],
  'encapd-vxlan': [12e9, 10.8e9, 9.6e9, 8.4e9, 7.2e9, 6e9],
});

test('ratios are taken round by round: what slows both falls out', (t) => {
  const [throughput] = rowsOf(drifting);
  t.is(throughput?.base.median, 7.5e9);
  const [cell] = throughput?.cells ?? [];
  t.is(cell?.rounds, 6);
  for (const value of [cell?.ratio.low, cell?.ratio.median, cell?.ratio.high])
    t.true(Math.abs((value ?? 0) - 1.2) < 1e-9);
});

test('a round without its partner is no pair', (t) => {
  const [row] = rowsOf(benchRun({ base: [1e9, 2e9, 4e9], other: [3e9, 6e9] }));
  t.is(row?.cells[0]?.rounds, 2);
  t.is(row?.cells[0]?.ratio.median, 3);
});

test('the table says the base’s own figure and the others’ ratios', (t) => {
  t.deepEqual(ratioGrid(drifting), {
    head: ['UNDERLAY', 'LOAD', 'METRIC', 'BASE kernel-vxlan', 'encapd-vxlan'],
    rows: [
      ['super', 'tcp-1', 'throughput', '7.50 Gb/s', '1.20x [1.20, 1.20]'],
      ['super', 'tcp-1', 'CPU per GB', '0.134 s', '0.83x [0.83, 0.83]'],
    ],
  });
});

test('Markdown has the table, the machine and what was not measured', (t) => {
  const absent = [{ variant: 'kernel-ipip', why: 'Unknown device type' }];
  const text = markdown({ ...drifting, absent, complete: false });
  t.true(text.startsWith('| UNDERLAY | LOAD |'));
  for (const part of ['6 paired rounds', '2 CPUs Some CPU (virtual)', 'interrupted', 'kernel-ipip'])
    t.true(text.includes(part), part);
});

test('a run that lost a tenth is slower, one that lost a hundredth is not', (t) => {
  const base = [10e9, 10.1e9, 9.9e9, 10e9, 10.05e9];
  const of = (factor: number) =>
    benchRun({ 'kernel-vxlan': base, 'encapd-vxlan': base.map((value) => value * factor) });
  const slower = changesOf(of(1.2), of(1.08), 0.05);
  t.deepEqual(
    slower.map(({ metric, isSlower }) => [metric, isSlower]),
    [
      ['bitsPerSecond', true],
      ['cpuPerGigabyte', true],
    ],
  );
  t.true(Math.abs((slower[0]?.gain.median ?? 0) - 0.9) < 1e-9);
  t.true(Math.abs((slower[1]?.gain.median ?? 0) - 0.9) < 1e-9, 'turned so that more is better');
  t.true(changesOf(of(1.2), of(1.19), 0.05).every(({ isSlower }) => !isSlower));
});

test('a machine that is slower as a whole made nothing of ours slower', (t) => {
  const half = benchRun({
    'kernel-vxlan': [5e9, 4.5e9, 4e9],
    'encapd-vxlan': [6e9, 5.4e9, 4.8e9],
  });
  t.true(changesOf(drifting, half, 0.05).every(({ isSlower }) => !isSlower));
});

test('one page: pictures in it, no script, nothing fetched, markup of others escaped', async (t) => {
  const hostile = { ...drifting, command: ['encap', '<script>alert(1)</script>'] };
  const plots = await plotsOf(hostile);
  t.deepEqual(
    plots.map(({ title }) => title),
    [
      'Ratio to the base: above 1 is more',
      'CPU time, ratio to the base: below 1 is cheaper',
      'Every measurement, super',
    ],
  );
  const html = page(hostile, plots);
  t.is(html.match(/<svg/g)?.length, 3);
  t.false(/<script/.test(html));
  t.false(/(src|href)="https?:/.test(html));
  const [, encoded = ''] = /base64,([^"]+)"/.exec(html) ?? [];
  t.deepEqual(JSON.parse(Buffer.from(encoded, 'base64').toString()), hostile);
});

test('an underlay that is not as it should be is told by its features', (t) => {
  const said = [
    'tcp-segmentation-offload: off',
    '\ttx-tcp-segmentation: off',
    'generic-segmentation-offload: on',
    'generic-receive-offload: off',
    'tx-udp_tnl-segmentation: off [fixed]',
    'tx-udp_tnl-csum-segmentation: off',
  ].join('\n');
  t.deepEqual(differences(underlays.wire.features, said), [
    'gro is off, not on',
    'tx-ipxip4-segmentation is unknown, not off',
  ]);
});
