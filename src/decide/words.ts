import type { Family } from '../net/address.js';

/** Families as people write them. */
export const familyNames: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };
