import { shuffle } from 'simple-statistics';
import { seeded } from './random.js';

/** One measurement to be made. */
export interface Turn {
  readonly round: number;
  readonly underlay: string;
  readonly load: string;
  readonly variant: string;
}

/**
 * All turns in the order in which they are made. What is compared with each other, the variants of one load, stands
 * side by side, so that a machine that slows down slows them all; who goes first is drawn in each round anew.
 */
export function scheduleOf(
  what: Readonly<Record<'underlays' | 'loads' | 'variants', readonly string[]>>,
  rounds: number,
  seed: number,
): readonly Turn[] {
  const random = seeded(seed);
  const drawn = <T>(items: readonly T[]): T[] => shuffle([...items], random);
  const groups = what.underlays.flatMap((underlay) =>
    what.loads.map((load) => ({ underlay, load })),
  );
  return Array.from({ length: rounds }, (_, round) =>
    drawn(groups).flatMap((group) =>
      drawn(what.variants).map((variant) => ({ round, ...group, variant })),
    ),
  ).flat();
}
