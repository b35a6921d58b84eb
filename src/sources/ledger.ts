import { isDeepStrictEqual } from 'node:util';
import type { AssembleOptions, UnderstoodFiles } from '../model/assemble.js';
import { Assembly, type Edition } from '../model/assembly.js';
import type { Block } from '../model/block.js';
import type { Documents } from '../model/document.js';
import type { Fault } from '../model/fault.js';
import { PlainBlock } from '../model/plain-block.js';
import { understand, type Understood } from '../model/understand.js';
import type { Cidr } from '../net/cidr.js';
import type { Reading } from './source.js';
import { Understanding } from './understood.js';
import { Loss } from './valve.js';

export interface LedgerOptions extends Omit<AssembleOptions, 'before'> {
  /** What a user sees as the place of a problem: `etcd:/calico/ipam/v2/assignment/ipv4/block/10.244.0.0-26`. */
  readonly place?: (key: string) => string;
  /** What is known already: this node's own configuration. It has no part in lists and changes. */
  readonly beside?: Documents;
  /** How long a list is held back that lacks most of what was there, in milliseconds; default 60 s. */
  readonly holdMs?: number;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
  /** Readings have the resources themselves, with all that is written in them. */
  readonly keepsAll?: boolean;
}

const defaultHoldMs = 60_000;

/**
 * The resources of a datastore, one by one, and the world that they make. A block's key is its name (`10-244-0-0-26`),
 * which takes no memory of its own; the others' are the source's to choose. Resources are plain objects in the form of
 * Calico's API (or `Unreadable`).
 */
export class Ledger {
  readonly #assembly: Assembly;
  readonly #beside: Pick<Documents, 'files' | 'problems'> & { readonly all: readonly Understood[] };
  readonly #holdMs: number;
  readonly #now: () => number;
  readonly #understanding: Understanding;
  readonly #keepsAll: boolean;
  #entries: Map<string, Understood> | undefined;
  #edition: Edition | undefined;
  #held: Held | undefined;

  constructor({ place, beside, holdMs, now, keepsAll = false, ...options }: LedgerOptions = {}) {
    this.#assembly = new Assembly(options);
    this.#keepsAll = keepsAll;
    this.#understanding = new Understanding(place ?? ((key) => key), keepsAll);
    const { files = [], problems = [], documents = [] } = beside ?? {};
    this.#beside = { files, problems, all: documents.map(understand) };
    this.#holdMs = holdMs ?? defaultHoldMs;
    this.#now = now ?? (() => performance.now());
  }

  /** A new list, to be filled while it comes in: resources are understood one by one, their text is not kept. */
  list(): List {
    return new List(this.#understanding);
  }

  /** All there is at one revision. Where it lacks most of what was there it is held back, and the last world stays. */
  whole(list: List): Reading {
    const { entries } = list;
    const loss = new Loss(this.#entries ?? new Map(), entries);
    const { words } = loss;
    if (words === undefined) return this.#taken(entries);
    const sinceMs = this.#held?.sinceMs ?? this.#now();
    this.#held = { entries, loss, sinceMs, fault: vanished(words, this.#holdMs) };
    return this.release() ?? this.standing;
  }

  /** Single resources; undefined: there is none any more. Before the first list they are no world, and not taken. */
  change(changes: ReadonlyMap<string, unknown>): Reading {
    const entries = this.#held?.entries ?? this.#entries;
    if (entries === undefined) return this.standing;
    const news = new Map<string, Understood | undefined>();
    for (const [key, resource] of changes)
      news.set(key, resource === undefined ? undefined : this.#understanding.of(key, resource));
    return this.#held === undefined
      ? this.#changed(entries, news)
      : this.#changedBehind(this.#held, news);
  }

  /** How long a list will be held back yet, in milliseconds; undefined: none is. */
  get heldForMs(): number | undefined {
    return this.#held && Math.max(0, this.#held.sinceMs + this.#holdMs - this.#now());
  }

  /** Takes over the list that was held back, once it has been so long enough. */
  release(): Reading | undefined {
    return this.#held !== undefined && this.heldForMs === 0
      ? this.#taken(this.#held.entries)
      : undefined;
  }

  #taken(entries: Map<string, Understood>): Reading {
    this.#held = undefined;
    this.#entries = entries;
    return this.#told(this.#whole());
  }

  #changed(
    entries: Map<string, Understood>,
    news: ReadonlyMap<string, Understood | undefined>,
  ): Reading {
    const changed = new Map<Cidr, Block | undefined>();
    let isWhole = false;
    let edition = this.#edition;
    for (const [key, after] of news) {
      const before = entries.get(key);
      if (after === undefined) entries.delete(key);
      else entries.set(key, after);
      if (isWhole || isSame(before, after)) continue;
      const place = this.#understanding.place(key);
      const single = this.#assembly.replace(place, some(before), some(after));
      if (single === undefined) isWhole = true;
      else edition = single;
      for (const [cidr, block] of single?.changed ?? []) changed.set(cidr, block);
    }
    if (!isWhole && edition !== undefined) return this.#told({ ...edition, changed });
    const whole = this.#whole();
    for (const [cidr, block] of whole.changed ?? []) changed.set(cidr, block);
    return this.#told({ ...whole, changed: whole.changed && changed });
  }

  /** While a list is held back, it is what changes. */
  #changedBehind(held: Held, news: ReadonlyMap<string, Understood | undefined>): Reading {
    for (const [key, after] of news) {
      if (after === undefined) held.entries.delete(key);
      else held.entries.set(key, after);
      held.loss.note(key, this.#entries?.get(key), after !== undefined);
    }
    return held.loss.words === undefined ? this.#taken(held.entries) : this.standing;
  }

  #whole(): Edition {
    return this.#assembly.whole(this.#resources());
  }

  #resources(): UnderstoodFiles {
    const { files, problems, all } = this.#beside;
    const entries = [...(this.#entries ?? [])];
    // Findings about two resources name the later of them: that must not depend on which one came first.
    const others = entries
      .filter(([, one]) => !(one instanceof PlainBlock))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      files: [...files, ...others.map(([key]) => key)],
      all: [
        ...all,
        ...others.map(([, one]) => one),
        ...entries.map(([, one]) => one).filter((one) => one instanceof PlainBlock),
      ],
      problems,
    };
  }

  #told(edition: Edition): Reading {
    this.#edition = edition;
    const resources = this.#keepsAll ? { resources: this.#resources() } : {};
    return { ...edition, ...resources, faults: [] };
  }

  /** The last world, and why it is not the newest. */
  get standing(): Reading {
    const faults = this.#held === undefined ? [] : [this.#held.fault];
    const { inventory, problems = [] } = this.#edition ?? {};
    return { inventory, problems, changed: new Map(), faults };
  }
}

/** A list that is coming in. */
export class List {
  readonly entries = new Map<string, Understood>();
  readonly #understanding: Understanding;

  constructor(understanding: Understanding) {
    this.#understanding = understanding;
  }

  add(key: string, resource: unknown): void {
    this.entries.set(key, this.#understanding.of(key, resource));
  }
}

/** A list that lacks most of what was there. */
interface Held {
  readonly entries: Map<string, Understood>;
  readonly loss: Loss;
  readonly sinceMs: number;
  /** As it was when it came: what changes in it meanwhile is no news. */
  readonly fault: Fault;
}

function vanished(words: string, holdMs: number): Fault {
  return {
    short: 'a list held back',
    message: `the datastore’s new list lacks ${words}: the last world stays in force`,
    hint: `if they are gone on purpose, wait: it counts when it has been so for ${holdMs / 1000} s; else see to the datastore before that`,
  };
}

/** Whether nothing that is decided or told can be different. */
function isSame(before: Understood | undefined, after: Understood | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  if (before instanceof PlainBlock || after instanceof PlainBlock) return false;
  return (
    before.findings.length === 0 &&
    after.findings.length === 0 &&
    isDeepStrictEqual(before.resource, after.resource) &&
    isDeepStrictEqual(before.document.value, after.document.value)
  );
}

function some(one: Understood | undefined): readonly Understood[] {
  return one === undefined ? [] : [one];
}
