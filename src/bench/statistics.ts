import { median, quantile, sampleWithReplacement } from 'simple-statistics';
import { seeded } from './random.js';

/** A median and the 95 % percentile-bootstrap interval of it (Efron 1979); all three in the unit of the values. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const resamples = 4000;

/** Of at least one value; of a single one the interval is that value. */
export function medianInterval(values: readonly number[], seed = 1): Interval {
  return bootstrap([values], ([drawn = []]) => median([...drawn]), seed);
}

/** Of the quotient of two medians whose samples have nothing to do with each other: another over one. */
export function quotientInterval(
  one: readonly number[],
  another: readonly number[],
  seed = 1,
): Interval {
  const quotient = ([below = [], above = []]: readonly (readonly number[])[]): number =>
    median([...above]) / median([...below]);
  return bootstrap([one, another], quotient, seed);
}

/** Draws each sample again and again, and looks at what the statistic does. */
function bootstrap(
  samples: readonly (readonly number[])[],
  statistic: (drawn: readonly (readonly number[])[]) => number,
  seed: number,
): Interval {
  if (samples.some(({ length }) => length === 0)) throw new RangeError('a sample has no values');
  const random = seeded(seed);
  const drawn = Array.from({ length: resamples }, () =>
    statistic(samples.map((values) => sampleWithReplacement([...values], values.length, random))),
  );
  return {
    median: statistic(samples),
    low: quantile(drawn, 0.025),
    high: quantile(drawn, 0.975),
  };
}
