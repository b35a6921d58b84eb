import { silence, type Vitals } from '../vitals.js';

/** What a probe is told; `why` is empty where all is well. */
export interface Health {
  readonly status: 'ok' | 'failing';
  readonly why: readonly string[];
}

/** A round that is due and has not begun for so long never will: rounds wait for 20 ms, and take seconds at most. */
export const stuckMs = 60_000;

/**
 * Whether to let the agent live. That it answers shows that its event loop turns; `dueMs`: for how long a round has been
 * due. A datastore that is away and rounds that fail are no reason: a new agent would not do better.
 */
export function liveness(dueMs: number): Health {
  return healthOf(
    dueMs < stuckMs ? [] : [`a round is due for ${Math.round(dueMs / 1000)} s, and none began`],
  );
}

/** Whether the node carries what its pools are for: one round went through, and its programs are in place. */
export function readiness(
  { round, failure, source }: Pick<Vitals, 'round' | 'failure' | 'source'>,
  isIntact: boolean,
): Health {
  if (round === undefined)
    return healthOf([
      `no round went through yet: ${failure ?? (source.isUp ? 'the first one is due' : silence(source).join('; '))}`,
    ]);
  return healthOf(
    isIntact ? [] : ['programs or pins are not where they belong', ...(failure ? [failure] : [])],
  );
}

function healthOf(why: readonly string[]): Health {
  return { status: why.length === 0 ? 'ok' : 'failing', why };
}
