import type { Address, Family } from '../net/address.js';
import type { Mac } from '../net/mac.js';

// How pool packets reach the egress program: a route to a next hop that is nobody. Its MAC is the tag
// that the program looks for; with the program gone, what leaves is addressed to no machine.

/** Next hop of every pool route of a family: link-local, so that no underlay can route to it. */
export const nobody: Readonly<Record<Family, Address>> = {
  ipv4: '169.254.47.89' as Address,
  ipv6: 'fe80::fefe' as Address,
};

/** Permanent neighbour entry of NOBODY; struct config's nobody_mac. */
export const nobodyMac = '02:fe:fe:fe:fe:fe' as Mac;

/** rtm_protocol of every route of ours: by it we know them again. */
export const routeProtocol = 147;

/** The kernel gives the loopback interface this index in every network namespace. */
export const loopback = 1;

/** How the label of each IPv4 address of ours ends. */
export const addressAlias = ':encap';

/** Label of an IPv4 address of ours on an interface; the kernel keeps 15 characters. */
export function labelOn(interfaceName: string): string {
  return interfaceName.slice(0, 15 - addressAlias.length) + addressAlias;
}

/** IPv6 addresses have no label: the metric that a prefix route of theirs would have tells ours (since 4.18). */
export const addressMetric = 14748;

/** Metric of pool routes: better than any other. IPv6 takes 0 for 1024. */
export const poolPriority: Readonly<Record<Family, number>> = { ipv4: 0, ipv6: 1 };

/** Metric of the guards: worse than any other route to the pool, so that they count only when ours is gone. */
export const guardPriority = 0x7fffffff;

/** Metric of the blackholes of local blocks: beside Calico's own, which have metric 0 or 1024. */
export const blackholePriority = 14747;

// What leads packets past kernel tunnels (takeover.ts).

/** Group of the interfaces that main's answers don't count for. */
export const tunnelGroup = 14749;

/** Our pool routes once more: outside the tables that Felix may take for WireGuard (routeTableRanges, 1 to 250). */
export const detourTable = 14749;

/** The kernel asks main here. */
export const mainPriority = 32766;

/** Behind the rules of others, right before main. */
export const detourPriority = mainPriority - 1;
