import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  BpfError,
  BpfMap,
  checkCodec,
  open,
  Program,
  type BpfObject,
  type OpenObject,
} from 'libbpf-ts';
import { EncapError } from '../errors.js';
import { config as configCodec, layouts } from './abi.js';
import { sized, type Needs } from './capacity.js';
import type { ObjectFile } from './compile.js';
import type { Config } from './config.js';
import type { Folders } from './folders.js';
import { Generation, generationOf, generations, type Shape } from './generation.js';
import { mapNames, mapsOf, type MapName, type RawMap } from './maps.js';
import { ifOfThisKind } from './pin.js';
import { refused, rejected } from './rejected.js';
import { verdictNames, type VerdictNames } from './traffic.js';

export const directions = ['ingress', 'egress'] as const;

export type Direction = (typeof directions)[number];

/** The programs in the order in which they go on: pieces must come back before anything is cut, receiving before sending. */
export const programNames = ['cutter', ...directions, 'backstop', 'workload'] as const;

/** One for each direction of the uplink, the backstop behind that of egress, the one at the cutter's exit, and that of the workloads' interfaces. */
export type ProgramName = (typeof programNames)[number];

/** Of a hook of the interface that it is on. */
export function directionOf(program: ProgramName): Direction {
  return program === 'egress' || program === 'backstop' ? 'egress' : 'ingress';
}

/** Maps and programs of one object and configuration, pinned: loaded now, or found from an earlier run. */
export interface Loaded extends Disposable {
  readonly generation: Generation;
  readonly build: string;
  readonly how: 'loaded' | 'adopted';
  readonly maps: Readonly<Record<MapName, RawMap>>;
  readonly programs: Programs;
  readonly verdicts: VerdictNames;
}

/** The last is in objects with shortcuts alone. */
export type Programs = Readonly<Record<Exclude<ProgramName, 'workload'>, Program>> &
  Readonly<Partial<Record<'workload', Program>>>;

export interface LoadOptions {
  readonly object: ObjectFile;
  readonly config: Config;
  readonly needs: Needs;
  readonly folders: Folders;
}

/** Its name in the object and in the kernel. */
export function functionOf(name: ProgramName): string {
  return `encapd_${name}`;
}

/**
 * Loads the programs, or adopts those that an earlier agent pinned with the same object and configuration. Maps of
 * the same layout are shared, so that the tables outlive the programs; others are made beside the old ones.
 */
export function load({ object, config, needs, folders }: LoadOptions): Loaded {
  using blueprint = open(object.bytes, { name: 'encapd' });
  checkLayouts(blueprint);
  const pinned = generations(folders.pins).flatMap((one) => {
    const there = pinnedShapes(one);
    return there === undefined ? [] : [there];
  });
  const shapes = sized(shapesOf(blueprint), needs, pinned);
  const generation = new Generation(folders.pins, generationOf(shapes));
  setAside(generation, shapes);
  const target = { generation, build: buildOf(object, config), shapes, names: namesIn(blueprint) };
  const parts = adopt(target) ?? loadAnew(blueprint, config, target, folders.run);
  return {
    ...parts,
    generation,
    build: target.build,
    verdicts: verdictNames(blueprint.btf.enum('verdict') ?? new Map<string, number>()),
    [Symbol.dispose]: () => {
      for (const handle of [...Object.values(parts.maps), ...Object.values(parts.programs)])
        handle[Symbol.dispose]();
    },
  };
}

/** Loads the programs for this process alone: maps of their own, nothing pinned. They say what they did with each packet. */
export function loadPrivately({
  object,
  config,
  needs,
  folders,
}: LoadOptions): Disposable & Pick<Loaded, 'maps' | 'programs' | 'verdicts'> {
  using blueprint = open(object.bytes, { name: 'encapd' });
  checkLayouts(blueprint);
  blueprint.setGlobal('config', configCodec, { ...config, tell: 1 });
  const shapes = sized(shapesOf(blueprint), needs, []);
  for (const { name, maxEntries } of shapes) setSize(blueprint, name, maxEntries);
  sizeNextHops(blueprint, shapes);
  const loaded = loadObject(blueprint, folders.run);
  return {
    ...parts(
      'loaded',
      namesIn(blueprint),
      (name) => loaded.map(name),
      (name) => loaded.program(functionOf(name)),
    ),
    verdicts: verdictNames(blueprint.btf.enum('verdict') ?? new Map<string, number>()),
    [Symbol.dispose]: () => loaded[Symbol.dispose](),
  };
}

/** What a copy of the programs looks at, and never writes. */
const readByCopies: ReadonlySet<string> = new Set<MapName>([
  'sources',
  'externals',
  'peers',
  'policies',
  'blocks',
  'slots',
  'pools',
  'path_mtus',
  'cutters',
  'workloads',
  'shortcuts',
]);

/**
 * Loads the egress program once more, for this process alone: over the tables that a generation has pinned, with
 * counters of its own. It says what it did with each packet.
 */
export function loadCopy(
  { object, config, folders }: Omit<LoadOptions, 'needs'>,
  generation: Generation,
): Disposable & Pick<Loaded, 'verdicts'> & { readonly egress: Program } {
  const shapes = pinnedShapes(generation);
  if (shapes === undefined)
    throw new EncapError(
      `cannot read the datapath: ${generation.folder} has pins that are not ours`,
      {
        code: 'ABI_MISMATCH',
        hint: 'have an agent make them anew: encap run',
      },
    );
  using blueprint = open(object.bytes, { name: 'encapd' });
  checkLayouts(blueprint);
  const egress = functionOf('egress');
  for (const [name, program] of blueprint.programs) program.autoload = name === egress;
  blueprint.setGlobal('config', configCodec, { ...config, tell: 1 });
  for (const { name, maxEntries } of shapes) {
    setSize(blueprint, name, maxEntries); // what is pinned may have grown
    if (readByCopies.has(name)) blueprint.maps.get(name)?.reuse(generation.map(name));
  }
  sizeNextHops(blueprint, shapes);
  const loaded = loadObject(blueprint, folders.run);
  return {
    egress: loaded.program(egress),
    verdicts: verdictNames(blueprint.btf.enum('verdict') ?? new Map<string, number>()),
    [Symbol.dispose]: () => loaded[Symbol.dispose](),
  };
}

/** Pins again what someone removed: the handles of this process kept it alive. */
export function pinAgain({ generation, build, maps, programs }: Loaded): void {
  for (const name of mapNames) pinAt(generation.map(name), maps[name]);
  for (const [name, program] of entriesOf(programs))
    pinAt(generation.program(build, functionOf(name)), program);
}

/** Whether all of it is still pinned. */
export function arePinned({ generation, build, programs }: Loaded): boolean {
  return areThere(
    generation,
    build,
    entriesOf(programs).map(([name]) => name),
  );
}

/** The programs that there are. */
export function entriesOf(programs: Programs): readonly (readonly [ProgramName, Program])[] {
  return programNames.flatMap((name) => {
    const program = programs[name];
    return program === undefined ? [] : [[name, program] as const];
  });
}

function areThere(generation: Generation, build: string, names: readonly ProgramName[]): boolean {
  return [
    ...mapNames.map((name) => generation.map(name)),
    ...names.map((name) => generation.program(build, functionOf(name))),
  ].every((pin) => existsSync(pin));
}

function namesIn({ programs }: OpenObject): readonly ProgramName[] {
  return programNames.filter((name) => programs.has(functionOf(name)));
}

interface Target {
  readonly generation: Generation;
  readonly build: string;
  readonly shapes: readonly Shape[];
  readonly names: readonly ProgramName[];
}

type Parts = Pick<Loaded, 'how' | 'maps' | 'programs'>;

/** Object and configuration as one name: programs with the same name are interchangeable. */
export function buildOf(object: Pick<ObjectFile, 'sha256'>, config: Config): string {
  const bytes = new Uint8Array(configCodec.size);
  configCodec.encode(config, new DataView(bytes.buffer), 0);
  return createHash('sha256').update(object.sha256).update(bytes).digest('hex').slice(0, 16);
}

/** ABI_MISMATCH where an object's layouts are not those of this program. */
export function checkLayouts({ btf }: OpenObject): void {
  try {
    for (const codec of Object.values(layouts)) checkCodec(btf, codec);
  } catch (cause) {
    throw new EncapError(`cannot load the programs: ${(cause as Error).message}`, {
      code: 'ABI_MISMATCH',
      hint: 'user space and eBPF object are of two versions: build both again with npm run build',
      cause,
    });
  }
}

/** What the maps of an object look like, before they are made. */
export function shapesOf({ maps }: OpenObject): Shape[] {
  return mapNames.map((name) => {
    const map = maps.get(name);
    if (map === undefined)
      throw new EncapError(`cannot load the programs: the object has no map ${name}`, {
        code: 'ABI_MISMATCH',
        hint: 'build it again with npm run build',
      });
    const { type, keySize, valueSize, maxEntries } = map;
    return { name, type, keySize, valueSize, maxEntries };
  });
}

/** Shapes of the maps that a generation has pinned; undefined: something else is pinned there. */
function pinnedShapes(generation: Generation): Shape[] | undefined {
  const shapes = generation.maps().map((name): Shape | undefined => {
    using map = ifOfThisKind(() => BpfMap.open(generation.map(name)));
    if (map === undefined) return undefined;
    const { type, keySize, valueSize, maxEntries } = map.info;
    return { name, type, keySize, valueSize, maxEntries };
  });
  return shapes.every((shape) => shape !== undefined) ? shapes : undefined;
}

/** A pin that is not what its folder's name promises was not made by us: out of the way with the folder. (A BPF file system takes no dots in names.) */
function setAside(generation: Generation, shapes: readonly Shape[]): void {
  const isForeign =
    pinnedShapes(generation)?.some((pinned) => {
      const shape = shapes.find(({ name }) => name === pinned.name);
      return shape === undefined || generationOf([shape]) !== generationOf([pinned]);
    }) ?? true;
  if (isForeign) renameSync(generation.folder, `${generation.folder}-foreign-${Date.now()}`);
}

/** undefined where a pin is missing, or is not what its name says: then all of them are made anew. */
function adopt({ generation, build, names }: Target): Parts | undefined {
  if (!areThere(generation, build, names)) return undefined;
  const programs = new Map<ProgramName, Program>();
  for (const name of names) {
    const program = ifOfThisKind(() => Program.open(generation.program(build, functionOf(name))));
    if (program?.info.name === functionOf(name)) {
      programs.set(name, program);
      continue;
    }
    for (const one of [program, ...programs.values()]) one?.[Symbol.dispose]();
    return undefined;
  }
  return parts(
    'adopted',
    names,
    (name) => BpfMap.open(generation.map(name)),
    (name) => {
      const program = programs.get(name);
      if (program === undefined) throw new TypeError(`${name} was not opened`);
      return program;
    },
  );
}

function loadAnew(
  blueprint: OpenObject,
  config: Config,
  { generation, build, shapes, names }: Target,
  run: string,
): Parts {
  blueprint.setGlobal('config', configCodec, config);
  const shared = new Set<string>();
  for (const { name, maxEntries } of shapes) {
    setSize(blueprint, name, maxEntries); // what is pinned may have grown
    if (!existsSync(generation.map(name))) continue;
    blueprint.maps.get(name)?.reuse(generation.map(name));
    shared.add(name);
  }
  sizeNextHops(blueprint, shapes);
  const object = loadObject(blueprint, run);
  // A shared map has the name that the kernel knows it by: none, where libbpf once failed to find out whether it takes names.
  const map = (name: MapName): RawMap =>
    shared.has(name) ? BpfMap.open(generation.map(name)) : object.map(name);
  rmSync(generation.build(build), { recursive: true, force: true }); // pinned in part by a crash
  for (const name of mapNames) if (!shared.has(name)) pinAt(generation.map(name), object.map(name));
  // Programs last: a build counts as pinned only when all of it is.
  for (const name of names)
    pinAt(generation.program(build, functionOf(name)), object.program(functionOf(name)));
  const taken = parts('loaded', names, map, (name) => object.program(functionOf(name)));
  // The programs keep what is theirs alone; of shared maps there are handles now.
  for (const name of object.mapNames)
    if (shared.has(name) || !isMapName(name)) object.map(name)[Symbol.dispose]();
  return taken;
}

function isMapName(name: string): name is MapName {
  return mapNames.some((known) => known === name);
}

function setSize({ maps }: OpenObject, name: string, maxEntries: number): void {
  const map = maps.get(name);
  if (map !== undefined) map.maxEntries = maxEntries; // shapesOf has looked already
}

/** The programs' own map of next hops has a place for every peer; it lives and ends with them. */
function sizeNextHops(blueprint: OpenObject, shapes: readonly Shape[]): void {
  const peers = shapes.find(({ name }) => name === 'peers');
  if (peers !== undefined) setSize(blueprint, 'next_hops', peers.maxEntries);
}

function pinAt(path: string, handle: RawMap | Program): void {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  handle.pin(path);
}

function loadObject(blueprint: OpenObject, run: string): BpfObject {
  try {
    return blueprint.load();
  } catch (cause) {
    if (!(cause instanceof BpfError)) throw cause;
    const { verifierLog } = cause;
    // EAGAIN: a signal came in the middle of the verification; the next round loads again.
    if (verifierLog !== undefined && cause.code !== 'EAGAIN')
      throw rejected(Object.assign(cause, { verifierLog }), run);
    throw refused('load the programs', cause);
  }
}

function parts(
  how: Loaded['how'],
  names: readonly ProgramName[],
  map: (name: MapName) => RawMap,
  program: (name: ProgramName) => Program,
): Parts {
  return {
    how,
    maps: mapsOf(map),
    programs: {
      cutter: program('cutter'),
      ingress: program('ingress'),
      egress: program('egress'),
      backstop: program('backstop'),
      ...(names.includes('workload') ? { workload: program('workload') } : {}),
    },
  };
}
