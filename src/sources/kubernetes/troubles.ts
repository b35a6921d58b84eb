import type { Fault } from '../../model/fault.js';
import type { Feed } from '../feed.js';
import type { Kind } from './kinds.js';

/** Which kinds can't be followed at the moment, and why: the one that began first is told. */
export class Troubles {
  readonly #feed: Feed;
  readonly #faults = new Map<Kind, Fault>();

  constructor(feed: Feed) {
    this.#feed = feed;
  }

  note(kind: Kind, fault: Fault): void {
    this.#faults.set(kind, fault);
    this.#tell();
  }

  over(kind: Kind): void {
    if (this.#faults.delete(kind)) this.#tell();
  }

  #tell(): void {
    const [first] = this.#faults.values();
    this.#feed.fault(first);
  }
}
