import { unrouted, type Desired, type PolicyName } from '../model/desired.js';
import { families, familyOf, type Address } from '../net/address.js';
import { isHost, type Cidr } from '../net/cidr.js';
import type { Mac } from '../net/mac.js';
import { mtuOf } from './mtu.js';
import { blackholePriority, guardPriority, nobody, nobodyMac, poolPriority } from './nexthop.js';
import type { Uplink } from './uplink.js';

/** A route of ours as the kernel has it. */
export type KernelRoute =
  | {
      readonly type: 'unicast';
      readonly destination: Cidr;
      readonly gateway: Address | undefined;
      readonly index: number | undefined;
      readonly source: Address | undefined;
      readonly mtu: number | undefined;
      readonly priority: number;
    }
  | {
      readonly type: 'blackhole' | 'unreachable';
      readonly destination: Cidr;
      readonly priority: number;
    };

/** A permanent neighbour of ours. */
export interface KernelNeighbour {
  readonly address: Address;
  readonly index: number;
  /** undefined: there, but not as we want it. */
  readonly mac: Mac | undefined;
}

/** What the kernel's own tables should hold for the programs to be met: routes, NOBODY, tunnel addresses. */
export interface Underlay {
  readonly neighbours: ReadonlyMap<string, KernelNeighbour>;
  readonly addresses: ReadonlyMap<Address, Address>;
  readonly routes: ReadonlyMap<string, KernelRoute>;
  /** Pools over the other family, which this kernel is too old for. */
  readonly notCarried: readonly Cidr[];
}

/** Pure: the routes to NOBODY, and what keeps pool packets from leaving another way. */
export function underlayOf(desired: Desired, uplink: Uplink, crossing: () => Crossing): Underlay {
  const [carried, notCarried] = split([...desired.routes], ([cidr]) =>
    isCarried(cidr, desired, crossing),
  );
  const routes = new Map<string, KernelRoute>();
  const put = (route: KernelRoute): unknown => routes.set(keyOfRoute(route), route);

  for (const cidr of localBlocks(desired))
    // As Calico does: an unused address of a local block must not leave by the uplink and come back.
    put({ type: 'blackhole', destination: cidr, priority: blackholePriority });
  for (const [destination, route] of carried) {
    // Counts only while the pool route is gone (uplink down): nothing leaves in clear by a default route.
    put({ type: 'unreachable', destination, priority: guardPriority });
    put({
      type: 'unicast',
      destination,
      gateway: nobody[familyOf(destination)],
      index: uplink.index,
      source: route.source,
      mtu: mtuOf(route, uplink.mtu),
      priority: poolPriority[familyOf(destination)],
    });
  }

  const used = new Set(carried.map(([cidr]) => familyOf(cidr)));
  const neighbours = [...used].map((family): KernelNeighbour => {
    return { address: nobody[family], index: uplink.index, mac: nobodyMac };
  });
  return {
    neighbours: new Map(neighbours.map((entry) => [keyOfNeighbour(entry), entry])),
    addresses: new Map(
      families
        .flatMap((family) => desired.self[family]?.tunnelAddresses ?? [])
        .map((address) => [address, address]),
    ),
    routes,
    notCarried: notCarried.map(([cidr]) => cidr),
  };
}

/** Whether this kernel can take a packet of one family out of headers of the other (since 6.3). */
export type Crossing = 'crosses families' | 'one family';

function isCarried(cidr: Cidr, { policies }: Desired, crossing: () => Crossing): boolean {
  const underlay = policies.get(cidr as string as PolicyName)?.underlay;
  return underlay === undefined || underlay === familyOf(cidr) || crossing() === 'crosses families';
}

function split<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}

/** Identity of a route in the kernel: a pool route and its guard differ in type and metric. */
export function keyOfRoute({ type, destination, priority }: KernelRoute): string {
  return `${type} ${destination} metric ${priority}`;
}

export function keyOfNeighbour({ address, index }: KernelNeighbour): string {
  return `${address} dev ${index}`;
}

export function sameRoute(a: KernelRoute, b: KernelRoute): boolean {
  if (a.type !== b.type || a.priority !== b.priority) return false;
  if (a.type !== 'unicast' || b.type !== 'unicast') return true;
  return a.gateway === b.gateway && a.index === b.index && a.source === b.source && a.mtu === b.mtu;
}

/** Blocks of this node, borrowed single addresses left out: a blackhole for them would eat the workload's own route. */
function localBlocks({ blocks }: Desired): Cidr[] {
  return [...blocks]
    .filter(([cidr, { peer, policy }]) => peer === 'self' && policy !== unrouted && !isHost(cidr))
    .map(([cidr]) => cidr);
}
