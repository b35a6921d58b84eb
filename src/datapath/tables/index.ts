import type { Netlink } from 'libbpf-ts';
import type { Address } from '../../net/address.js';
import type { ShortcutTables } from '../fast-path.js';
import type { MapName, Maps, RawMap } from '../maps.js';
import type { MapTables, NetworkTables } from '../plan.js';
import { HeldBlocks } from '../slots.js';
import type { KernelAddress } from '../underlay.js';
import { addresses } from './addresses.js';
import { blocks } from './blocks.js';
import { externals } from './externals.js';
import { neighbours } from './neighbours.js';
import { peers } from './peers.js';
import { policies } from './policies.js';
import { pools } from './pools.js';
import { routes } from './routes.js';
import { shortcuts } from './shortcuts.js';
import { slots } from './slots.js';
import { sources } from './sources.js';
import { workloads } from './workloads.js';

/** The tables of the programs, over their maps. */
export function mapTables(maps: Readonly<Record<MapName, RawMap>>): MapTables {
  return {
    sources: sources(maps.sources),
    externals: externals(maps.externals),
    peers: peers(maps.peers, maps.peer_traffic),
    policies: policies(maps.policies),
    blocks: blocks(maps.blocks),
    slots: slots(maps.slots),
    pools: pools(maps.pools),
  };
}

/** The tables of the programs that are about shortcuts. */
export function shortcutTables(
  maps: Pick<Readonly<Record<MapName, RawMap>>, 'workloads' | 'shortcuts'>,
): ShortcutTables {
  return { workloads: workloads(maps.workloads), shortcuts: shortcuts(maps.shortcuts) };
}

/** All blocks that are in the maps, in slots or not. */
export function heldBlocks(maps: Pick<Maps, 'blocks' | 'slots' | 'pools'>): HeldBlocks {
  return new HeldBlocks({
    blocks: blocks(maps.blocks).entries(),
    slots: slots(maps.slots).entries(),
    pools: pools(maps.pools).entries(),
  });
}

/** The kernel's own tables, as far as they are ours. */
export function networkTables(
  netlink: Netlink,
  tunnelAddresses: ReadonlyMap<Address, KernelAddress> = new Map(),
): NetworkTables {
  return {
    neighbours: neighbours(netlink),
    addresses: addresses(netlink, tunnelAddresses),
    routes: routes(netlink),
  };
}
