import type { LinkState, Netlink, RouteState } from 'libbpf-ts';
import type { Address } from '../net/address.js';
import { contains, isHost, networkOf, type Cidr } from '../net/cidr.js';
import type { Mac } from '../net/mac.js';
import type { Place } from './attach.js';
import type { WorkloadEntry } from './entry.js';

/** The workloads of this node, as its interfaces and routes tell. */
export interface Workloads {
  readonly entries: ReadonlyMap<Address, WorkloadEntry>;
  /** The host's ends of their veth pairs. */
  readonly places: readonly Place[];
  /** Those whose MAC is not known yet: a neighbour entry will tell. */
  readonly awaited: ReadonlySet<string>;
}

export const noWorkloads: Workloads = { entries: new Map(), places: [], awaited: new Set() };

/** Reads them from the kernel. `pools`: where their addresses are from. */
export function readWorkloads(netlink: Netlink, pools: Iterable<Cidr>): Workloads {
  const links = new Map(
    netlink
      .links()
      .filter(isWorkloadEnd)
      .map((link) => [link.index, link]),
  );
  if (links.size === 0) return noWorkloads;
  const macs = new Map(
    netlink.neighbours().map(({ index, address, mac }) => [`${index} ${address}`, mac]),
  );
  const entries = new Map<Address, WorkloadEntry>();
  const places = new Map<number, Place>();
  const awaited = new Set<string>();
  const all = [...pools];
  for (const route of netlink.routes().filter(isWorkloadRoute)) {
    const address = networkOf(route.destination as Cidr);
    const link = links.get(route.index ?? 0);
    if (link === undefined || !all.some((pool) => contains(pool, address))) continue;
    places.set(link.index, { name: link.name, index: link.index });
    const mac = macs.get(`${link.index} ${address}`);
    if (mac === undefined || link.mac === undefined) awaited.add(address);
    else
      entries.set(address, {
        interface: link.index,
        mtu: link.mtu,
        mac: mac as Mac,
        hostMac: link.mac as Mac,
      });
  }
  return { entries, places: [...places.values()], awaited };
}

/** One end of a veth pair whose other end is in another namespace. */
function isWorkloadEnd({ kind, up, parentNamespace }: LinkState): boolean {
  return kind === 'veth' && up && parentNamespace !== undefined;
}

/** As Felix makes one for each workload: one address, on the link. */
export function isWorkloadRoute(route: RouteState): boolean {
  const { type, table, gateway, index, nextHops, nextHopId, destination } = route;
  return (
    type === 'unicast' &&
    table === mainTable &&
    gateway === undefined &&
    nextHops === undefined &&
    nextHopId === undefined &&
    index !== undefined &&
    isHost(destination as Cidr)
  );
}

const mainTable = 254; // RT_TABLE_MAIN
