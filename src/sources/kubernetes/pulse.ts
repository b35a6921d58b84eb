import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api.js';
import { Ending } from './ending.js';
import { type Kind, servedKinds } from './kinds.js';
import { versionOf } from './list.js';
import { comparedWith, type Place } from './place.js';
import type { Timing } from './timing.js';
import { Anew, Trouble } from './trouble.js';

/** What is followed, and how far. */
export interface Beating {
  readonly api: Api;
  readonly kinds: readonly Kind[];
  readonly places: readonly Place[];
  readonly timing: Timing;
}

/** Whether the server is still there: a connection that leads nowhere looks like one on which nothing happens. */
export class Pulse {
  #heardMs = performance.now();
  #controller = new AbortController();

  /** Something came from the server. */
  heard(): void {
    this.#heardMs = performance.now();
  }

  /** Fires when the connections of this moment are found to be dead. */
  get connections(): AbortSignal {
    return this.#controller.signal;
  }

  /** Asks the server for a sign of life when it is silent, and now and then where it is. Ends by Anew. */
  async beat({ api, kinds, places, timing }: Beating, signal: AbortSignal): Promise<never> {
    let askedMs = performance.now();
    for (;;) {
      await sleep(timing.silenceMs, undefined, { signal });
      const nowMs = performance.now();
      try {
        if (nowMs - this.#heardMs >= timing.silenceMs) await this.#signOf(api, timing, signal);
        if (nowMs - askedMs < timing.discoveryMs) continue;
        askedMs = nowMs;
        if (!isDeepStrictEqual(await servedKinds(api, signal), kinds))
          throw new Anew('the cluster serves other kinds');
        await compareHistory(places[0], api, signal);
      } catch (failure) {
        signal.throwIfAborted();
        if (!(failure instanceof Trouble)) throw failure;
        // Whoever refuses is alive.
        if (failure.status === undefined) this.#lost(failure);
      }
    }
  }

  async #signOf(api: Api, { signMs }: Timing, signal: AbortSignal): Promise<void> {
    using deadline = new Ending([signal], signMs);
    await api.text({ verb: 'get', what: 'version', path: '/version' }, deadline.signal);
    this.heard();
  }

  #lost(trouble: Trouble): void {
    this.#controller.abort(trouble);
    this.#controller = new AbortController();
  }
}

/** A watch from a version that is yet to come is silent: so it is after a backup was restored. */
async function compareHistory(
  place: Place | undefined,
  api: Api,
  signal: AbortSignal,
): Promise<void> {
  if (place === undefined) return;
  const { kind, version } = place;
  comparedWith(await versionOf(kind, api, signal), { kind, version });
}
