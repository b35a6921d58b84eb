import { native } from './native.js';
import './netlink/native.js';

/**
 * Runs a synchronous function with this thread in the network namespace at a path (/run/netns/blue), and comes back
 * whatever happens. Sockets, maps' interfaces and child processes made meanwhile belong to that namespace.
 */
export function inNamespace<T>(path: string, run: () => T): T {
  const result = native.inNamespace(path, run);
  if (isThenable(result)) {
    // Refused, so that nobody else will hear of its end.
    result.then(undefined, () => undefined);
    throw new TypeError(
      'run must be synchronous, but returned a Promise: what follows its first await would run in the namespace outside',
    );
  }
  return result;
}

/** A network namespace without a name: it and all that is in it go with the handle, or with this process. */
export class Namespace implements Disposable {
  readonly #native = new native.Namespace();

  /** Makes one with nothing in it but a loopback interface that is down. */
  static create(): Namespace {
    return new Namespace();
  }

  /** For `inNamespace` and `Netlink.open`; other processes see something else behind it. */
  get path(): string {
    return this.#native.path();
  }

  [Symbol.dispose](): void {
    this.#native.close();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
