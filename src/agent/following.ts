import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { EncapError } from '../errors.js';
import type { Reading, Source } from '../sources/source.js';
import { Backoff } from '../sources/backoff.js';

/** Follows a source, and begins anew when it is told to: as at a start, but what can't be read then ends nothing. */
export class Following {
  #again = new AbortController();
  #isAgain = false;
  readonly #source: Source;
  readonly #log: Logger;

  constructor(source: Source, log: Logger) {
    this.#source = source;
    this.#log = log;
  }

  /** Reads everything again, whatever a watch has told. */
  again(): void {
    this.#isAgain = true;
    this.#again.abort();
  }

  /** Until the signal fires. `tried`: everything was read again, or could not be. */
  async run(
    take: (reading: Reading) => void,
    { signal, tried }: { readonly signal: AbortSignal; readonly tried: () => void },
  ): Promise<void> {
    const backoff = new Backoff();
    for (;;) {
      this.#again = new AbortController();
      const until = AbortSignal.any([signal, this.#again.signal]);
      let isFirst = this.#isAgain;
      try {
        for await (const reading of this.#source.inventories(until)) {
          take(reading);
          if (isFirst) tried();
          isFirst = false;
          backoff.reset();
        }
        if (!this.#again.signal.aborted || signal.aborted) return;
      } catch (failure) {
        if (signal.aborted) return;
        if (!isFirst || !(failure instanceof EncapError)) throw failure;
        const { message, code, why, hint } = failure;
        const nextMs = Math.round(backoff.nextMs());
        this.#log.error(
          { failure: message, code, why, hint, nextMs },
          'cannot reload: the last good state stays, trying again',
        );
        tried();
        await sleep(nextMs, undefined, { signal: until }).catch(() => undefined);
      }
    }
  }
}
