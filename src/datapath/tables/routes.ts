import { routeTables, type Netlink, type RouteState } from 'libbpf-ts';
import type { Address } from '../../net/address.js';
import type { Cidr } from '../../net/cidr.js';
import { detourTable, routeProtocol } from '../nexthop.js';
import type { Table } from '../table.js';
import { keyOfRoute, sameRoute, type KernelRoute } from '../underlay.js';

/** Pool routes, their guards and the blackholes of local blocks: what carries our protocol number, nothing else. */
export function routes(netlink: Netlink): Table<string, KernelRoute> {
  return routesIn(netlink, { name: 'routes', number: routeTables.main });
}

/** Pool routes in a table of their own, which is asked where main leads into a kernel tunnel. */
export function detours(netlink: Netlink): Table<string, KernelRoute> {
  return routesIn(netlink, { name: 'detours', number: detourTable });
}

function routesIn(
  netlink: Netlink,
  { name, number: table }: { readonly name: 'routes' | 'detours'; readonly number: number },
): Table<string, KernelRoute> {
  const ours = (): KernelRoute[] =>
    netlink
      .routes({ table, protocol: routeProtocol })
      .map(routeOf)
      .filter((route) => route !== undefined);
  return {
    name,
    same: sameRoute,
    entries: () => new Map(ours().map((route) => [keyOfRoute(route), route])),
    put: (entries) => {
      const refusals: unknown[] = [];
      for (const route of entries.values())
        try {
          // A route of another protocol in the same place stays, and is an error: two programs cannot both route a pool.
          netlink.putRoute({
            ...route,
            table,
            protocol: routeProtocol,
            onlink: route.type === 'unicast',
          });
        } catch (cause) {
          refusals.push(cause); // of one pool: the others get their routes
        }
      if (refusals.length > 0) throw refusals[0];
    },
    remove: (keys) => {
      const wanted = new Set(keys);
      for (const route of ours())
        if (wanted.has(keyOfRoute(route)))
          netlink.removeRoute({ ...route, table, protocol: routeProtocol });
    },
  };
}

function routeOf(state: RouteState): KernelRoute | undefined {
  const { type, priority, gateway, index, source, mtu } = state;
  const destination = state.destination as Cidr;
  if (type === 'blackhole' || type === 'unreachable' || type === 'throw')
    return { type, destination, priority };
  if (type !== 'unicast') return undefined;
  return {
    type,
    destination,
    gateway: gateway as Address | undefined,
    index,
    source: source as Address | undefined,
    mtu,
    priority,
  };
}
