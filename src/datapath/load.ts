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
import { refused, rejected } from './rejected.js';
import { verdictNames, type VerdictNames } from './traffic.js';

export const directions = ['ingress', 'egress'] as const;

export type Direction = (typeof directions)[number];

/** The programs in the order in which they go on: pieces must come back before anything is cut, receiving before sending. */
export const programNames = ['cutter', ...directions, 'workload'] as const;

/** One for each direction of the uplink, the one at the cutter's exit, and that of the workloads' interfaces. */
export type ProgramName = (typeof programNames)[number];

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
  const shapes = sized(shapesOf(blueprint), needs, generations(folders.pins).map(pinnedShapes));
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
function buildOf(object: ObjectFile, config: Config): string {
  const bytes = new Uint8Array(configCodec.size);
  configCodec.encode(config, new DataView(bytes.buffer), 0);
  return createHash('sha256').update(object.sha256).update(bytes).digest('hex').slice(0, 16);
}

function checkLayouts({ btf }: OpenObject): void {
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

/** Shapes of the maps that a generation has pinned. */
function pinnedShapes(generation: Generation): Shape[] {
  return generation.maps().map((name) => {
    using map = BpfMap.open(generation.map(name));
    const { type, keySize, valueSize, maxEntries } = map.info;
    return { name, type, keySize, valueSize, maxEntries };
  });
}

/** A pin that is not what its folder's name promises was not made by us: out of the way with the folder. (A BPF file system takes no dots in names.) */
function setAside(generation: Generation, shapes: readonly Shape[]): void {
  const foreign = pinnedShapes(generation).some((pinned) => {
    const shape = shapes.find(({ name }) => name === pinned.name);
    return shape === undefined || generationOf([shape]) !== generationOf([pinned]);
  });
  if (foreign) renameSync(generation.folder, `${generation.folder}-foreign-${Date.now()}`);
}

function adopt({ generation, build, names }: Target): Parts | undefined {
  if (!areThere(generation, build, names)) return undefined;
  return parts(
    'adopted',
    names,
    (name) => BpfMap.open(generation.map(name)),
    (name) => Program.open(generation.program(build, functionOf(name))),
  );
}

function loadAnew(
  blueprint: OpenObject,
  config: Config,
  { generation, build, shapes, names }: Target,
  run: string,
): Parts {
  blueprint.setGlobal('config', configCodec, config);
  for (const { name, maxEntries } of shapes)
    if (existsSync(generation.map(name))) blueprint.maps.get(name)?.reuse(generation.map(name));
    else setSize(blueprint, name, maxEntries);
  sizeNextHops(blueprint, shapes);
  const object = loadObject(blueprint, run);
  rmSync(generation.build(build), { recursive: true, force: true }); // pinned in part by a crash
  for (const name of mapNames) pinAt(generation.map(name), object.map(name));
  // Programs last: a build counts as pinned only when all of it is.
  for (const name of names)
    pinAt(generation.program(build, functionOf(name)), object.program(functionOf(name)));
  return parts(
    'loaded',
    names,
    (name) => object.map(name),
    (name) => object.program(functionOf(name)),
  );
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
      ...(names.includes('workload') ? { workload: program('workload') } : {}),
    },
  };
}
