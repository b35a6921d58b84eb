import { unrouted, type Desired, type PolicyName, type Route } from '../model/desired.js';
import { families, familyOf, type Address, type Family } from '../net/address.js';
import { isHost, type Cidr } from '../net/cidr.js';
import type { Fault } from '../model/fault.js';
import { networkFaults } from './fault.js';
import { mtuOf } from './mtu.js';
import { blackholePriority, guardPriority, loopback, nobody, poolPriority } from './nexthop.js';
import { ipv6MinimumMtu } from './sysctl.js';
import { underlayMtu, type Uplink } from './uplink.js';

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
      readonly type: 'blackhole' | 'unreachable' | 'throw';
      readonly destination: Cidr;
      readonly priority: number;
    };

/** A permanent neighbour of ours. */
export interface KernelNeighbour {
  readonly address: Address;
  readonly index: number;
}

/** Where a tunnel address is. */
export interface KernelAddress {
  readonly index: number;
  /** The other end of a point-to-point address: NOBODY makes MASQUERADE choose it for what goes there. */
  readonly peer: Address | undefined;
  /** Before the interface's other addresses: then the kernel would send from it what is none of ours. */
  readonly isFirst: boolean;
}

/** What the kernel's own tables should hold for the programs to be met: routes, NOBODY, tunnel addresses. */
export interface Underlay {
  readonly neighbours: ReadonlyMap<string, KernelNeighbour>;
  readonly addresses: ReadonlyMap<Address, KernelAddress>;
  readonly routes: ReadonlyMap<string, KernelRoute>;
  /** Pools that this node can't carry now, and why: their packets are refused, never sent in clear. */
  readonly notCarried: ReadonlyMap<Cidr, Fault>;
  /** What else the node's network lacks. */
  readonly faults: readonly Fault[];
}

/** Whether this kernel can take a packet of one family out of headers of the other (since 6.3). */
export type Crossing = 'crosses families' | 'one family';

/** Pure: the routes to NOBODY, and what keeps pool packets from leaving another way. */
export function underlayOf(desired: Desired, uplink: Uplink, crossing: () => Crossing): Underlay {
  const { ipv6 } = uplink.sysctls;
  const exists = (family: Family): boolean => family === 'ipv4' || ipv6.is !== 'absent';
  const speaks = (family: Family): boolean => family === 'ipv4' || ipv6.is === 'on';
  const notCarried = new Map<Cidr, Fault>();
  const used = new Set<Family>();
  const routes = new Map<string, KernelRoute>();
  const put = (route: KernelRoute): void => {
    if (exists(familyOf(route.destination))) routes.set(keyOfRoute(route), route);
  };

  for (const cidr of localBlocks(desired))
    // As Calico does: an unused address of a local block must not leave by the uplink and come back.
    put({ type: 'blackhole', destination: cidr, priority: blackholePriority });
  for (const [destination, route] of desired.routes) {
    // Counts only while the pool route is gone (uplink down): nothing leaves in clear by a default route.
    put({ type: 'unreachable', destination, priority: guardPriority });
    const family = familyOf(destination);
    const over = familyOver(destination, desired);
    const mtu = mtuOf(route, underlayMtu(uplink, over));
    const fault = notCarriedFor({ destination, over, mtu, route, uplink, crossing });
    if (fault !== undefined) {
      notCarried.set(destination, fault);
      continue;
    }
    used.add(family);
    put({
      type: 'unicast',
      destination,
      gateway: nobody[family],
      index: uplink.index,
      source: route.source,
      mtu,
      priority: poolPriority[family],
    });
  }

  const neighbours = [...used].map((family): KernelNeighbour => {
    return { address: nobody[family], index: uplink.index };
  });
  return {
    neighbours: new Map(neighbours.map((entry) => [keyOfNeighbour(entry), entry])),
    addresses: new Map(
      families
        .filter(speaks)
        .flatMap((family) => desired.self[family]?.tunnelAddresses ?? [])
        .map((address, _, all) => {
          const first = all.find((one) => familyOf(one) === familyOf(address));
          return [address, addressOn(uplink, address, first)];
        }),
    ),
    routes,
    notCarried,
    faults: networkFaults(used, uplink),
  };
}

/**
 * IPv4: on the uplink, so that what this node masquerades for a Service has the tunnel address, as with Calico's
 * devices, and its answers come by the tunnel. MASQUERADE takes the address of the interface that matches the next
 * hop (inet_select_addr), and one may. IPv6 asks for no next hop: there the uplink's choice would change for others,
 * so its addresses are on lo.
 */
function addressOn(uplink: Uplink, address: Address, first: Address | undefined): KernelAddress {
  if (familyOf(address) === 'ipv6') return { index: loopback, peer: undefined, isFirst: false };
  return {
    index: uplink.index,
    peer: address === first ? nobody.ipv4 : undefined,
    isFirst: false,
  };
}

/** The family that a pool's packets travel in: its policy is named by its CIDR. */
function familyOver(cidr: Cidr, { policies }: Desired): Family {
  return policies.get(cidr as string as PolicyName)?.underlay ?? familyOf(cidr);
}

interface Candidate {
  readonly destination: Cidr;
  readonly over: Family;
  readonly mtu: number;
  readonly route: Route;
  readonly uplink: Uplink;
  readonly crossing: () => Crossing;
}

/** What keeps a pool from being carried; undefined: nothing. */
function notCarriedFor(candidate: Candidate): Fault | undefined {
  const { destination, over, mtu, route, uplink, crossing } = candidate;
  const family = familyOf(destination);
  const { ipv6 } = uplink.sysctls;
  const fault = (why: string, hint: string): Fault => ({
    short: `${destination} not carried`,
    message: `the pool ${destination} is not carried: ${why}`,
    hint,
  });
  if ((family === 'ipv6' || over === 'ipv6') && ipv6.is !== 'on') return fault(ipv6.why, ipv6.hint);
  if (family !== over && crossing() === 'one family')
    return fault(
      'to take packets of one family out of headers of the other takes Linux 6.3',
      'use a newer kernel, or let the pool travel over its own family (NodeConfig beyondCalico)',
    );
  if (family === 'ipv6' && mtu < ipv6MinimumMtu)
    return fault(
      `its packets may have ${mtu} bytes, and IPv6 needs ${ipv6MinimumMtu}`,
      route.mtu === 0
        ? `give ${uplink.name} an MTU of ${ipv6MinimumMtu + route.overheadBytes} or more`
        : `set the MTU for it in FelixConfiguration to 0 (auto), or to ${ipv6MinimumMtu} or more`,
    );
  return undefined;
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
