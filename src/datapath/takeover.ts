import type { Netlink } from 'libbpf-ts';
import type { Fault } from '../model/fault.js';
import type { KernelTunnels } from '../model/settings.js';
import { families, familyOf } from '../net/address.js';
import type { KernelTunnel } from './kernel-tunnel.js';
import { step, type Step } from './reconcile.js';
import { detours } from './tables/routes.js';
import { groups } from './tables/groups.js';
import { rules, type Rules } from './tables/rules.js';
import { keyOfRoute, type KernelRoute, type Underlay } from './underlay.js';
import type { Uplink } from './uplink.js';

// Felix's routes stay as they are, and so does its device: what main answers by a device of our group counts for
// nothing, and our pool routes in a table of their own are asked next. The last rule moves all traffic at once,
// there and back; a route of Felix's that comes or goes meanwhile moves none.

/** Which packets a kernel tunnel device has. */
export interface TunnelReport {
  readonly name: KernelTunnel['name'];
  /** We; it, though we could; it, as it is meant to; nobody: no route leads there. */
  readonly how: 'taken over' | 'carries' | 'coexists' | 'idle';
  /** Routes of others that lead to it, in pools that we carry. */
  readonly routes: number;
}

/** What the kernel should hold so that packets for kernel tunnels meet our programs; pure. */
interface Takeover {
  readonly groups: ReadonlyMap<string, number>;
  readonly detours: Underlay['routes'];
  readonly rules: Rules;
}

/** The way to take over, or to give back. */
export function takeoverSteps(
  netlink: Netlink,
  tunnels: readonly KernelTunnel[],
  way: KernelTunnels,
  underlay: Pick<Underlay, 'routes'>,
): readonly Step[] {
  const tables = {
    groups: groups(netlink),
    detours: detours(netlink),
    rules: rules(netlink),
  };
  const wanted = takeoverOf(tunnels, way, underlay);
  return [
    step(tables.groups, wanted.groups, tables.groups.entries()),
    step(tables.detours, wanted.detours, tables.detours.entries()),
    step(tables.rules, wanted.rules, tables.rules.entries()),
  ];
}

/** Without routes to a device there is nothing to take; its group waits for those that may come. */
export function takeoverOf(
  tunnels: readonly KernelTunnel[],
  way: KernelTunnels,
  { routes }: Pick<Underlay, 'routes'>,
): Takeover {
  if (way !== 'replace') return { groups: new Map(), detours: new Map(), rules: new Map() };
  const taken = families.filter((family) => tunnels.some((one) => one.families.has(family)));
  return {
    groups: new Map(tunnels.map(({ name, index }) => [name, index])),
    detours: new Map(
      [...routes.values()]
        .filter(({ destination }) => taken.includes(familyOf(destination)))
        .flatMap(detourOf)
        .map((route) => [keyOfRoute(route), route]),
    ),
    rules: new Map(taken.map((family) => [family, 'in order'])),
  };
}

/** Blocks of this node are main's to answer, should somebody take away the rule that asks it first. */
function detourOf(route: KernelRoute): readonly KernelRoute[] {
  switch (route.type) {
    case 'unicast':
      return [route];
    case 'blackhole':
      return [{ ...route, type: 'throw' }];
    case 'unreachable':
    case 'throw':
      return [];
  }
}

/** What came of it, device by device. */
export function reportOf(
  tunnels: readonly KernelTunnel[],
  way: KernelTunnels,
): readonly TunnelReport[] {
  return tunnels.map(({ name, routes }) => ({ name, routes, how: howOf(routes, way) }));
}

function howOf(routes: number, way: KernelTunnels): TunnelReport['how'] {
  if (routes === 0) return 'idle';
  switch (way) {
    case 'replace':
      return 'taken over';
    case 'coexist':
      return 'coexists';
    case 'leave':
      return 'carries';
  }
}

/** What arrives in a tunnel leaves our program by the uplink, while the way back leads to the device. */
export function takeoverFaults(
  reports: readonly TunnelReport[],
  { name, sysctls }: Pick<Uplink, 'name' | 'sysctls'>,
): readonly Fault[] {
  if (sysctls.reversePath !== 'strict') return [];
  return reports
    .filter(({ how }) => how === 'carries')
    .map((report) => ({
      short: `rp_filter and ${report.name}`,
      message: `${report.name} has routes to other nodes’ blocks, and rp_filter of ${name} is strict: what these nodes send in tunnels is dropped`,
      hint: `kernelTunnels: replace or coexist in the NodeConfig, or sysctl -w net/ipv4/conf/${name}/rp_filter=2`,
    }));
}
