import type { Encapsulation } from './encapsulation.js';

/** IP-in-IP, RFC 2003. Twin of bpf/encap/ipip.h. */
export const ipip = {
  name: 'ipip',
  inner: ['ipv4'],
  underlays: ['ipv4'],
  overheadBytes: { ipv4: 20, ipv6: 40 },
  carriesEthernet: false,
} as const satisfies Encapsulation;
