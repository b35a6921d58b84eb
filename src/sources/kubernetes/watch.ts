import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../backoff.js';
import type { Feed } from '../feed.js';
import type { Api } from './api.js';
import { Ending } from './ending.js';
import type { Place } from './place.js';
import type { Pulse } from './pulse.js';
import type { Timing } from './timing.js';
import { Anew, Trouble } from './trouble.js';
import type { Troubles } from './troubles.js';

export interface Watching {
  readonly api: Api;
  readonly feed: Feed;
  readonly pulse: Pulse;
  readonly troubles: Troubles;
  readonly timing: Timing;
}

/** These say that there is no going on from where we are: a version that is none here, a kind that is gone, 410 Gone. */
const endings: readonly (number | undefined)[] = [400, 404, 410];

/** A watch that lasted so long did not fail: the next one may come at once, in milliseconds. */
const lastingMs = 30_000;

/** Tells the feed what becomes of the resources of a kind, over one connection after the other. Ends by Anew. */
export async function watchKind(
  place: Place,
  { api, feed, pulse, troubles, timing }: Watching,
  signal: AbortSignal,
): Promise<never> {
  const backoff = new Backoff();
  for (;;) {
    const beganMs = performance.now();
    let restMs = 0;
    using connection = new Ending([signal, pulse.connections]);
    try {
      const frames = await api.watch(place.question(timing.watchMs), connection.signal);
      troubles.over(place.kind);
      pulse.heard();
      for await (const some of frames) {
        pulse.heard();
        backoff.reset();
        for (const frame of some) place.take(frame, feed);
      }
    } catch (failure) {
      signal.throwIfAborted();
      if (!(failure instanceof Trouble)) throw failure;
      if (endings.includes(failure.status)) throw new Anew(failure.message, { cause: failure });
      restMs = failure.restMs;
      troubles.note(place.kind, failure.fault);
    }
    if (performance.now() - beganMs > lastingMs) backoff.reset();
    await sleep(backoff.nextMs(restMs), undefined, { signal });
  }
}
