import { encapsulations, type EncapName } from '../encap/index.js';
import type { Settings } from '../model/settings.js';
import type { Family } from '../net/address.js';
import { underlayOf } from './carriage.js';

/** RFC 8200 section 5: every link carries IPv6 packets of this size, so every host may send them. */
export const leastIpv6Mtu = 1280;

/** FelixConfiguration's MTU for an encapsulation of packets of a family; 0: what the underlay leaves. */
export function mtuSetting(encap: EncapName, inner: Family, { mtu }: Settings): number {
  switch (encap) {
    case 'ipip':
      return mtu.ipip;
    case 'ip6ip':
      return 0; // Felix has none: ipipMTU reckons with IPv4
    case 'vxlan':
      return inner === 'ipv4' ? mtu.vxlan : mtu.vxlanV6;
  }
}

/** What a workload's packet may measure before it is encapsulated. */
export function overlayMtu(
  encap: EncapName,
  inner: Family,
  { settings, underlayMtu }: { readonly settings: Settings; readonly underlayMtu: number },
): number {
  const set = mtuSetting(encap, inner, settings);
  if (set !== 0) return set;
  return underlayMtu - encapsulations[encap].overheadBytes[underlayOf(encap, inner, settings)];
}
