import { median, quantile } from 'simple-statistics';

/** What is measured for each number of blocks. */
export const scaleMetrics = {
  lookup: { unit: 'ns' },
  'lookup-borrowed': { unit: 'ns' },
  load: { unit: 'ms' },
  memory: { unit: 'MB' },
  'update-one': { unit: '/s' },
  'update-all': { unit: '/s' },
  'start-cold': { unit: 'ms' },
  'start-warm': { unit: 'ms' },
  change: { unit: 'ms' },
  'rss-start': { unit: 'MB' },
  'rss-steady': { unit: 'MB' },
  'rss-peak': { unit: 'MB' },
} as const satisfies Readonly<Record<string, { readonly unit: string }>>;

export type ScaleMetric = keyof typeof scaleMetrics;

export const scaleMetricNames = Object.keys(scaleMetrics) as readonly ScaleMetric[];

/** A line of the table: what of a metric's samples is told. */
export interface ScaleLine {
  readonly title: string;
  readonly metric: ScaleMetric;
  readonly of: (values: readonly number[]) => number;
}

const middle = (values: readonly number[]): number => median([...values]);

export const scaleLines: readonly ScaleLine[] = [
  { title: 'lookup', metric: 'lookup', of: middle },
  { title: 'lookup, with borrowed addresses', metric: 'lookup-borrowed', of: middle },
  { title: 'maps filled in', metric: 'load', of: middle },
  { title: 'maps take', metric: 'memory', of: middle },
  { title: 'updates one by one', metric: 'update-one', of: middle },
  { title: 'updates at once', metric: 'update-all', of: middle },
  { title: 'agent, cold start', metric: 'start-cold', of: middle },
  { title: 'agent, warm start', metric: 'start-warm', of: middle },
  { title: 'a change is there, p50', metric: 'change', of: middle },
  {
    title: 'a change is there, p99',
    metric: 'change',
    of: (values) => quantile([...values], 0.99),
  },
  { title: 'agent, RSS when ready', metric: 'rss-start', of: middle },
  { title: 'agent, RSS at rest', metric: 'rss-steady', of: middle },
  { title: 'agent, most RSS', metric: 'rss-peak', of: middle },
];
