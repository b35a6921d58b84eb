import type { EncapName } from '../encap/index.js';
import type { Pool } from '../model/pool.js';
import type { Settings } from '../model/settings.js';
import { familyOf, type Family } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import { PrefixTable } from '../net/prefix-table.js';
import type { Warning } from './warning.js';

/** A pool as it counts: merged with those around it, and whether its routes are ours at all. */
export interface Overlay {
  readonly pool: Pool;
  /** undefined: only pools for load balancers around here. */
  readonly encap: EncapName | 'none' | undefined;
  readonly crossSubnet: boolean;
  /** Why nothing is sent to this pool's addresses. */
  readonly idle: string | undefined;
}

/** All pools by CIDR, each merged with the ones that enclose it as Felix walks them, from the widest in. */
export function overlaysOf(
  pools: readonly Pool[],
  settings: Settings,
): { readonly overlays: PrefixTable<Overlay>; readonly warnings: readonly Warning[] } {
  const warnings: Warning[] = [];
  const byCidr = new Map<Cidr, Pool>();
  for (const pool of [...pools].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const winner = byCidr.get(pool.cidr);
    if (winner === undefined) byCidr.set(pool.cidr, pool);
    else warnings.push(shadowed(pool, winner));
  }
  const table = new PrefixTable(byCidr);
  const overlays = new PrefixTable<Overlay>();
  for (const [cidr, pool] of byCidr) {
    const overlay = merged(
      table.path(cidr).map(({ value }) => value),
      pool,
      settings,
    );
    overlays.set(cidr, overlay);
    warnings.push(...surprises(overlay));
  }
  return { overlays, warnings };
}

/** Whether packets of an encapsulation are accepted and sent: by setting, else where a pool asks for it. */
export function isEnabled(
  encap: EncapName,
  family: Family,
  pools: readonly Pool[],
  settings: Settings,
): boolean {
  const asked = pools.some(
    ({ cidr, mode }) => familyOf(cidr) === family && mode.when !== 'never' && mode.encap === encap,
  );
  switch (encap) {
    case 'ipip':
      return family === 'ipv4' && (settings.ipipEnabled ?? asked);
    case 'ip6ip':
      return false;
    case 'vxlan':
      // vxlanEnabled is for IPv4 alone (felix/calc/encapsulation_resolver.go).
      return family === 'ipv4' ? (settings.vxlanEnabled ?? asked) : settings.ipv6Support && asked;
  }
}

function merged(path: readonly Pool[], pool: Pool, settings: Settings): Overlay {
  let encap: Overlay['encap'];
  let crossSubnet = false;
  for (const { mode, loadBalancerOnly } of path) {
    if (!loadBalancerOnly) encap = mode.when === 'never' ? 'none' : mode.encap;
    // An inner Always pool inside a CrossSubnet one behaves as CrossSubnet: Felix ors them.
    crossSubnet ||= mode.when === 'cross-subnet';
  }
  return { pool, encap, crossSubnet, idle: whyIdle(encap, familyOf(pool.cidr), settings) };
}

/** `Disabled` and the like hand IPIP routes to BIRD, which encapsulates all the same: only Never pools are BGP's alone. */
function whyIdle(encap: Overlay['encap'], family: Family, settings: Settings): string | undefined {
  if (family === 'ipv6' && !settings.ipv6Support) return 'FelixConfiguration ipv6Support is false';
  switch (encap) {
    case undefined:
      return 'the pool is for load balancers alone';
    case 'none':
      return settings.programClusterRoutes === 'Enabled' ||
        settings.programClusterRoutes === 'EnabledNoEncapOnly'
        ? undefined
        : `the pool never encapsulates and programClusterRoutes is ${settings.programClusterRoutes}: its routes are BGP's`;
    case 'ip6ip':
    case 'ipip':
      if (family === 'ipv6') return 'there is no IPIP for IPv6 pools';
      return settings.ipipEnabled === false ? 'FelixConfiguration ipipEnabled is false' : undefined;
    case 'vxlan':
      return family === 'ipv4' && settings.vxlanEnabled === false
        ? 'FelixConfiguration vxlanEnabled is false'
        : undefined;
  }
}

function shadowed({ name, cidr }: Pool, winner: Pool): Warning {
  return {
    subject: `IPPool ${name}`,
    message: `${cidr} is the CIDR of IPPool ${winner.name} too, whose name sorts first: this one is ignored`,
  };
}

function surprises({ pool, encap, crossSubnet, idle }: Overlay): Warning[] {
  const subject = `IPPool ${pool.name}`;
  const warnings: Warning[] = [];
  if (crossSubnet && pool.mode.when === 'always')
    warnings.push({
      subject,
      message: 'it lies in a CrossSubnet pool: Always behaves as CrossSubnet here',
    });
  if (idle !== undefined && encap !== undefined && encap !== 'none')
    warnings.push({ subject, message: `nothing is sent to its addresses: ${idle}` });
  return warnings;
}
