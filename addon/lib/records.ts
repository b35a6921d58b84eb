import { native } from './native.js';
import type { NativeMap, NativeRingBuffer } from './native.js';

/** Records of a ring buffer as they come. Ends when the signal fires; one reader at a time, as the kernel has one position. */
export function records(map: NativeMap, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => new Records(new native.RingBuffer(map), signal) };
}

type Result = IteratorResult<Uint8Array, undefined>;
const end: Result = { done: true, value: undefined };

/** Pulls: nothing is read before it is asked for, and only an unanswered next() keeps the process alive. */
class Records implements AsyncIterator<Uint8Array, undefined> {
  readonly #ring: NativeRingBuffer;
  readonly #signal: AbortSignal | undefined;
  readonly #waiting: {
    readonly resolve: (result: Result) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  #ready: Uint8Array[] = [];
  #closed = false;

  constructor(ring: NativeRingBuffer, signal: AbortSignal | undefined) {
    this.#ring = ring;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#close, { once: true });
    if (signal?.aborted === true) this.#close();
  }

  next(): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#answer();
    });
  }

  return(): Promise<Result> {
    this.#close();
    return Promise.resolve(end);
  }

  /** Gives what there is to those who wait, then waits for more if someone still does. */
  readonly #answer = (): void => {
    try {
      while (!this.#closed && this.#waiting.length > 0) {
        if (this.#ready.length === 0) this.#ready = this.#ring.read().reverse();
        const value = this.#ready.pop();
        if (value === undefined) return this.#ring.wait(this.#answer);
        this.#waiting.shift()?.resolve({ done: false, value });
      }
    } catch (error) {
      this.#waiting.shift()?.reject(error);
      this.#close();
    }
    if (this.#closed) for (const { resolve } of this.#waiting.splice(0)) resolve(end);
  };

  readonly #close = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#close);
    this.#ring.close();
    this.#answer();
  };
}
