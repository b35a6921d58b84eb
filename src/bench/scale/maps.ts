import { readdirSync, readFileSync } from 'node:fs';
import type { ScaleMetric } from './metric.js';
import type { OpenedMaps, ScaleSubject } from './subject.js';
import { worldOf } from './world.js';

/** Lookups, by 1024, that are timed together: some tens of milliseconds. */
const lookups = 1024;

/** Single updates that are timed together. */
const updates = 5000;

/** One round of all that the maps are measured by. */
export function measureMaps(
  subject: ScaleSubject,
  blocks: number,
): ReadonlyMap<ScaleMetric, number> {
  const world = worldOf(blocks);
  const found = new Map<ScaleMetric, number>();
  {
    using maps = subject.open(world, false);
    found.set(
      'load',
      milliseconds(() => maps.fill()),
    );
    found.set('memory', memoryBytes(maps.mapIds) / 1e6);
    found.set('lookup', lookupNanoseconds(maps));
    const single = milliseconds(() => {
      for (let update = 0; update < updates; update += 1) maps.updateOne(update % blocks);
    });
    found.set('update-one', updates / (single / 1000));
    found.set('update-all', blocks / (milliseconds(() => maps.updateAll()) / 1000));
  }
  using borrowing = subject.open(world, true);
  borrowing.fill();
  found.set('lookup-borrowed', lookupNanoseconds(borrowing));
  return found;
}

/** What a lookup adds. Both are run once before: the first run of a program meets cold caches. */
function lookupNanoseconds(maps: OpenedMaps): number {
  const both = ['without it', 'with the lookup'] as const;
  for (const what of both) maps.lookup(what, lookups / 8);
  const [without = 0, withIt = 0] = both.map((what) => maps.lookup(what, lookups));
  return withIt - without;
}

function milliseconds(run: () => void): number {
  const began = performance.now();
  run();
  return performance.now() - began;
}

/** What the kernel says that maps of this process take (memlock in fdinfo). */
export function memoryBytes(mapIds: readonly number[]): number {
  const folder = '/proc/self/fdinfo';
  const sizes = new Map<number, number>();
  for (const name of readdirSync(folder)) {
    const text = textOf(`${folder}/${name}`);
    const id = Number(/^map_id:\t(\d+)$/m.exec(text)?.[1]);
    if (mapIds.includes(id)) sizes.set(id, Number(/^memlock:\t(\d+)$/m.exec(text)?.[1]));
  }
  if (sizes.size !== mapIds.length) throw new Error('not every map is among the open files');
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ''; // the listing's own, closed by now
    throw cause;
  }
}
