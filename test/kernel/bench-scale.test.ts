import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { scaleMetricNames } from '../../src/bench/scale/metric.js';
import { runScale } from '../../src/bench/scale/run.js';
import { scaleSubject } from '../../src/cli/bench-scale-subject.js';
import { encap } from '../cli/encap.js';
import { skips } from '../support/needs.js';

// Nothing here depends on how fast this machine is: whether everything that is measured gets measured.

test.serial('a run measures maps and agent, and its report says so', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'clang')) return;
  t.timeout(120_000);
  const out = mkdtempSync(join(tmpdir(), 'bench-scale-'));
  t.teardown(() => rmSync(out, { recursive: true }));
  const plan = { blocks: [1000], rounds: 1, changes: { count: 3, longestMs: 1000 } };
  const run = await runScale(scaleSubject(), plan, { command: ['encap'], versions: {} });
  t.true(run.complete);
  t.deepEqual(run.absent, []);
  for (const metric of scaleMetricNames) {
    const found = run.samples.filter((sample) => sample.metric === metric);
    t.is(found.length, metric === 'change' ? 3 : 1, metric);
    t.true(
      found.every(({ value }) => value > 0),
      metric,
    );
  }

  const file = join(out, 'run.json');
  writeFileSync(file, JSON.stringify(run));
  const report = await encap(['bench', 'report', file]);
  t.is(report.code, 0, report.stderr);
  t.regex(report.stdout, /^lookup +[\d.]+ ns \[[\d.]+, [\d.]+\]/m);
  t.regex(report.stdout, /^agent, cold start +[\d.]+ ms /m);
  const compared = await encap(['bench', 'compare', file, file]);
  t.is(compared.code, 2);
  t.regex(compared.stderr, /cannot compare .*: it is a run of the suite scale/);
  const page = await encap(['bench', 'report', file, '--html', join(out, 'page.html')]);
  t.is(page.code, 2);
  t.regex(page.stderr, /has no plots/);
});

test('options that say nothing in a suite are refused', async (t) => {
  const scale = await encap(['bench', 'run', 'scale', '--loads', 'tcp-1']);
  t.is(scale.code, 2);
  t.regex(scale.stderr, /--loads says nothing in it/);
  const short = await encap(['bench', 'run', 'short', '--blocks', '1k']);
  t.is(short.code, 2);
  t.regex(short.stderr, /--blocks says nothing in it/);
  const few = await encap(['bench', 'run', 'scale', '--blocks', '10']);
  t.is(few.code, 2);
  t.regex(few.stderr, /from 1k to 1M/);
});
