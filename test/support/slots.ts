import { SlotLines, slotOf, withLonger } from '../../src/datapath/slot.js';
import { slotPlaces, slotPlanOf, Slots } from '../../src/datapath/slots.js';
import type { Owner } from '../../src/model/desired.js';
import { contains, type Cidr } from '../../src/net/cidr.js';
import type { Tables } from './world.js';

/** Moves what has a place there out of the hash and into slots, as the agent would. */
export function intoSlots(tables: Tables): void {
  const pools = new Map(tables.pools.readAll());
  const blocks = new Map(tables.blocks.readAll());
  const nobody = new Map<Cidr, Owner>([...blocks.keys()].map((cidr) => [cidr, noOwner]));
  const { shapes } = slotPlanOf({ pools, blocks: nobody });
  const room = tables.slots.info.maxEntries * 32;
  const nothing = { pools: new Map(), blocks: new Map(), slots: new Map() };
  for (const [cidr, place] of slotPlaces(shapes, nothing, room)) {
    const [, entry] = [...blocks].find(([block]) => contains(cidr, block)) ?? [];
    const blockLengths = pools.get(cidr)?.blockLengths ?? [];
    pools.set(cidr, { blockLengths, slots: { ...place, policy: entry?.policy ?? 0 } });
  }
  const places = new Slots(pools);
  const lines = new SlotLines();
  for (const [cidr, { peer }] of blocks) {
    const found = places.find(cidr);
    if (found?.isExact !== true) continue;
    lines.set(found.slot, slotOf(peer));
    tables.blocks.delete(cidr);
  }
  for (const cidr of blocks.keys()) {
    const found = places.find(cidr);
    if (found?.isExact !== false) continue;
    const slot = lines.get(found.slot);
    if (slot !== 0) lines.set(found.slot, withLonger(slot));
  }
  tables.slots.setAll(lines.lines);
  tables.pools.setAll(pools);
}

const noOwner = { peer: 'self', policy: '' } as unknown as Owner;
