import { encapsulations, type EncapName } from '../encap/index.js';

/** An entry that says which encapsulations may carry something to us. */
interface Accepting {
  readonly accepted: readonly EncapName[];
}

/**
 * Keeps an encapsulation accepted for a while after it was switched off, because the other nodes switch when they
 * hear of it, not when we do. What the kernel still accepts is the memory, so that a restart does not forget it.
 */
export class Grace {
  readonly #ms: number;
  readonly #since = new Map<string, number>();

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** The entries of one table, each with what it accepted until now, as long as that may last. */
  extend<K extends string | number, V extends Accepting>(
    table: string,
    desired: ReadonlyMap<K, V>,
    actual: ReadonlyMap<K, V>,
    nowMs: number,
  ): ReadonlyMap<K, V> {
    const extended = new Map<K, V>();
    const running = new Set<string>();
    for (const [key, entry] of desired) {
      const before = actual.get(key)?.accepted ?? [];
      const lasts = (name: EncapName): boolean => {
        const id = `${table} ${key} ${name}`;
        const since = this.#since.get(id) ?? nowMs;
        if (!before.includes(name) || nowMs - since >= this.#ms) return false;
        this.#since.set(id, since);
        running.add(id);
        return true;
      };
      const accepted = names.filter((name) => entry.accepted.includes(name) || lasts(name));
      extended.set(key, { ...entry, accepted });
    }
    for (const id of this.#since.keys())
      if (id.startsWith(`${table} `) && !running.has(id)) this.#since.delete(id);
    return extended;
  }

  /** When the next of them ends; undefined when none is running. */
  nextEndMs(): number | undefined {
    const starts = [...this.#since.values()];
    return starts.length === 0 ? undefined : Math.min(...starts) + this.#ms;
  }
}

const names = Object.keys(encapsulations) as EncapName[];
