import type { Desired } from '../model/desired.js';
import { firstPeer } from './entry.js';
import type { Shape } from './generation.js';

/** How many entries each table must take. */
export type Needs = Readonly<Record<string, number>>;

/** What a desired state needs; indices that rest after use are counted as a part more. */
export function needsOf(desired: Desired): Needs {
  const peers = firstPeer + desired.peers.size;
  return {
    sources: desired.sources.size,
    externals: desired.externals.size,
    peers,
    peer_traffic: peers,
    policies: desired.policies.size,
    blocks: desired.blocks.size,
    pools: desired.pools.size,
  };
}

/**
 * The sizes to make the maps with: those of a pinned generation that is large enough, else the object's own,
 * doubled until they hold what is needed twice over (a change puts new entries before it removes old ones).
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
