import type { Encapsulation } from './encapsulation.js';

/** VXLAN, RFC 7348. Twin of bpf/encap/vxlan.h. */
export const vxlan = {
  name: 'vxlan',
  inner: ['ipv4', 'ipv6'],
  underlays: ['ipv4', 'ipv6'],
  overheadBytes: { ipv4: 50, ipv6: 70 },
  carriesEthernet: true,
} as const satisfies Encapsulation;
