import type { TopLevelSpec } from 'vega-lite';
import { metrics, type MetricName } from './metric.js';
import { loads, type LoadName } from './load.js';
import type { BenchRun } from './result.js';
import { rowsOf, valuesOf, type Row } from './summary.js';

/** A picture of a run. */
export interface Plot {
  readonly title: string;
  readonly svg: string;
}

/** What can be seen of a run at a glance; a plot of nothing is left out. */
export async function plotsOf(run: BenchRun): Promise<readonly Plot[]> {
  const rows = rowsOf(run);
  const primary = rows.filter(isPrimary);
  const drawn = await Promise.all([
    draw('Ratio to the base: above 1 is more', ratios(primary.filter(isMore))),
    draw(
      'Round trips, ratio to the base: below 1 is faster',
      ratios(rows.filter(isRoundTrip), 'log'),
    ),
    draw('CPU time, ratio to the base: below 1 is cheaper', ratios(rows.filter(isCpu))),
    ...run.plan.underlays.map((underlay) =>
      draw(`Every measurement, ${underlay}`, measurements(run, primary, underlay)),
    ),
  ]);
  return drawn.filter((plot) => plot !== undefined);
}

function isPrimary({ load, metric }: Row): boolean {
  return Object.hasOwn(loads, load) && loads[load as LoadName].metrics[0] === metric;
}

function isMore({ metric }: Row): boolean {
  return metrics[metric].better === 'more';
}

function isRoundTrip({ metric }: Row): boolean {
  return metric.startsWith('rtt');
}

function isCpu({ metric }: Row): boolean {
  return metric.startsWith('cpu');
}

interface Data {
  readonly values: readonly Readonly<Record<string, string | number>>[];
  /** A TopLevelSpec without its data. */
  readonly spec: object;
}

/** A dot and its interval for each variant, a line at 1. */
function ratios(rows: readonly Row[], scale: 'linear' | 'log' = 'linear'): Data {
  const values = rows.flatMap(({ underlay, load, metric, cells }) =>
    cells.map(({ variant, ratio }) => ({
      underlay,
      what: metric.startsWith('rtt') ? `${load} ${metrics[metric].title}` : load,
      variant,
      ...ratio,
    })),
  );
  const y = { field: 'variant', type: 'nominal', title: null, sort: null } as const;
  const color = { field: 'variant', type: 'nominal', legend: null } as const;
  return {
    values,
    spec: {
      facet: {
        row: {
          field: 'what',
          type: 'nominal',
          title: null,
          sort: inOrder(values),
          header: { labelAngle: 0, labelAlign: 'left' },
        },
        column: { field: 'underlay', type: 'nominal', title: null, sort: null },
      },
      spec: {
        width: 330,
        height: { step: 15 },
        layer: [
          { mark: { type: 'rule', color: '#888' }, encoding: { x: { datum: 1 } } },
          {
            mark: { type: 'rule', strokeWidth: 2 },
            encoding: {
              x: {
                field: 'low',
                type: 'quantitative',
                scale: scale === 'log' ? { type: 'log' } : { zero: false },
                title: 'ratio to the base',
              },
              x2: { field: 'high' },
              y,
              color,
            },
          },
          {
            mark: { type: 'point', filled: true, size: 45 },
            encoding: { x: { field: 'median', type: 'quantitative' }, y, color },
          },
        ],
      },
    },
  };
}

/** Every sample as a tick, over them the median and its interval. */
function measurements(run: BenchRun, rows: readonly Row[], underlay: string): Data {
  const own = rows.filter((row) => row.underlay === underlay);
  const values = own.flatMap((row) => {
    const what = `${row.load}, ${unitOf(row.metric)}`;
    const scale = scaleOf(row.metric);
    const names = [run.plan.base, ...row.cells.map(({ variant }) => variant)];
    const intervals = [row.base, ...row.cells.map(({ value }) => value)];
    return names.flatMap((variant, place) => {
      const { median = NaN, low = NaN, high = NaN } = intervals[place] ?? {};
      return [
        { what, variant, median: median * scale, low: low * scale, high: high * scale },
        ...[...valuesOf(run, row, variant).values()].map((value) => ({
          what,
          variant,
          value: value * scale,
        })),
      ];
    });
  });
  const y = { field: 'variant', type: 'nominal', title: null, sort: null } as const;
  return {
    values,
    spec: {
      facet: { field: 'what', type: 'nominal', title: null, sort: inOrder(values) },
      columns: 2,
      resolve: { scale: { x: 'independent' } },
      spec: {
        width: 330,
        height: { step: 15 },
        layer: [
          {
            mark: { type: 'tick', thickness: 1.5, opacity: 0.55 },
            encoding: {
              x: { field: 'value', type: 'quantitative', title: null, scale: { zero: true } },
              y,
              color: { field: 'variant', type: 'nominal', legend: null },
            },
          },
          {
            mark: { type: 'rule', strokeWidth: 2, color: '#222' },
            encoding: { x: { field: 'low', type: 'quantitative' }, x2: { field: 'high' }, y },
          },
          {
            mark: { type: 'point', filled: true, size: 40, color: '#222' },
            encoding: { x: { field: 'median', type: 'quantitative' }, y },
          },
        ],
      },
    },
  };
}

/** Facets stand as their data come, not by the alphabet. */
function inOrder(values: readonly { readonly what: string }[]): readonly string[] {
  return [...new Set(values.map(({ what }) => what))];
}

/** For axes: units that give short numbers. */
function unitOf(metric: MetricName): string {
  return metrics[metric].unit === 'bit/s' ? 'Gb/s' : metrics[metric].unit === 's' ? 'µs' : '1000/s';
}

function scaleOf(metric: MetricName): number {
  return { 'Gb/s': 1e-9, µs: 1e6, '1000/s': 1e-3 }[unitOf(metric)] ?? 1;
}

async function draw(title: string, { values, spec }: Data): Promise<Plot | undefined> {
  if (values.length === 0) return undefined;
  const [{ parse, View }, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const whole = {
    ...spec,
    data: { values },
    config: { font: 'sans-serif', view: { stroke: '#ddd' } },
  };
  const view = new View(parse(compile(whole as TopLevelSpec).spec), { renderer: 'none' });
  try {
    return { title, svg: await view.toSVG() };
  } finally {
    view.finalize();
  }
}
