import type { Desired, Owner } from '../model/desired.js';
import { addressBits, familyOf, type Address } from '../net/address.js';
import { cidrOf, type Cidr } from '../net/cidr.js';
import { PrefixTable } from '../net/prefix-table.js';

/** What the tables hold for an address. */
export interface Found {
  readonly pool: Cidr;
  /** undefined: in a pool, but nobody's. */
  readonly block: { readonly cidr: Cidr; readonly owner: Owner } | undefined;
}

/** Looks addresses up as the programs do (bpf/maps.h, pool_of and block_in); undefined outside all pools. */
export function lookup(desired: Desired): (address: Address) => Found | undefined {
  const pools = new PrefixTable(desired.pools);
  return (address) => {
    const pool = pools.match(address);
    if (pool === undefined) return undefined;
    for (const length of pool.value.blockLengths) {
      if (length > addressBits[familyOf(address)]) continue;
      const cidr = cidrOf(address, length);
      const owner = desired.blocks.get(cidr);
      if (owner !== undefined) return { pool: pool.cidr, block: { cidr, owner } };
    }
    return { pool: pool.cidr, block: undefined };
  };
}
