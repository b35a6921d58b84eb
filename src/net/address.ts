import ipaddr from 'ipaddr.js';

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

/** Bits of an address. */
export const addressBits: Readonly<Record<Family, 32 | 128>> = { ipv4: 32, ipv6: 128 };
