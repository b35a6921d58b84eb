import type { Desired } from '../model/desired.js';
import { firstPeer, slotsOfALine } from './entry.js';
import { imageOf, type Actual, type Image } from './image.js';
import { Places } from './indices.js';
import type { Maps } from './maps.js';
import type { MapTables } from './plan.js';

/** What maps hold that nobody has written yet. */
export const nothingHeld: Actual = {
  peers: new Map(),
  policies: new Map(),
  blocks: new Map(),
  slots: new Map(),
  pools: new Map(),
  sources: new Map(),
};

/** What such maps should hold. */
export function firstImage(
  desired: Desired,
  maps: Pick<Maps, 'peers' | 'policies' | 'slots'>,
): Image {
  return imageOf(desired, nothingHeld, {
    peers: new Places('peers', firstPeer, maps.peers.info.maxEntries),
    policies: new Places('policies', 0, maps.policies.info.maxEntries),
    slots: maps.slots.info.maxEntries * slotsOfALine,
    remembered: new Map(),
  });
}

/** Writes all of it at once, where no packet can meet a part. */
export function write(image: Image, tables: MapTables): void {
  tables.sources.put(image.sources);
  tables.externals.put(image.externals);
  tables.peers.put(image.peers);
  tables.policies.put(image.policies);
  tables.blocks.put(image.blocks);
  tables.slots.put(image.slots);
  tables.pools.put(image.pools);
}
