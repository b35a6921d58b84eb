import { isDeepStrictEqual } from 'node:util';
import type { Fault } from '../model/fault.js';
import { Latch } from './latch.js';
import type { Ledger, List } from './ledger.js';
import type { Reading } from './source.js';

/** What the watchers of a datastore tell, and the readings that come of it: newest wins, nothing is told twice. */
export class Feed {
  readonly #ledger: Ledger;
  readonly #latch = new Latch();
  #list: List | undefined;
  #changes = new Map<string, unknown>();
  #fault: Fault | undefined;
  #failure: { readonly cause: unknown } | undefined;
  #told: Reading | undefined;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** All there is at one revision; changes that were told before are in it. */
  whole(list: List): void {
    this.#list = list;
    this.#changes = new Map();
    this.#latch.open();
  }

  /** One resource; undefined: there is none any more. Nothing counts before the first list. */
  change(key: string, resource: unknown): void {
    this.#changes.set(key, resource);
    this.#latch.open();
  }

  /** The world can't be followed; undefined: it can be again. */
  fault(fault: Fault | undefined): void {
    this.#fault = fault;
    this.#latch.open();
  }

  /** Ends the readings: time does not heal this. */
  fail(cause: unknown): void {
    this.#failure ??= { cause };
    this.#latch.open();
  }

  /** Yields until the signal fires. */
  async *readings(signal: AbortSignal): AsyncGenerator<Reading> {
    const abort = (): void => this.#latch.open();
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    try {
      await this.#news();
      while (!signal.aborted) {
        if (this.#failure !== undefined) throw this.#failure.cause;
        this.#latch.shut();
        for (const reading of this.#taken()) {
          if (isTold(reading, this.#told)) continue;
          this.#told = reading;
          yield reading;
        }
        await this.#news();
      }
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Something was told, or a list has been held back long enough. */
  async #news(): Promise<void> {
    const { heldForMs } = this.#ledger;
    const timer =
      heldForMs === undefined ? undefined : setTimeout(() => this.#latch.open(), heldForMs);
    await this.#latch.opened();
    clearTimeout(timer);
  }

  *#taken(): Generator<Reading> {
    const [list, changes] = [this.#list, this.#changes];
    this.#list = undefined;
    this.#changes = new Map();
    let reading = list === undefined ? this.#ledger.release() : this.#ledger.whole(list);
    if (reading !== undefined) yield this.#with(reading);
    if (changes.size > 0) {
      reading = this.#ledger.change(changes);
      yield this.#with(reading);
    }
    // Nothing but the fault may be new.
    if (reading === undefined) yield this.#with(this.#ledger.standing);
  }

  #with(reading: Reading): Reading {
    const faults = [...(this.#fault === undefined ? [] : [this.#fault]), ...(reading.faults ?? [])];
    return { ...reading, faults };
  }
}

function isTold(reading: Reading, told: Reading | undefined): boolean {
  return (
    (reading.inventory === undefined) === (told?.inventory === undefined) &&
    (reading.inventory === undefined || reading.changed?.size === 0) &&
    isDeepStrictEqual(
      [reading.problems, reading.faults],
      [told?.problems ?? [], told?.faults ?? []],
    )
  );
}
