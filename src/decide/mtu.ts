import { encapsulations, type EncapName } from '../encap/index.js';
import type { Settings } from '../model/settings.js';
import type { Family } from '../net/address.js';

/** FelixConfiguration's MTU for an encapsulation; 0: what the underlay leaves. */
export function mtuSetting(encap: EncapName, family: Family, { mtu }: Settings): number {
  switch (encap) {
    case 'ipip':
    case 'ip6ip':
      return mtu.ipip;
    case 'vxlan':
      return family === 'ipv4' ? mtu.vxlan : mtu.vxlanV6;
  }
}

/** What a workload's packet may measure before it is encapsulated. */
export function overlayMtu(
  encap: EncapName,
  family: Family,
  { settings, underlayMtu }: { readonly settings: Settings; readonly underlayMtu: number },
): number {
  const set = mtuSetting(encap, family, settings);
  return set === 0 ? underlayMtu - encapsulations[encap].overheadBytes[family] : set;
}
