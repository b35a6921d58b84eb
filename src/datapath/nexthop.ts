import type { Ipv4 } from '../net/address.js';
import type { Mac } from '../net/mac.js';

// How pool packets reach the egress program: a route to a next hop that is nobody. Its MAC is the tag
// that the program looks for; with the program gone, what leaves is addressed to no machine.

/** Next hop of every pool route: link-local, so that no underlay can have it. */
export const nobody = '169.254.47.89' as Ipv4;

/** Permanent neighbour entry of NOBODY; struct config's nobody_mac. */
export const nobodyMac = '02:fe:fe:fe:fe:fe' as Mac;

/** rtm_protocol of every route of ours: by it we know them again. */
export const routeProtocol = 147;

/** Label of every address that we put on lo. */
export const addressLabel = 'lo:encap';

/** Metric of the guards: worse than any other route to the pool, so that they count only when ours is gone. */
export const guardPriority = 0x7fffffff;

/** Metric of the blackholes of local blocks: beside Calico's own, which have metric 0 or 1024. */
export const blackholePriority = 14747;
