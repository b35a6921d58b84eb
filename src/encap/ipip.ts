import type { Encapsulation } from './encapsulation.js';

/** IP-in-IP, RFC 2003. Twin of bpf/encap/ipip.h. */
export const ipip = {
  name: 'ipip',
  overheadBytes: { ipv4: 20, ipv6: 40 },
  carriesEthernet: false,
} as const satisfies Encapsulation;
