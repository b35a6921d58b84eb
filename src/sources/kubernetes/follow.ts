import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../backoff.js';
import type { Feed } from '../feed.js';
import type { Ledger, List } from '../ledger.js';
import type { Api } from './api.js';
import { Ending } from './ending.js';
import { type Kind, servedKinds } from './kinds.js';
import { listAll } from './list.js';
import { Place } from './place.js';
import { Pulse } from './pulse.js';
import type { Timing } from './timing.js';
import { Anew, Trouble } from './trouble.js';
import { Troubles } from './troubles.js';
import { watchKind } from './watch.js';

export interface Following {
  readonly api: Api;
  readonly ledger: Ledger;
  readonly feed: Feed;
  readonly timing: Timing;
}

/** A round that lasted so long went well: the next one need not wait, in milliseconds. */
const lastingMs = 60_000;

/** Round after round, each with a list of everything and a watch that goes on from it, until the signal fires. */
export async function follow(following: Following, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff();
  const isOver = (): boolean => signal.aborted;
  while (!isOver()) {
    const beganMs = performance.now();
    let restMs = 0;
    try {
      await round(following, signal);
    } catch (failure) {
      if (isOver()) return;
      if (failure instanceof Trouble) {
        following.feed.fault(failure.fault);
        restMs = failure.restMs;
      } else if (!(failure instanceof Anew)) throw failure;
    }
    if (performance.now() - beganMs > lastingMs) backoff.reset();
    await sleep(backoff.nextMs(restMs), undefined, { signal }).catch(() => undefined);
  }
}

/** Nothing is told before all of it is listed: half a world is none. */
async function round(following: Following, outer: AbortSignal): Promise<void> {
  const { api, ledger, feed, timing } = following;
  const list = ledger.list();
  const { kinds, places } = await listed(api, list, outer);
  feed.whole(list);
  feed.fault(undefined);

  using ended = new Ending([outer]);
  const pulse = new Pulse();
  const watching = { api, feed, pulse, troubles: new Troubles(feed), timing };
  const all = [
    ...places.map((place) => watchKind(place, watching, ended.signal)),
    pulse.beat({ api, kinds, places, timing }, ended.signal),
  ];
  try {
    await Promise.race(all);
  } finally {
    ended.end();
    await Promise.allSettled(all);
  }
}

/** Adds everything to a list. */
async function listed(
  outer: Api,
  list: List,
  signal: AbortSignal,
): Promise<{ readonly kinds: readonly Kind[]; readonly places: readonly Place[] }> {
  using api = outer.kept();
  // A server that has just started may not serve custom resources yet: a cluster without Calico would look the same.
  await api.text({ verb: 'get', what: 'readyz', path: '/readyz' }, signal);
  const kinds = await servedKinds(api, signal);
  const places: Place[] = [];
  for (const kind of kinds) {
    const version = await listAll(kind, list, { api, signal });
    places.push(new Place(kind, version, api.server));
  }
  return { kinds, places };
}
