import { encapsulations, type EncapName } from '../encap/index.js';
import type { Policy } from '../model/desired.js';
import type { PolicyIndex } from './entry.js';

/** How a mode switch is spread over time. */
export interface SwitchTiming {
  /** A new mode is accepted at once and sent after this: by then the other nodes accept it, too. */
  readonly delayMs: number;
  /** A mode that was switched off is accepted for this long: the others switch when they hear of it. */
  readonly graceMs: number;
}

/** An entry that says which encapsulations may carry something to us. */
interface Accepting {
  readonly accepted: readonly EncapName[];
}

/** Both sides of a table whose entries accept something. */
interface Acceptance<K, V> {
  readonly desired: ReadonlyMap<K, V>;
  readonly actual: ReadonlyMap<K, V>;
  readonly stays?: (key: K, entry: V) => boolean;
}

/**
 * Switches the modes of pools so that no packet is lost, though no node waits for another. What the kernel does now is
 * the memory of what was before, so that a restart in the middle forgets nothing.
 */
export class Switching {
  readonly #timing: SwitchTiming;
  /** Monotonic milliseconds at which each entry's waiting began. */
  readonly #grace = new Map<string, number>();
  readonly #delay = new Map<PolicyIndex, number>();

  constructor(timing: SwitchTiming) {
    this.#timing = timing;
  }

  /** Whether some pool still sends in its old mode: its packets may be larger than the new one's. */
  get isDelaying(): boolean {
    return this.#delay.size > 0;
  }

  /** When the next of them ends; undefined when nothing waits. */
  nextEndMs(): number | undefined {
    const ends = [
      ...[...this.#grace.values()].map((since) => since + this.#timing.graceMs),
      ...[...this.#delay.values()].map((since) => since + this.#timing.delayMs),
    ];
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /**
   * The entries of one table, each with what it accepted until now, as long as that may last; `stays`: of those that
   * are not desired any more, which last as well.
   */
  accept<K extends string | number, V extends Accepting>(
    table: string,
    { desired, actual, stays }: Acceptance<K, V>,
    nowMs: number,
  ): ReadonlyMap<K, V> {
    const extended = new Map<K, V>();
    const running = new Set<string>();
    const lasts = (key: K, name: EncapName): boolean => {
      const id = `${table} ${key} ${name}`;
      const since = this.#grace.get(id) ?? nowMs;
      const before = actual.get(key)?.accepted ?? [];
      if (!before.includes(name) || nowMs - since >= this.#timing.graceMs) return false;
      this.#grace.set(id, since);
      running.add(id);
      return true;
    };
    for (const [key, entry] of desired) {
      const accepted = names.filter((name) => entry.accepted.includes(name) || lasts(key, name));
      extended.set(key, { ...entry, accepted });
    }
    for (const [key, entry] of actual) {
      if (desired.has(key) || stays?.(key, entry) !== true) continue;
      const accepted = names.filter((name) => lasts(key, name));
      if (accepted.length > 0) extended.set(key, { ...entry, accepted });
    }
    for (const id of this.#grace.keys())
      if (id.startsWith(`${table} `) && !running.has(id)) this.#grace.delete(id);
    return extended;
  }

  /**
   * The policies, each still sending as it does now, as long as the others may not have heard of the switch; `inUse`:
   * those that blocks have.
   */
  send(
    desired: ReadonlyMap<PolicyIndex, Policy>,
    actual: ReadonlyMap<PolicyIndex, Policy>,
    inUse: ReadonlySet<PolicyIndex>,
    nowMs: number,
  ): ReadonlyMap<PolicyIndex, Policy> {
    const delayed = new Map<PolicyIndex, Policy>();
    for (const [index, policy] of desired) {
      const { sameSubnet, otherSubnet, underlay } = actual.get(index) ?? never;
      // Blocks have peers of one family: over another one the old mode may not even be possible.
      const isSwitch =
        inUse.has(index) &&
        policy.underlay === underlay &&
        (policy.sameSubnet !== sameSubnet || policy.otherSubnet !== otherSubnet);
      const since = this.#delay.get(index) ?? nowMs;
      const waits = isSwitch && nowMs - since < this.#timing.delayMs;
      if (waits) this.#delay.set(index, since);
      else this.#delay.delete(index);
      delayed.set(index, waits ? { ...policy, sameSubnet, otherSubnet } : policy);
    }
    for (const index of this.#delay.keys()) if (!desired.has(index)) this.#delay.delete(index);
    return delayed;
  }
}

const names = Object.keys(encapsulations) as EncapName[];

const never: Policy = { sameSubnet: 'none', otherSubnet: 'none', accepted: [], underlay: 'ipv4' };
