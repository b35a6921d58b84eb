import { metrics } from './metric.js';
import type { BenchRun } from './result.js';
import { controlOf } from './run.js';
import { quotientInterval, type Interval } from './statistics.js';
import { ratiosOf, rowsOf, valuesOf, type Which } from './summary.js';

/** What became of one metric of one variant between two runs. */
export interface Change extends Which {
  readonly variant: string;
  /** The later run over the earlier one, turned so that more than 1 is better. */
  readonly gain: Interval;
  /** The whole interval lies below what is allowed. */
  readonly isSlower: boolean;
}

/**
 * Compares what two runs have in common. Where both have the same base, it is the ratios to it that are compared: what
 * the machine did differently meanwhile falls out. `allowed`: the share that may be lost, 0.05 for 5 %.
 */
export function changesOf(earlier: BenchRun, later: BenchRun, allowed: number): readonly Change[] {
  const { base } = earlier.plan;
  const sameBase = base === later.plan.base;
  const variants = earlier.plan.variants.filter(
    (variant) =>
      later.plan.variants.includes(variant) &&
      variant !== controlOf(base) &&
      !(sameBase && variant === base),
  );
  return rowsOf(earlier).flatMap((which) =>
    variants.flatMap((variant): Change[] => {
      const of = (run: BenchRun): readonly number[] =>
        sameBase ? ratiosOf(run, which, variant) : [...valuesOf(run, which, variant).values()];
      const [before, after] = [of(earlier), of(later)];
      if (before.length === 0 || after.length === 0) return [];
      const gain = towardsBetter(which, quotientInterval(before, after, later.seed));
      if (![gain.low, gain.median, gain.high].every(Number.isFinite)) return []; // nothing was lost
      const { underlay, load, metric } = which;
      return [{ underlay, load, metric, variant, gain, isSlower: gain.high < 1 - allowed }];
    }),
  );
}

function towardsBetter({ metric }: Which, { median, low, high }: Interval): Interval {
  if (metrics[metric].better === 'more') return { median, low, high };
  return { median: 1 / median, low: 1 / high, high: 1 / low };
}
