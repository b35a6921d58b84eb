import { addressBits, addressToInteger, familyOf, type Address, type Family } from './address.js';
import { masked, networkOf, prefixLengthOf, type Cidr } from './cidr.js';

/** A prefix and what a table holds for it. */
export interface PrefixEntry<Value> {
  readonly cidr: Cidr;
  readonly value: Value;
}

/** Prefixes of both families with longest prefix match, as the kernel's LPM tries have it. */
export class PrefixTable<Value> {
  /** Longest prefix length first; below it, by network. */
  readonly #lengths: Record<Family, [number, Map<bigint, PrefixEntry<Value>>][]> = {
    ipv4: [],
    ipv6: [],
  };

  constructor(entries: Iterable<readonly [Cidr, Value]> = []) {
    for (const [cidr, value] of entries) this.set(cidr, value);
  }

  set(cidr: Cidr, value: Value): this {
    const lengths = this.#lengths[familyOf(cidr)];
    const length = prefixLengthOf(cidr);
    let networks = lengths.find(([one]) => one === length)?.[1];
    if (networks === undefined) {
      networks = new Map();
      lengths.push([length, networks]);
      lengths.sort(([a], [b]) => b - a);
    }
    networks.set(addressToInteger(networkOf(cidr)), { cidr, value });
    return this;
  }

  /** The longest prefix that an address, or a whole prefix, lies in. */
  match(inside: Address | Cidr): PrefixEntry<Value> | undefined {
    for (const entry of this.#enclosing(inside)) return entry;
    return undefined;
  }

  /** Every prefix that holds an address or a whole prefix, itself included: the widest first. */
  path(inside: Address | Cidr): PrefixEntry<Value>[] {
    return [...this.#enclosing(inside)].reverse();
  }

  *#enclosing(inside: Address | Cidr): Generator<PrefixEntry<Value>> {
    const family = familyOf(inside);
    const slash = inside.indexOf('/');
    const address = addressToInteger((slash < 0 ? inside : inside.slice(0, slash)) as Address);
    const longest = slash < 0 ? addressBits[family] : Number(inside.slice(slash + 1));
    for (const [length, networks] of this.#lengths[family]) {
      if (length > longest) continue;
      const found = networks.get(masked(address, family, length));
      if (found !== undefined) yield found;
    }
  }
}
