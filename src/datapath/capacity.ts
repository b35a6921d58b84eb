import type { Desired } from '../model/desired.js';
import { firstPeer, slotsOfALine } from './entry.js';
import type { Shape } from './generation.js';
import { slotPlanOf, type SlotPlan } from './slots.js';

/** How many entries each table must take. */
export type Needs = Readonly<Record<string, number>>;

/** What a desired state needs, `room` times over: a change puts new entries before it removes old ones. */
export function needsOf(
  desired: Desired,
  room = 1,
  { shapes, blocks: inSlots }: SlotPlan = slotPlanOf(desired),
): Needs {
  const slots = [...shapes.values()].reduce((sum, { count }) => sum + count, 0);
  const peers = firstPeer + desired.peers.size * room;
  return {
    sources: desired.sources.size * room,
    externals: desired.externals.size * room,
    peers,
    peer_traffic: peers,
    path_mtus: peers,
    policies: desired.policies.size * room,
    blocks: (desired.blocks.size - inSlots) * room,
    slots: (slots / slotsOfALine) * room,
    pools: desired.pools.size * room,
  };
}

/**
 * The sizes to make the maps with: those of a pinned generation that is large enough, else the object's own,
 * doubled until they hold what is needed twice over.
 */
export function sized(
  shapes: readonly Shape[],
  needs: Needs,
  pinned: readonly (readonly Shape[])[],
): readonly Shape[] {
  const fits = pinned.find(
    (generation) =>
      generation.length === shapes.length &&
      shapes.every((shape) => {
        const there = generation.find(({ name }) => name === shape.name);
        return (
          there !== undefined &&
          there.type === shape.type &&
          there.keySize === shape.keySize &&
          there.valueSize === shape.valueSize &&
          there.maxEntries >= shape.maxEntries &&
          there.maxEntries >= (needs[shape.name] ?? 0)
        );
      }),
  );
  return shapes.map((shape) => ({
    ...shape,
    maxEntries:
      fits?.find(({ name }) => name === shape.name)?.maxEntries ??
      grown(shape.maxEntries, needs[shape.name] ?? 0),
  }));
}

function grown(entries: number, needed: number): number {
  let size = entries;
  while (size < needed * (size === entries ? 1 : 2)) size *= 2;
  return size;
}
