import type { Encapsulation } from './encapsulation.js';

/** VXLAN, RFC 7348. Twin of bpf/encap/vxlan.h. */
export const vxlan = {
  name: 'vxlan',
  overheadBytes: { ipv4: 50, ipv6: 70 },
  carriesEthernet: true,
} as const satisfies Encapsulation;
