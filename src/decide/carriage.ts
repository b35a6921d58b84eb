import { carries, encapNames, travelsOver, type EncapName } from '../encap/index.js';
import type { Pool } from '../model/pool.js';
import type { Settings } from '../model/settings.js';
import { families, familyOf, type Family } from '../net/address.js';

/** An encapsulation in use: whose packets it carries, and over what. */
export interface Carriage {
  readonly encap: EncapName;
  readonly inner: Family;
  readonly underlay: Family;
}

/** All that is sent and accepted: by setting, else where a pool asks for it. */
export function carriagesOf(pools: readonly Pool[], settings: Settings): readonly Carriage[] {
  return families.flatMap((inner) =>
    encapNames
      .filter((encap) => isEnabled(encap, inner, pools, settings))
      .map((encap) => ({ encap, inner, underlay: underlayOf(encap, inner, settings) })),
  );
}

/** The family of the outer headers around packets of a family: the same, unless a NodeConfig says otherwise. */
export function underlayOf(encap: EncapName, inner: Family, { beyondCalico }: Settings): Family {
  const { ipv4PoolsOver, ipv6PoolsOver } = beyondCalico;
  const wanted = inner === 'ipv4' ? ipv4PoolsOver : ipv6PoolsOver;
  return travelsOver(encap, wanted) ? wanted : inner;
}

/** What FelixConfiguration switches of ours. Where we replace Felix's devices, it speaks of them: that they go is no word about us. */
export function enabledIn(
  settings: Pick<Settings, 'kernelTunnels' | 'vxlanEnabled' | 'ipipEnabled'>,
): Pick<Settings, 'vxlanEnabled' | 'ipipEnabled'> {
  return settings.kernelTunnels === 'replace'
    ? { vxlanEnabled: undefined, ipipEnabled: undefined }
    : settings;
}

function isEnabled(
  encap: EncapName,
  inner: Family,
  pools: readonly Pool[],
  settings: Settings,
): boolean {
  if (!carries(encap, inner)) return false;
  const asked = pools.some(
    ({ cidr, mode }) => familyOf(cidr) === inner && mode.when !== 'never' && mode.encap === encap,
  );
  const { vxlanEnabled, ipipEnabled } = enabledIn(settings);
  // vxlanEnabled is for IPv4 alone (felix/calc/encapsulation_resolver.go), and ipipEnabled has no IPv6 to speak of.
  switch (encap) {
    case 'ipip':
      return ipipEnabled ?? asked;
    case 'ip6ip':
      return settings.beyondCalico.ip6ip && settings.ipv6Support && asked;
    case 'vxlan':
      return inner === 'ipv4' ? (vxlanEnabled ?? asked) : settings.ipv6Support && asked;
  }
}
