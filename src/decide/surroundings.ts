import type { Block } from '../model/block.js';
import { addressBits, familyOf, type Address } from '../net/address.js';
import { cidrOf, isHost, networkOf, prefixLengthOf, type Cidr } from '../net/cidr.js';
import { borrowedOf, type Claim, type Claims } from './claim.js';

/** Which addresses are known in a block, and whether it stands alone: in no other block, and none in it. */
export class Surroundings {
  readonly #claims: ReadonlyMap<Cidr, Claim>;
  readonly #lengths: ReadonlySet<number>;
  readonly #borrowed: Map<Cidr, readonly Address[]>;
  readonly #references = new Map<Cidr, Address[]>();

  constructor({ claims, lengths, borrowed, references }: Claims) {
    this.#claims = claims;
    this.#lengths = lengths;
    this.#borrowed = new Map(borrowed);
    for (const address of references.keys())
      for (const length of lengths) {
        if (length > addressBits[familyOf(address)]) continue;
        const cidr = cidrOf(address, length);
        const known = this.#references.get(cidr);
        if (known === undefined) this.#references.set(cidr, [address]);
        else known.push(address);
      }
  }

  /** Whether nothing but what is in a block depends on it. Of what claims nothing itself, the addresses that it gives are known. */
  isAlone(cidr: Cidr, block: Block | undefined): boolean {
    if (block === undefined ? !this.#claims.has(cidr) : block.node === undefined) return false;
    if (block !== undefined && !this.#claims.has(cidr) && this.#borrowed.has(cidr)) return false;
    const own = prefixLengthOf(cidr);
    if (!this.#lengths.has(own) || isHost(cidr) || isUnspecified(cidr)) return false;
    const inside = [
      ...this.referencesIn(cidr),
      ...(this.#borrowed.get(cidr) ?? []),
      ...(block === undefined ? [] : borrowedOf(block)),
    ];
    const bits = addressBits[familyOf(cidr)];
    // A block of one address may be behind another claim on it.
    if (inside.length > 0 && this.#lengths.has(bits)) return false;
    return [...this.#lengths].every(
      (length) =>
        length === own ||
        length >= bits ||
        ![networkOf(cidr), ...inside].some((address) => this.#hasSay(cidrOf(address, length))),
    );
  }

  /** A block without a node claims nothing itself, but addresses in it. */
  #hasSay(cidr: Cidr): boolean {
    return this.#claims.has(cidr) || this.#borrowed.has(cidr);
  }

  /** Addresses that others than the block's node have, now or before. */
  replaceBorrowed(cidr: Cidr, addresses: readonly Address[]): readonly Address[] {
    const before = this.#borrowed.get(cidr) ?? [];
    if (addresses.length > 0) this.#borrowed.set(cidr, addresses);
    else this.#borrowed.delete(cidr);
    return [...before, ...addresses];
  }

  /** Addresses in a block that are known from elsewhere. */
  referencesIn(cidr: Cidr): readonly Address[] {
    return this.#references.get(cidr) ?? [];
  }
}

/** The unspecified addresses are never routed. */
function isUnspecified(cidr: Cidr): boolean {
  return cidr.startsWith('0.0.0.0/') || cidr.startsWith('::/');
}
