import { decode, u32 } from 'libbpf-ts';
import { encapsulations } from '../encap/index.js';
import type { Desired, PeerName } from '../model/desired.js';
import { familyOf } from '../net/address.js';
import { contains } from '../net/cidr.js';
import { pathMtu } from './abi.js';
import { selfIndex, type PeerIndex } from './entry.js';
import type { RawMap } from './maps.js';
import { nobody, poolPriority } from './nexthop.js';
import { keyOfRoute, type KernelRoute, type Underlay } from './underlay.js';
import { ipv6MinimumMtu } from './sysctl.js';
import type { Uplink } from './uplink.js';
import { usedEntries } from './used.js';

/** What routers on the way to a peer said of the largest packet that they forward. */
export interface PathMtu {
  readonly index: PeerIndex;
  /** Bytes of an outer packet. */
  readonly mtu: number;
  /** The path may have grown after that: larger packets are tried again. */
  readonly secondsLeft: number;
}

/** Learned path MTUs that count now, by peer. */
export function readPathMtus(map: RawMap): readonly PathMtu[] {
  const now = process.hrtime.bigint(); // the programs' clock too: CLOCK_MONOTONIC
  return usedEntries(map)
    .map(([key, value]) => ({ index: decode(u32, key), ...decode(pathMtu, value) }))
    .filter(({ mtu, until }) => mtu !== 0 && until > now)
    .map(({ index, mtu, until }) => ({ index, mtu, secondsLeft: Number(until - now) / 1e9 }));
}

/** How often the programs learned something new: one look tells whether all of them are worth another. */
export function countPathChanges(map: RawMap): bigint {
  return map.typed(u32, pathMtu).get(selfIndex.ipv4)?.until ?? 0n;
}

/** What is known of the paths to the peers. */
export interface Paths {
  readonly peers: ReadonlyMap<PeerName, PeerIndex>;
  readonly paths: readonly PathMtu[];
}

/** Pure: the underlay with routes for the blocks behind narrow paths, where their pool is carried at all. */
export function narrowed(
  underlay: Underlay,
  desired: Desired,
  paths: Paths,
  uplink: Uplink,
): Underlay {
  const refused = [...underlay.notCarried.keys()];
  const routes = new Map(underlay.routes);
  for (const route of narrowRoutes(desired, paths, uplink))
    if (!refused.some((pool) => contains(pool, route.destination)))
      routes.set(keyOfRoute(route), route);
  return { ...underlay, routes };
}

/**
 * The programs answer senders that can make smaller packets; for the others the kernel has to fragment, and does what
 * its routes say.
 */
function narrowRoutes(
  desired: Desired,
  { peers, paths }: Paths,
  uplink: Uplink,
): readonly KernelRoute[] {
  if (paths.length === 0) return [];
  const narrow = new Map(paths.map(({ index, mtu }) => [index, mtu]));
  return [...desired.blocks].flatMap(([destination, { peer, policy: name }]) => {
    const policy = desired.policies.get(name);
    const way = peer === 'self' ? undefined : desired.peers.get(peer);
    const mtu = peer === 'self' ? undefined : narrow.get(peers.get(peer) ?? selfIndex.ipv4);
    if (policy === undefined || way === undefined || mtu === undefined) return [];
    const encap = way.sameSubnet ? policy.sameSubnet : policy.otherSubnet;
    if (encap === 'none') return [];
    const room = mtu - encapsulations[encap].overheadBytes[policy.underlay];
    const family = familyOf(destination);
    return {
      type: 'unicast',
      destination,
      gateway: nobody[family],
      index: uplink.index,
      source: sourceFor(desired, name),
      mtu: family === 'ipv6' ? Math.max(room, ipv6MinimumMtu) : room,
      priority: poolPriority[family],
    };
  });
}

/** The source that the pool's own route has: its policy is named by its CIDR. */
function sourceFor({ routes }: Desired, policy: string) {
  return [...routes].find(([cidr]) => (cidr as string) === policy)?.[1].source;
}
