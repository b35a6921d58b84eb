import {
  type Address,
  addressBits,
  familyOf,
  type Family,
  readAddress,
} from '../../net/address.js';
import { type Cidr, cidrOf, contains, networkOf, readCidr } from '../../net/cidr.js';

/** A prefix as a resource has it, with what may be wrong about it. */
export interface WrittenCidr {
  readonly family: Family;
  readonly address: Address;
  readonly prefixLength: number;
  /** Without the bits behind the prefix. */
  readonly network: Cidr;
  readonly hasHostBits: boolean;
}

/** `10.0.0.7/24` taken apart; undefined for what is no prefix. */
export function writtenCidr(text: string): WrittenCidr | undefined {
  const read = readCidr(text);
  return read === undefined ? undefined : written(read.address, read.prefixLength);
}

/** The same for an address without a prefix, which stands for itself alone (/32, /128). */
export function writtenCidrOrAddress(text: string): WrittenCidr | undefined {
  if (text.includes('/')) return writtenCidr(text);
  const address = readAddress(text);
  return address === undefined ? undefined : written(address, addressBits[familyOf(address)]);
}

/** An address of one family; undefined for what is none. */
export function addressOf(family: Family, text: string): Address | undefined {
  const address = readAddress(text);
  return address !== undefined && familyOf(address) === family ? address : undefined;
}

/** True where two prefixes have an address in common. */
export function overlap(a: Cidr, b: Cidr): boolean {
  return contains(a, b) || contains(b, a);
}

function written(address: Address, prefixLength: number): WrittenCidr {
  const network = cidrOf(address, prefixLength);
  return {
    family: familyOf(address),
    address,
    prefixLength,
    network,
    hasHostBits: networkOf(network) !== address,
  };
}
