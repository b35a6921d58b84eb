/** Fires when other signals do, or after some time, or when it is told to; nothing of it stays with the others. */
export class Ending implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: readonly AbortSignal[];
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(outer: readonly AbortSignal[], ms?: number) {
    this.#outer = outer;
    if (ms !== undefined) this.#timer = setTimeout(() => this.end(new Late(ms)), ms);
    for (const signal of outer) {
      if (signal.aborted) this.end(signal.reason);
      else signal.addEventListener('abort', this.#follow);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const signal of this.#outer) signal.removeEventListener('abort', this.#follow);
  }

  readonly #follow = ({ target }: Event): void => this.end((target as AbortSignal).reason);
}

/** It took too long. */
export class Late extends Error {
  readonly ms: number;

  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
    this.ms = ms;
  }
}
