import ipaddr from 'ipaddr.js';
import { EncapError } from '../errors.js';

declare const brand: unique symbol;

/** A primitive that the compiler tells apart from its look-alikes. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Canonical text of an IPv4 address: four decimal octets. */
export type Ipv4 = Brand<string, 'Ipv4'>;
/** Canonical text of an IPv6 address (RFC 5952). */
export type Ipv6 = Brand<string, 'Ipv6'>;
/** Canonical text, so that `===` and Map keys compare addresses. */
export type Address = Ipv4 | Ipv6;

export type Family = 'ipv4' | 'ipv6';

/** Both, in the order in which they are listed everywhere. */
export const families: readonly Family[] = ['ipv4', 'ipv6'];

/** Bits of an address. */
export const addressBits: Readonly<Record<Family, 32 | 128>> = { ipv4: 32, ipv6: 128 };

/** An address as someone wrote it, in canonical text; undefined where it is none. */
export function readAddress(text: string): Address | undefined {
  return parsed(text)?.toString() as Address | undefined;
}

/** An address as someone wrote it; what is none is an error that says so. */
export function parseAddress(text: string): Address {
  const address = readAddress(text);
  if (address !== undefined) return address;
  throw new EncapError(`cannot read address ${JSON.stringify(text)}: it is neither IPv4 nor IPv6`, {
    code: 'CONFIG_INVALID',
    hint: addressHint(text),
  });
}

/** The family of an address or a CIDR. */
export function familyOf(canonical: string): Family {
  return canonical.includes(':') ? 'ipv6' : 'ipv4';
}

/** An address as a number: what prefixes are computed with. */
export function addressToInteger(address: Address): bigint {
  if (familyOf(address) === 'ipv4') return BigInt(ipv4ToNumber(address));
  return bytesToInteger(ipaddr.IPv6.parse(address).toByteArray());
}

export function addressFromInteger(value: bigint, family: Family): Address {
  return addressFromBytes(integerToBytes(value, addressBits[family] / 8));
}

/** 4 or 16 bytes in network order. */
export function addressToBytes(address: Address): Uint8Array {
  return Uint8Array.from(ipaddr.parse(address).toByteArray());
}

/** 4 or 16 bytes in network order → canonical text. */
export function addressFromBytes(bytes: Uint8Array): Address {
  if (bytes.length === 4) return bytes.join('.') as Address;
  return ipaddr.fromByteArray([...bytes]).toString() as Address;
}

/** Addresses in numerical order, IPv4 first. */
export function compareAddresses(a: Address, b: Address): number {
  const family = familyOf(a);
  if (family !== familyOf(b)) return family === 'ipv4' ? -1 : 1;
  const [one, other] = [addressToInteger(a), addressToInteger(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** ipaddr.js alone takes `10.1`, octal and hexadecimal octets; Calico does not, nor zones, nor IPv4 in IPv6 clothes. */
function parsed(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? undefined : address;
}

function addressHint(text: string): string {
  if (text.includes('/')) return `leave out the prefix length: ${text.slice(0, text.indexOf('/'))}`;
  if (text.includes('%')) return 'leave out the zone: an address of an overlay has none';
  if (/^::ffff:/i.test(text)) return 'write an IPv4 address as four decimal numbers: 10.0.0.1';
  return 'IPv4 is four decimal numbers without leading zeros (10.0.0.1), IPv6 as in fd00::1';
}

const dot = '.'.charCodeAt(0);
const zero = '0'.charCodeAt(0);

/** Canonical text alone comes here: the octets are decimal, and there are four. Inventories hold many thousands. */
function ipv4ToNumber(address: Address): number {
  let value = 0;
  let octet = 0;
  for (let index = 0; index < address.length; index += 1) {
    const code = address.charCodeAt(index);
    if (code === dot) {
      value = value * 256 + octet;
      octet = 0;
    } else {
      octet = octet * 10 + code - zero;
    }
  }
  return value * 256 + octet;
}

function bytesToInteger(bytes: readonly number[]): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function integerToBytes(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = length - 1, rest = value; index >= 0; index -= 1, rest >>= 8n)
    bytes[index] = Number(rest & 0xffn);
  return bytes;
}
