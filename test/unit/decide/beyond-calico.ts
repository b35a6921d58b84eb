import type { BeyondCalico } from '../../../src/model/settings.js';
import { block, defaults, node, pool } from './worlds.js';

// What Calico has no name for. Outer addresses say the family: 172.16/15 and fd00:16, fd00:17 are underlays.

export const a = node('a', {
  bgp: '172.16.0.1/24',
  bgp6: 'fd00:16::1/64',
  vxlan: '10.1.0.0',
  vxlan6: 'fd00:10:1::',
});
export const b = node('b', {
  bgp: '172.16.0.2/24',
  bgp6: 'fd00:16::2/64',
  vxlan: '10.2.0.0',
  vxlan6: 'fd00:10:2::',
  mac: '66:00:00:00:00:04',
  mac6: '66:00:00:00:00:06',
});
export const c = node('c', {
  bgp: '172.17.0.3/24',
  bgp6: 'fd00:17::3/64',
  vxlan: '10.3.0.0',
  vxlan6: 'fd00:10:3::',
});
/** A node of one family, with workloads of both. */
export const four = node('four', {
  bgp: '172.16.0.4/24',
  vxlan: '10.4.0.0',
  vxlan6: 'fd00:10:4::',
});
export const six = node('six', { bgp6: 'fd00:16::6/64', vxlan: '10.6.0.0', vxlan6: 'fd00:10:6::' });
export const blocks = ['a', 'b', 'c', 'four', 'six'].flatMap((name, place) => {
  const number = [1, 2, 3, 4, 6][place] ?? 0;
  return [block(`10.${number}.0.0/26`, name), block(`fd00:10:${number}::/122`, name)];
});
export const nodes = [a, b, c, four, six];

export const v4 = pool('v4', '10.0.0.0/8', { vxlan: 'Always' });
export const v6 = pool('v6', 'fd00:10::/32', { vxlan: 'Always' });
export const v6Cross = pool('v6', 'fd00:10::/32', { vxlan: 'CrossSubnet' });
export const i6 = pool('i6', 'fd00:10::/32', { ipip: 'Always' });
export const i6Cross = pool('i6', 'fd00:10::/32', { ipip: 'CrossSubnet' });

export function beyond(changes: Partial<BeyondCalico>): { readonly beyondCalico: BeyondCalico } {
  return { beyondCalico: { ...defaults.beyondCalico, ...changes } };
}
export const sixOverFour = beyond({ ipv6PoolsOver: 'ipv4' });
export const fourOverSix = beyond({ ipv4PoolsOver: 'ipv6' });
export const byIp6ip = beyond({ ip6ip: true });
export const ip6ipOverFour = beyond({ ip6ip: true, ipv6PoolsOver: 'ipv4' });
