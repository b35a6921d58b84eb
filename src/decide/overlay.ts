import { carries, type EncapName } from '../encap/index.js';
import type { Pool } from '../model/pool.js';
import type { Settings } from '../model/settings.js';
import { familyOf, type Family } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import { PrefixTable } from '../net/prefix-table.js';
import { enabledIn, underlayOf } from './carriage.js';
import { leastIpv6Mtu } from './mtu.js';
import { familyNames } from './words.js';
import type { Warning } from './warning.js';

/** A pool as it counts: merged with those around it, and whether its routes are ours at all. */
export interface Overlay {
  readonly pool: Pool;
  /** undefined: only pools for load balancers around here. */
  readonly encap: EncapName | 'none' | undefined;
  readonly crossSubnet: boolean;
  /** Family of the outer headers; where nothing is encapsulated, the pool's own. */
  readonly underlay: Family;
  /** Why nothing is sent to this pool's addresses. */
  readonly idle: string | undefined;
}

/** All pools by CIDR, each merged with the ones that enclose it as Felix walks them, from the widest in. */
export function overlaysOf(
  pools: readonly Pool[],
  settings: Settings,
): {
  readonly overlays: PrefixTable<Overlay>;
  /** Those that count: one for each CIDR. */
  readonly counting: readonly Pool[];
  readonly warnings: readonly Warning[];
} {
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
    warnings.push(...surprises(overlay, settings));
  }
  return { overlays, counting: [...byCidr.values()], warnings };
}

/** Whether a pool's packets travel in outer headers of the other family. */
export function crossesFamilies({ pool, underlay }: Pick<Overlay, 'pool' | 'underlay'>): boolean {
  return familyOf(pool.cidr) !== underlay;
}

function merged(path: readonly Pool[], pool: Pool, settings: Settings): Overlay {
  let encap: Overlay['encap'];
  let crossSubnet = false;
  for (const { mode, loadBalancerOnly } of path) {
    if (!loadBalancerOnly) encap = mode.when === 'never' ? 'none' : mode.encap;
    // An inner Always pool inside a CrossSubnet one behaves as CrossSubnet: Felix ors them.
    crossSubnet ||= mode.when === 'cross-subnet';
  }
  const family = familyOf(pool.cidr);
  const underlay =
    encap === undefined || encap === 'none' ? family : underlayOf(encap, family, settings);
  return { pool, encap, crossSubnet, underlay, idle: whyIdle({ encap, underlay, pool }, settings) };
}

/** `Disabled` and the like hand IPIP routes to BIRD, which encapsulates all the same: only Never pools are BGP's alone. */
function whyIdle(
  { encap, underlay, pool }: Pick<Overlay, 'encap' | 'underlay' | 'pool'>,
  settings: Settings,
): string | undefined {
  const family = familyOf(pool.cidr);
  const { vxlanEnabled, ipipEnabled } = enabledIn(settings);
  if ([family, underlay].includes('ipv6') && !settings.ipv6Support)
    return 'FelixConfiguration ipv6Support is false';
  switch (encap) {
    case undefined:
      return 'the pool is for load balancers alone';
    case 'none':
      return settings.programClusterRoutes === 'Enabled' ||
        settings.programClusterRoutes === 'EnabledNoEncapOnly'
        ? undefined
        : `the pool never encapsulates and programClusterRoutes is ${settings.programClusterRoutes}: its routes are BGP's`;
    case 'ip6ip':
      return settings.beyondCalico.ip6ip ? undefined : noIpip6;
    case 'ipip':
      if (!carries(encap, family)) return noIpip6;
      return ipipEnabled === false ? 'FelixConfiguration ipipEnabled is false' : undefined;
    case 'vxlan':
      return family === 'ipv4' && vxlanEnabled === false
        ? 'FelixConfiguration vxlanEnabled is false'
        : undefined;
  }
}

const noIpip6 = 'there is no IPIP for IPv6 pools, unless a NodeConfig says beyondCalico.ip6ip';

function shadowed({ name, cidr }: Pool, winner: Pool): Warning {
  return {
    subject: `IPPool ${name}`,
    message: `${cidr} is the CIDR of IPPool ${winner.name} too, whose name sorts first: this one is ignored`,
  };
}

function surprises(overlay: Overlay, { beyondCalico, mtu }: Settings): Warning[] {
  const { pool, encap, crossSubnet, underlay, idle } = overlay;
  const warn = (message: string): Warning => ({ subject: `IPPool ${pool.name}`, message });
  const warnings: Warning[] = [];
  if (crossSubnet && pool.mode.when === 'always')
    warnings.push(warn('it lies in a CrossSubnet pool: Always behaves as CrossSubnet here'));
  if (idle !== undefined && encap !== undefined && encap !== 'none')
    warnings.push(warn(`nothing is sent to its addresses: ${idle}`));
  if (idle !== undefined) return warnings;
  const inner = familyOf(pool.cidr);
  if (crossSubnet && crossesFamilies(overlay))
    warnings.push(
      warn(
        `${familyNames[inner]} packets have no next hop on ${familyNames[underlay]}: CrossSubnet behaves as Always`,
      ),
    );
  if (encap === 'ipip' && beyondCalico.ipv4PoolsOver === 'ipv6')
    warnings.push(warn('IPIP is IPv4 in IPv4: its packets travel over IPv4, not IPv6'));
  if (encap === 'vxlan' && inner === 'ipv6' && mtu.vxlanV6 > 0 && mtu.vxlanV6 < leastIpv6Mtu)
    warnings.push(
      warn(
        `vxlanMTUV6 is ${mtu.vxlanV6}: IPv6 sends packets of ${leastIpv6Mtu} bytes all the same (RFC 8200 section 5)`,
      ),
    );
  return warnings;
}
