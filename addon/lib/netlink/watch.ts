import { native } from '../native.js';
import { addressState, type AddressState } from './address.js';
import { linkState, type LinkState } from './link.js';
import type {
  NativeNetlinkWatch,
  RawAddress,
  RawEvent,
  RawLink,
  RawNeighbour,
  RawRoute,
  RawRule,
} from './native.js';
import { neighbourState, type NeighbourState } from './neighbour.js';
import { routeState, type RouteState } from './route.js';
import { ruleState, type RuleState } from './rule.js';

/** What can be watched. */
export type NetlinkGroup = 'link' | 'address' | 'route' | 'neighbour' | 'rule';

/** `new` is also told of what has changed. `overflow`: events up to now are lost, dump again. */
export type NetlinkEvent =
  | (Change<'link'> & LinkState)
  | (Change<'address'> & AddressState)
  | (Change<'route'> & RouteState)
  | (Change<'neighbour'> & NeighbourState)
  | (Change<'rule'> & RuleState)
  | { readonly event: 'overflow' };

interface Change<Group extends NetlinkGroup> {
  readonly event: Group;
  readonly change: 'new' | 'removed';
}

/** RTNLGRP_ numbers (linux/rtnetlink.h). */
const groupNumbers: Readonly<Record<NetlinkGroup, readonly number[]>> = {
  link: [1],
  neighbour: [3],
  address: [5, 9],
  route: [7, 11],
  rule: [8, 19],
};
export const netlinkGroups = Object.keys(groupNumbers) as NetlinkGroup[];

/** Events of one socket, from the moment it is made; read only while somebody waits, so that the kernel keeps the backlog. */
export class Watch implements AsyncIterableIterator<NetlinkEvent> {
  readonly #handle: NativeNetlinkWatch;
  readonly #onEnd: () => void;
  readonly #wake = () => this.#woken?.();
  #events: NetlinkEvent[] = [];
  #woken: (() => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #ended = false;

  /** Opens the socket in the namespace that this thread is in. */
  constructor(groups: readonly NetlinkGroup[], onEnd: () => void) {
    this.#handle = new native.NetlinkWatch(groups.flatMap((group) => groupNumbers[group]));
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<NetlinkEvent, undefined>> {
    const result = this.#last.then(() => this.#take());
    this.#last = result.catch(() => undefined); // the caller of that next() has its error
    return result;
  }

  return(): Promise<IteratorResult<NetlinkEvent, undefined>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Closes the socket; whoever waits is told that it is over. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events = [];
    this.#handle.close();
    this.#wake();
    this.#onEnd();
  }

  async #take(): Promise<IteratorResult<NetlinkEvent, undefined>> {
    for (;;) {
      if (this.#ended) return { done: true, value: undefined };
      const event = this.#events.shift();
      if (event !== undefined) return { done: false, value: event };
      await new Promise<void>((resolve) => {
        this.#woken = resolve;
        this.#handle.wait(this.#wake);
      });
      this.#read();
    }
  }

  #read(): void {
    if (this.#ended) return;
    try {
      this.#events = this.#handle.read().map(eventOf);
    } catch (error) {
      this.end();
      throw error;
    }
  }
}

function eventOf({ message, state }: RawEvent): NetlinkEvent {
  switch (message) {
    case 16: // RTM_NEWLINK and on, in fours: new, removed, get, set
      return { event: 'link', change: 'new', ...linkState(state as RawLink) };
    case 17:
      return { event: 'link', change: 'removed', ...linkState(state as RawLink) };
    case 20:
      return { event: 'address', change: 'new', ...addressState(state as RawAddress) };
    case 21:
      return { event: 'address', change: 'removed', ...addressState(state as RawAddress) };
    case 24:
      return { event: 'route', change: 'new', ...routeState(state as RawRoute) };
    case 25:
      return { event: 'route', change: 'removed', ...routeState(state as RawRoute) };
    case 28:
      return { event: 'neighbour', change: 'new', ...neighbourState(state as RawNeighbour) };
    case 29:
      return { event: 'neighbour', change: 'removed', ...neighbourState(state as RawNeighbour) };
    case 32:
      return { event: 'rule', change: 'new', ...ruleState(state as RawRule) };
    case 33:
      return { event: 'rule', change: 'removed', ...ruleState(state as RawRule) };
    default:
      return { event: 'overflow' };
  }
}
