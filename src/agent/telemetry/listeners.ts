import type { Logger } from 'pino';
import { EncapError } from '../../errors.js';
import { isLoopback, type SocketAddress } from '../../net/socket-address.js';
import { Listener, type Pages } from './listener.js';

/** The listeners that there are, brought to those that there should be. */
export class Listeners implements AsyncDisposable {
  readonly #log: Logger;
  readonly #open = new Map<SocketAddress, Listener>();
  readonly #refused = new Set<SocketAddress>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Closes and opens what differs. What can't be opened is said once, and tried again the next time. */
  async bring(wanted: ReadonlyMap<SocketAddress, Pages>): Promise<void> {
    for (const [where, listener] of this.#open) {
      if (wanted.has(where)) continue;
      this.#open.delete(where);
      await listener[Symbol.asyncDispose]();
      this.#log.info({ url: listener.url }, 'no longer listening');
    }
    for (const where of this.#refused) if (!wanted.has(where)) this.#refused.delete(where);
    for (const [where, pages] of wanted) {
      const listener = this.#open.get(where);
      if (listener !== undefined) listener.pages = pages;
      else await this.#try(where, pages);
    }
  }

  /** Some of them could not be opened. */
  get areMissing(): boolean {
    return this.#refused.size > 0;
  }

  /** The same, where a refusal is the caller's to handle. */
  async open(wanted: ReadonlyMap<SocketAddress, Pages>): Promise<void> {
    for (const [where, pages] of wanted) await this.#add(where, pages);
  }

  async #try(where: SocketAddress, pages: Pages): Promise<void> {
    try {
      await this.#add(where, pages);
      this.#refused.delete(where);
    } catch (failure) {
      if (!(failure instanceof EncapError)) throw failure;
      const { message, code, why, hint } = failure;
      if (!this.#refused.has(where))
        this.#log.warn({ failure: message, code, why, hint }, 'not listening, trying again');
      this.#refused.add(where);
    }
  }

  async #add(where: SocketAddress, pages: Pages): Promise<void> {
    const listener = await Listener.open(where, pages);
    this.#open.set(where, listener);
    const about = { url: listener.url, pages: [...pages.keys()] };
    if (isLoopback(where)) this.#log.info(about, 'listening');
    else this.#log.warn(about, 'listening beyond loopback: whoever reaches it can read it');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#open.values()) await listener[Symbol.asyncDispose]();
    this.#open.clear();
  }
}
