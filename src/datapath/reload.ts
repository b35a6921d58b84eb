import { isDeepStrictEqual } from 'node:util';
import { open } from 'libbpf-ts';
import type { Desired } from '../model/desired.js';
import type { Settings } from '../model/settings.js';
import { needsOf, sized } from './capacity.js';
import { compile, programFileFor, type ProgramFile } from './compile.js';
import { configOf, noProbes } from './config.js';
import type { Shape } from './generation.js';
import { shapesOf } from './load.js';

/** Why an agent loads its programs anew when one world becomes another. */
export interface Reload {
  /** The object that they are of then; null: the same. */
  readonly object: ProgramFile | null;
  /** Members of struct config that become others: programs have them as constants. */
  readonly constants: readonly string[];
  /** Maps that would not hold what they must. Then all of them are made anew, and filled beside the old ones. */
  readonly maps: readonly GrownMap[];
}

export interface GrownMap {
  readonly name: string;
  /** Entries that it has room for, and then. */
  readonly before: number;
  readonly after: number;
}

/** What decides on programs and maps. */
export interface LoadedWorld {
  readonly desired: Desired;
  readonly settings: Settings;
}

/** Sizes that an object's maps have by themselves. */
export type ObjectSizes = (program: ProgramFile) => readonly Shape[];

/**
 * As Datapath decides it; pure. null: the programs that run stay. The maps of `before` are those of a node that began with it; of
 * the kernel it is taken that it has what shortcuts need.
 */
export function reloadBetween(
  before: LoadedWorld,
  after: LoadedWorld,
  sizesOf: ObjectSizes,
): Reload | null {
  const [was, is] = [before, after].map(({ settings }) => programFileFor(settings.fastPath));
  if (was === undefined || is === undefined) return null;
  const [old, now] = [configOf(before.settings, noProbes), configOf(after.settings, noProbes)];
  const names = Object.keys(now) as (keyof typeof now)[];
  const held = sized(sizesOf(was), needsOf(before.desired), []);
  const wanted = sized(sizesOf(is), needsOf(after.desired), [held]);
  const reload: Reload = {
    object: was === is ? null : is,
    constants: names.filter((name) => !isDeepStrictEqual(old[name], now[name])),
    maps: wanted.flatMap(({ name, maxEntries }) => {
      const there = held.find((shape) => shape.name === name)?.maxEntries ?? 0;
      return maxEntries > there ? [{ name, before: there, after: maxEntries }] : [];
    }),
  };
  const { object, constants, maps } = reload;
  return object === null && constants.length + maps.length === 0 ? null : reload;
}

/** Of the objects that a node would load. */
export function objectSizes(program: ProgramFile): readonly Shape[] {
  using blueprint = open(compile({ program }).bytes, { name: 'encapd' });
  return shapesOf(blueprint);
}
