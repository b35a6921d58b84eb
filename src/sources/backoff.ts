/** First wait after a failure, and the longest one. */
const firstMs = 200;
const longestMs = 30_000;

/** Waits that double from failure to failure; the jitter keeps the nodes of a cluster apart. */
export class Backoff {
  #failures = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** The next wait; a server that asks for a rest gets it, as far as that is bearable. */
  nextMs(restMs = 0): number {
    const waitMs = Math.min(longestMs, firstMs * 2 ** this.#failures);
    this.#failures += 1;
    return Math.max(waitMs * (0.5 + this.#random() / 2), Math.min(longestMs, restMs));
  }

  reset(): void {
    this.#failures = 0;
  }
}
