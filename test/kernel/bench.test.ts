import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { metrics, type MetricName } from '../../src/bench/metric.js';
import { readRun } from '../../src/bench/result.js';
import { untilSaid } from '../../src/lab/said.js';
import { labNames } from '../../src/lab/state.js';
import { encap, main } from '../cli/encap.js';
import { skips } from '../support/needs.js';

// Nothing here depends on how fast this machine is: whether everything that is measured gets measured.

test.serial('a run measures every variant in every way, and its report says so', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping', 'ethtool', 'iperf3', 'sockperf')) return;
  t.timeout(300_000);
  const out = mkdtempSync(join(tmpdir(), 'bench-'));
  t.teardown(() => rmSync(out, { recursive: true }));
  const words = ['--rounds', '1', '--seconds', '1', '--seed', '7', '--out', out];
  const loads = ['--loads', 'tcp-1,rr,connect'];
  const ended = await encap(['bench', 'run', 'short', ...loads, ...words], {
    limitMs: 240_000,
  });
  t.is(ended.code, 0, ended.stderr);
  t.deepEqual(readdirSync(out).sort(), ['run.html', 'run.json', 'run.md']);

  const run = readRun(join(out, 'run.json'));
  t.true(run.complete);
  t.is(run.seed, 7);
  const ours = ['encapd-vxlan', 'encapd-vxlan-guarded'];
  const variants = ['kernel-vxlan', 'direct', ...ours, 'kernel-vxlan again'];
  t.deepEqual(run.plan.variants, variants);
  t.is(run.samples.length, 2 * 3 * variants.length);
  for (const { load, variant, values } of run.samples)
    for (const [name, value] of Object.entries(values)) {
      const { unit } = metrics[name as MetricName];
      t.true(unit === '1' ? value >= 0 && value <= 1 : value > 0, `${load} ${variant} ${name}`);
    }
  const programs = new Set(run.programs.map(({ program }) => program));
  for (const name of ['encapd_egress', 'encapd_ingress', 'encapd_workload'])
    t.true(programs.has(name), name);
  t.true(run.programs.every(({ nanosecondsPerRun }) => nanosecondsPerRun > 0));

  const report = await encap(['bench', 'report', join(out, 'run.json')]);
  t.is(report.code, 0, report.stderr);
  t.regex(report.stdout, /^super +tcp-1 +throughput +[\d.]+ Gb\/s +[\d.]+x \[/m);
  const itself = ['bench', 'compare', join(out, 'run.json'), join(out, 'run.json')];
  const compared = await encap(itself);
  t.is(compared.code, 0, compared.stderr);
  t.regex(compared.stdout, /tcp-1 +throughput +encapd-vxlan +1\.00x \[1\.00, 1\.00\]/);
  t.deepEqual(
    labNames().filter((name) => name.startsWith('bench-')),
    [],
  );
});

// Conntrack calls a flow answered after three seconds: this load takes longer than the others.
test.serial('datagrams of an answered flow are counted', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ethtool', 'sockperf')) return;
  t.timeout(120_000);
  const out = mkdtempSync(join(tmpdir(), 'bench-'));
  t.teardown(() => rmSync(out, { recursive: true }));
  const words = ['--variants', 'encapd-vxlan', '--underlays', 'super', '--rounds', '1'];
  const load = ['--loads', 'udp-64-answered', '--seconds', '1', '--out', out];
  const ended = await encap(['bench', 'run', ...words, ...load], { limitMs: 110_000 });
  t.is(ended.code, 0, ended.stderr);
  const { samples } = readRun(join(out, 'run.json'));
  t.true(samples.some(({ variant }) => variant === 'encapd-vxlan'));
  for (const { variant, values } of samples) t.true((values.packetsPerSecond ?? 0) > 0, variant);
});

test.serial('an interrupted run keeps what it has, and removes its networks', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping', 'ethtool', 'iperf3')) return;
  t.timeout(120_000);
  const out = mkdtempSync(join(tmpdir(), 'bench-'));
  t.teardown(() => rmSync(out, { recursive: true }));
  const words = ['--variants', 'direct', '--underlays', 'super', '--loads', 'tcp-1'];
  const long = ['--rounds', '50', '--seconds', '1', '--out', out];
  const running = execa(process.execPath, [main, 'bench', 'run', ...words, ...long], {
    reject: false,
  });
  t.true(await untilSaid(running.stderr, 'round 1/50'));
  running.kill('SIGINT');
  t.is((await running).exitCode, 130);
  const run = readRun(join(out, 'run.json'));
  t.false(run.complete);
  t.true(run.samples.length >= 3 && run.samples.length < 150);
  t.deepEqual(
    labNames().filter((name) => name.startsWith('bench-')),
    [],
  );
});

test.serial('a variant that there is not is an error, with the nearest name', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping', 'ethtool', 'iperf3', 'sockperf')) return;
  const unknown = await encap(['bench', 'run', '--variants', 'encapd-vxlna']);
  t.is(unknown.code, 2);
  t.regex(unknown.stderr, /there is no such variant[^]*encapd-vxlan/);
});
