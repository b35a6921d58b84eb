/** Wakes one waiter for any number of rings: what happens while a round runs makes one round more, not ten. */
export class Bell {
  #rungMs: number | undefined;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  ring(): void {
    this.#rungMs ??= performance.now();
    this.#wake?.();
  }

  /** For how many milliseconds it has been ringing with nobody to hear it. */
  get unheardMs(): number {
    return this.#rungMs === undefined ? 0 : performance.now() - this.#rungMs;
  }

  /** Rings later, unless it is told another time before that. */
  ringIn(ms: number | undefined): void {
    clearTimeout(this.#timer);
    if (ms !== undefined) this.#timer = setTimeout(() => this.ring(), Math.max(0, ms));
  }

  /** Ends at the next ring, or at once when it rang since the last wait; false when the signal fired. */
  async wait(signal: AbortSignal): Promise<boolean> {
    if (this.#rungMs === undefined && !signal.aborted)
      await new Promise<void>((wake) => {
        const abort = (): void => wake();
        this.#wake = () => {
          signal.removeEventListener('abort', abort);
          wake();
        };
        signal.addEventListener('abort', abort, { once: true });
      });
    this.#wake = undefined;
    this.#rungMs = undefined;
    if (signal.aborted) clearTimeout(this.#timer);
    return !signal.aborted;
  }
}
