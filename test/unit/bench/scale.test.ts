import test from 'ava';
import { scaleGrid, scaleMarkdown } from '../../../src/bench/scale/report.js';
import type { BenchScale } from '../../../src/bench/scale/result.js';
import { blockCidr, ownerOf, worldOf } from '../../../src/bench/scale/world.js';
import { benchRun } from '../../support/bench-run.js';

const { startedAt, endedAt, machine } = benchRun({ base: [1] });

const run: BenchScale = {
  ...{ apiVersion: 'encap/v1', kind: 'BenchScale', startedAt, endedAt, machine },
  complete: false,
  command: ['encap', 'bench', 'run', 'scale'],
  versions: { encap: '1' },
  plan: { blocks: [1000, 1_000_000], rounds: 3 },
  absent: [{ blocks: 1_000_000, what: 'agent', why: 'it ended' }],
  samples: [
    ...[50, 40, 60].map((value, round) => sample(round, 1000, 'lookup', value)),
    ...Array.from({ length: 200 }, (_, index) => sample(0, 1000, 'change', index + 1)),
    sample(0, 1_000_000, 'memory', 98.7654),
  ],
};

function sample(
  round: number,
  blocks: number,
  metric: BenchScale['samples'][number]['metric'],
  value: number,
) {
  return { round, blocks, metric, value };
}

test('the table has a column for each number of blocks: median, least and most', (t) => {
  const { head, rows } = scaleGrid(run);
  t.deepEqual(head, ['MEASURE', '1k BLOCKS', '1M BLOCKS']);
  const cells = new Map(rows.map(([title = '', ...more]) => [title, more]));
  t.deepEqual(cells.get('lookup'), ['50.0 ns [40.0, 60.0]', '-']);
  t.deepEqual(cells.get('maps take'), ['-', '98.8 MB [98.8, 98.8]']);
  t.deepEqual(cells.get('a change is there, p50'), ['101 ms [1.00, 200]', '-']);
  t.deepEqual(cells.get('a change is there, p99'), ['198 ms [1.00, 200]', '-']);
});

test('Markdown says what could not be measured and that it was interrupted', (t) => {
  const text = scaleMarkdown(run);
  for (const part of ['agent, 1M blocks: it ended', 'interrupted', '2 CPUs Some CPU'])
    t.true(text.includes(part), part);
});

test('the pool of a world holds its blocks and little more', (t) => {
  t.is(worldOf(1000).pool, '10.0.0.0/18');
  t.is(worldOf(1024).pool, '10.0.0.0/18');
  t.is(worldOf(1025).pool, '10.0.0.0/17');
  t.is(worldOf(1_000_000).pool, '10.0.0.0/8');
  t.is(blockCidr(999_999), '10.244.35.240/28');
  t.is(ownerOf(5001, worldOf(1_000_000)), 1);
});
