import { loads, type LoadName } from './load.js';
import type { MetricName } from './metric.js';
import type { BenchRun } from './result.js';
import { medianInterval, type Interval } from './statistics.js';

/** One metric of one load on one underlay: the base, and all others beside it. */
export interface Row {
  readonly underlay: string;
  readonly load: string;
  readonly metric: MetricName;
  /** Median of the base's values, with its interval. */
  readonly base: Interval;
  readonly cells: readonly Cell[];
}

export interface Cell {
  readonly variant: string;
  /** Median of the variant's own values. */
  readonly value: Interval;
  /** Of its value divided by the base's of the same round. */
  readonly ratio: Interval;
  readonly rounds: number;
}

/** Which values of a run. */
export type Which = Pick<Row, 'underlay' | 'load' | 'metric'>;

/** The rows of a run, in the order of its plan. What has no pair of values is left out. */
export function rowsOf(run: BenchRun): readonly Row[] {
  const { underlays, loads: names, variants, base } = run.plan;
  const all = underlays.flatMap((underlay) =>
    names.flatMap((load) => metricsOf(load).map((metric): Which => ({ underlay, load, metric }))),
  );
  return all.flatMap((which) => {
    const values = [...valuesOf(run, which, base).values()];
    if (values.length === 0) return [];
    const others = variants.filter((variant) => variant !== base);
    const cells = others.flatMap((variant) => cellOf(run, which, variant));
    return [{ ...which, base: medianInterval(values, run.seed), cells }];
  });
}

/** What a load gives; of one that this version does not know, nothing. */
function metricsOf(load: string): readonly MetricName[] {
  return Object.hasOwn(loads, load) ? loads[load as LoadName].metrics : [];
}

function cellOf(run: BenchRun, which: Which, variant: string): readonly Cell[] {
  const ratios = ratiosOf(run, which, variant);
  if (ratios.length === 0) return [];
  const values = [...valuesOf(run, which, variant).values()];
  return [
    {
      variant,
      value: medianInterval(values, run.seed),
      ratio: medianInterval(ratios, run.seed),
      rounds: ratios.length,
    },
  ];
}

/** A variant's values divided by the base's of the same round. */
export function ratiosOf(run: BenchRun, which: Which, variant: string): readonly number[] {
  const base = valuesOf(run, which, run.plan.base);
  return [...valuesOf(run, which, variant)].flatMap(([round, value]) => {
    const below = base.get(round);
    return below === undefined || below === 0 ? [] : [value / below];
  });
}

/** By round. */
export function valuesOf(
  { samples }: BenchRun,
  { underlay, load, metric }: Which,
  variant: string,
): ReadonlyMap<number, number> {
  const own = samples.filter(
    (sample) => sample.underlay === underlay && sample.load === load && sample.variant === variant,
  );
  return new Map(
    own.flatMap(({ round, values }) => {
      const value = values[metric];
      return value === undefined ? [] : [[round, value] as const];
    }),
  );
}
