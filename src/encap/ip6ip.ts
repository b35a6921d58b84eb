import type { Encapsulation } from './encapsulation.js';

/** IPv6 in IPv4 or in IPv6, RFC 4213 and RFC 2473. Twin of bpf/encap/ip6ip.h. */
export const ip6ip = {
  name: 'ip6ip',
  inner: ['ipv6'],
  underlays: ['ipv4', 'ipv6'],
  overheadBytes: { ipv4: 20, ipv6: 40 },
  carriesEthernet: false,
} as const satisfies Encapsulation;
