import type { LinkState, Netlink, RouteState } from 'libbpf-ts';
import { routeProtocols, routeTables } from 'libbpf-ts';
import type { EncapName } from '../encap/index.js';
import { familyOf, type Family } from '../net/address.js';
import { contains, type Cidr } from '../net/cidr.js';
import { routeProtocol } from './nexthop.js';

// Calico's own tunnel devices. Felix gives each of its routes a block, ours have a pool: its routes win.

/** By the names that Felix gives them, of which kind they are. */
export const kernelTunnels = {
  'vxlan.calico': 'vxlan',
  'vxlan-v6.calico': 'vxlan',
  tunl0: 'ipip',
} as const;

export type KernelTunnelName = keyof typeof kernelTunnels;

/** Of Calico's devices, the one that carries such packets, outer headers being of the same family; undefined: it has none. */
export function kernelTunnelFor(encap: EncapName, family: Family): KernelTunnelName | undefined {
  switch (encap) {
    case 'vxlan':
      return family === 'ipv4' ? 'vxlan.calico' : 'vxlan-v6.calico';
    case 'ipip':
      return 'tunl0';
    case 'ip6ip':
      return undefined;
  }
}

/** One that is there. */
export interface KernelTunnel {
  readonly name: KernelTunnelName;
  readonly index: number;
  /** Of others, into pools that we carry. */
  readonly routes: number;
  /** Of the packets that they lead there. */
  readonly families: ReadonlySet<Family>;
}

/** Whether an interface is one of them. */
export function isKernelTunnel({ name, kind }: Pick<LinkState, 'name' | 'kind'>): boolean {
  return isName(name) && kernelTunnels[name] === kind;
}

/** Reads them from the kernel. `pools`: those that we carry. */
export function readKernelTunnels(
  netlink: Netlink,
  pools: Iterable<Cidr>,
): readonly KernelTunnel[] {
  const links = netlink.links().filter(isKernelTunnel);
  if (links.length === 0) return [];
  const all = [...pools];
  const routes = netlink.routes({ table: routeTables.main });
  return links.flatMap(({ name, index }) => {
    const through = routes.filter((route) => leadsTo(index, route, all));
    const families = new Set(through.map(({ family }) => family));
    return isName(name) ? [{ name, index, routes: through.length, families }] : [];
  });
}

function leadsTo(index: number, route: RouteState, pools: readonly Cidr[]): boolean {
  const destination = route.destination as Cidr;
  return (
    route.index === index &&
    route.type === 'unicast' &&
    route.protocol !== routeProtocol &&
    route.protocol !== routeProtocols.kernel && // of an IPv6 address of the device
    pools.some((pool) => familyOf(pool) === route.family && contains(pool, destination))
  );
}

function isName(name: string): name is KernelTunnelName {
  return Object.hasOwn(kernelTunnels, name);
}
