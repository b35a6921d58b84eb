import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { Inventory } from '../../src/model/inventory.js';
import type { Reading, Source } from '../../src/sources/source.js';
import { within } from '../support/slowness.js';

/** A source that is followed; all that it said, and what of it is in force. */
export class Follower {
  readonly readings: Reading[] = [];
  failure: Error | undefined;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  constructor(t: ExecutionContext, source: Source) {
    this.#done = (async () => {
      for await (const reading of source.inventories(this.#abort.signal))
        this.readings.push(reading);
    })().catch((failure: unknown) => {
      this.failure = failure instanceof Error ? failure : new Error(String(failure));
    });
    t.teardown(() => this.end());
  }

  /** The last whole world. */
  get inventory(): Inventory | undefined {
    return this.readings.findLast((one) => one.inventory !== undefined)?.inventory;
  }

  /** Its blocks with their owners, in order. */
  get blocks(): readonly string[] | undefined {
    const { inventory } = this;
    return (
      inventory && [...inventory.blocks].map(({ cidr, node }) => `${cidr} ${String(node)}`).sort()
    );
  }

  get faults(): readonly string[] {
    return this.readings.at(-1)?.faults?.map(({ short }) => short) ?? [];
  }

  get problems(): readonly string[] {
    return this.readings.at(-1)?.problems.map(({ file, message }) => `${file}: ${message}`) ?? [];
  }

  /** Waits until something holds of what was said. */
  async until(says: (self: this) => boolean, ms = 10_000): Promise<void> {
    const deadline = performance.now() + within(ms);
    while (!says(this)) {
      if (this.failure !== undefined) throw this.failure;
      if (performance.now() > deadline)
        throw new Error(
          `it did not come in ${ms} ms: ${JSON.stringify([this.blocks, this.faults, this.problems])}`,
        );
      await sleep(20);
    }
  }

  async end(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }
}
