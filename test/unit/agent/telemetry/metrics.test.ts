import { readFileSync } from 'node:fs';
import test from 'ava';
import { parse } from 'yaml';
import { checks, extras } from '../../../../src/agent/telemetry/checks.js';
import { metricNames, Metrics } from '../../../../src/agent/telemetry/metrics.js';
import { stages, Vitals } from '../../../../src/agent/vitals.js';
import { wordOf } from '../../../../src/datapath/traffic.js';
import { promtool } from '../../../support/promtool.js';

const root = new URL('../../../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const page = read('docs/operations.md');
const rules = 'deploy/prometheus/alerts.yaml';
const dashboard = 'deploy/grafana/encapd.json';

function metricsOf(vitals: Vitals): Promise<Metrics> {
  return Metrics.open({
    vitals,
    isIntact: () => false,
    version: '1.2.3',
    attach: 'tcx',
    droppedLines: () => 7,
    hashedBlocks: () => undefined,
  });
}

test('promtool finds nothing to say about the names and types of our metrics', async (t) => {
  const text = await (await metricsOf(new Vitals())).text();
  const checked = promtool(t, ['check', 'metrics'], text);
  if (checked === undefined) return;
  const ours = checked.said.split('\n').filter((line) => line.startsWith('encap_'));
  t.deepEqual(ours, []);
});

test('promtool takes the alert rules', (t) => {
  const checked = promtool(t, ['check', 'rules', new URL(rules, root).pathname]);
  if (checked === undefined) return;
  t.is(checked.status, 0, checked.said);
  t.regex(checked.said, /SUCCESS: 5 rules found/);
});

test('the agent tells of itself before there is a datapath', async (t) => {
  const vitals = new Vitals();
  const metrics = await metricsOf(vitals);
  vitals.run((enter) => enter('blocks'));
  t.throws(() =>
    vitals.run((enter) => {
      enter('datapath');
      throw new Error('no');
    }),
  );
  vitals.decided({ pools: new Map(), blocks: new Map(), peers: new Map() });
  for (const _ of ['once', 'and again, for nothing adds up between scrapes']) {
    const lines = new Set((await metrics.text()).split('\n'));
    for (const line of [
      'encap_reconcile_errors_total{stage="datapath"} 1',
      'encap_reconcile_errors_total{stage="decide"} 0',
      'encap_reconcile_duration_seconds_count{kind="blocks"} 1',
      'encap_reconcile_duration_seconds_count{kind="whole"} 1',
      'encap_degraded{check="rounds"} 1',
      'encap_degraded{check="network"} 0',
      'encap_missing{extra="cutter"} 0',
      'encap_log_lines_dropped_total 7',
      'encap_config_blocks 0',
    ])
      t.true(lines.has(line), line);
  }
});

/** Names of metrics in a text; those that a histogram is stored as are the histogram's. */
function namesIn(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/\bencap_[a-z0-9_]+/g)].map(([name]) =>
      name.replace(/_(bucket|sum|count)$/, ''),
    ),
  );
}

test('the page of operations has every metric of ours, and no other', (t) => {
  t.deepEqual([...namesIn(page)].sort(), [...metricNames].sort());
});

for (const file of [rules, dashboard])
  test(`${file} asks for metrics and values of labels that there are`, (t) => {
    const text = read(file);
    const known = new Set(metricNames);
    t.true(namesIn(text).size >= 4);
    for (const name of namesIn(text)) t.true(known.has(name), name);
    const verdicts = [...read('bpf/abi.h').matchAll(/^\t([A-Z][A-Z_]+),/gm)].map(([, name = '']) =>
      wordOf(name),
    );
    const values = new Set<string>([...verdicts, ...checks, ...extras, ...stages]);
    for (const [, , list = ''] of text.matchAll(
      /\b(reason|check|extra|stage)[=!]~?\\?"([^"\\$]*)/g,
    ))
      for (const value of list.split('|')) t.true(values.has(value), value);
  });

test('the dashboard has eight panels, each with a title and a query', (t) => {
  const { panels } = JSON.parse(read(dashboard)) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  t.is(panels.length, 8);
  for (const { title, targets } of panels) t.true(targets.length > 0, title);
});

test('every alert says what is wrong, and what it means', (t) => {
  const { groups } = parse(read(rules)) as {
    groups: { rules: { alert: string; annotations: Record<string, string> }[] }[];
  };
  for (const { alert, annotations } of groups.flatMap((group) => group.rules))
    t.deepEqual(Object.keys(annotations), ['summary', 'description'], alert);
});
