import type { Desired } from '../model/desired.js';
import {
  firstPeer,
  sameBlock,
  sameLine,
  samePeer,
  samePolicy,
  samePool,
  sameSource,
} from './entry.js';
import { Places } from './indices.js';
import { planMaps, remember, type MapTables } from './plan.js';
import { reconcile, type Change } from './reconcile.js';
import { Switching, type SwitchTiming } from './switching.js';
import type { LookedUp, TableName } from './table.js';

/** What is written at one time. */
export interface Round {
  /** Milliseconds after the change was heard of. */
  readonly atMs: number;
  readonly changes: readonly Change[];
}

/**
 * What an agent writes into the programs' maps on its way from one desired state to another, by the very planner of
 * `encap run`, in memory: it touches no kernel. Rounds that write nothing are left out.
 */
export function rehearse(before: Desired, after: Desired, timing: SwitchTiming): readonly Round[] {
  const tables = memoryTables();
  const allocation = {
    peers: new Places('peers', firstPeer, 2 ** 32),
    policies: new Places('policies', 0, 2 ** 32),
    slots: 2 ** 32,
  };
  const switching = new Switching(timing);
  const first = planMaps(before, tables, { ...allocation, remembered: new Map() }, switching, 0);
  reconcile(first.steps);
  let remembered = remember(first.image);
  const rounds: Round[] = [];
  for (let now: number | undefined = 0; now !== undefined; now = switching.nextEndMs()) {
    const { image, steps } = planMaps(after, tables, { ...allocation, remembered }, switching, now);
    rounds.push({ atMs: now, changes: reconcile(steps) });
    remembered = remember(image);
  }
  return rounds.filter(({ changes }) => changes.length > 0);
}

function memoryTables(): MapTables {
  return {
    sources: memoryTable('sources', sameSource),
    externals: memoryTable('externals', sameSource),
    peers: memoryTable('peers', samePeer),
    policies: memoryTable('policies', samePolicy),
    blocks: memoryTable('blocks', sameBlock),
    slots: memoryTable('slots', sameLine),
    pools: memoryTable('pools', samePool),
  };
}

/** Nothing here is drifted into or weighed: all weights are the same. */
function memoryTable<K, V>(name: TableName, same: (a: V, b: V) => boolean): LookedUp<K, V> {
  const held = new Map<K, V>();
  return {
    name,
    same,
    entries: () => new Map(held),
    get: (key) => held.get(key),
    weight: () => 0,
    weigh: () => 0,
    put: (entries) => {
      for (const [key, value] of entries) held.set(key, value);
    },
    remove: (keys) => {
      for (const key of keys) held.delete(key);
    },
  };
}
