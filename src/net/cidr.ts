import { EncapError } from '../errors.js';
import {
  addressBits,
  addressFromInteger,
  addressToInteger,
  familyOf,
  readAddress,
  type Address,
  type Brand,
  type Family,
} from './address.js';

/** Canonical text of a prefix without host bits: `10.0.0.0/24`. */
export type Cidr = Brand<string, 'Cidr'>;

/** An address with the length of a prefix, host bits and all: `192.168.1.11/24`. */
export interface WrittenCidr {
  readonly address: Address;
  readonly prefixLength: number;
  /** The prefix without host bits. */
  readonly cidr: Cidr;
}

/** `10.0.0.7/24` taken apart; undefined for what is no prefix, as Go's net.ParseCIDR sees it. */
export function readCidr(text: string): WrittenCidr | undefined {
  const [, before, after] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = before === undefined ? undefined : readAddress(before);
  const prefixLength = Number(after);
  if (address === undefined || prefixLength > addressBits[familyOf(address)]) return undefined;
  return { address, prefixLength, cidr: cidrOf(address, prefixLength) };
}

/** A prefix as someone wrote it: host bits are refused, the hint offers it without them. */
export function parseCidr(text: string): Cidr {
  const written = readCidr(text);
  if (written === undefined)
    throw new EncapError(`cannot read CIDR ${JSON.stringify(text)}: it is no prefix`, {
      code: 'CONFIG_INVALID',
      hint: 'write an address and a prefix length: 10.244.0.0/16, fd00:10:244::/56',
    });
  const { address, prefixLength, cidr } = written;
  if (cidr === `${address}/${prefixLength}`) return cidr;
  throw new EncapError(`cannot read CIDR ${text}: it has bits set behind the prefix`, {
    code: 'CONFIG_INVALID',
    hint: `write ${cidr}`,
  });
}

/** The prefix of this length that an address lies in. */
export function cidrOf(address: Address, prefixLength: number): Cidr {
  const family = familyOf(address);
  if (prefixLength === addressBits[family]) return `${address}/${prefixLength}` as Cidr;
  const network = masked(addressToInteger(address), family, prefixLength);
  return `${addressFromInteger(network, family)}/${prefixLength}` as Cidr;
}

/** One address as a prefix: /32 or /128. */
export function hostCidr(address: Address): Cidr {
  return cidrOf(address, addressBits[familyOf(address)]);
}

export function prefixLengthOf(cidr: Cidr): number {
  return Number(cidr.slice(cidr.indexOf('/') + 1));
}

/** The first address of a prefix. */
export function networkOf(cidr: Cidr): Address {
  return cidr.slice(0, cidr.indexOf('/')) as Address;
}

/** Whether a prefix holds one address alone. */
export function isHost(cidr: Cidr): boolean {
  return prefixLengthOf(cidr) === addressBits[familyOf(cidr)];
}

/** Whether an address, or a whole prefix, lies in `outer`. */
export function contains(outer: Cidr, inner: Address | Cidr): boolean {
  const family = familyOf(outer);
  if (family !== familyOf(inner)) return false;
  const length = prefixLengthOf(outer);
  const slash = inner.indexOf('/');
  if (slash >= 0 && Number(inner.slice(slash + 1)) < length) return false;
  const address = (slash < 0 ? inner : inner.slice(0, slash)) as Address;
  return masked(addressToInteger(address), family, length) === addressToInteger(networkOf(outer));
}

/** The address at a distance from the first one of a prefix. */
export function addressAt(cidr: Cidr, ordinal: number): Address {
  return addressFromInteger(addressToInteger(networkOf(cidr)) + BigInt(ordinal), familyOf(cidr));
}

/** How many addresses a prefix holds. */
export function addressCount(cidr: Cidr): bigint {
  return 1n << BigInt(addressBits[familyOf(cidr)] - prefixLengthOf(cidr));
}

/** Prefixes in the order of their first addresses, the wider one first; IPv4 before IPv6. */
export function compareCidrs(a: Cidr, b: Cidr): number {
  const family = familyOf(a);
  if (family !== familyOf(b)) return family === 'ipv4' ? -1 : 1;
  const [one, other] = [addressToInteger(networkOf(a)), addressToInteger(networkOf(b))];
  if (one !== other) return one < other ? -1 : 1;
  return prefixLengthOf(a) - prefixLengthOf(b);
}

/** The bits of a number that a prefix of this length keeps. */
export function masked(address: bigint, family: Family, prefixLength: number): bigint {
  const hostBits = BigInt(addressBits[family] - prefixLength);
  return (address >> hostBits) << hostBits;
}
