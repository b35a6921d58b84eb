import { Btf } from './btf.js';
import type { BtfType } from './btf.js';
import { checkType } from './check.js';
import type { Codec } from './codec.js';
import { encode } from './codec.js';
import { handle } from './handle.js';
import { BpfMap, partsOf, rawMap } from './map.js';
import type { MapParts } from './map.js';
import { native } from './native.js';
import type { NativeMap, NativeOpenObject } from './native.js';
import { Program } from './program.js';
import { checkReuse } from './reuse.js';
import { mapTypeName, programTypeName, programTypeNumber } from './types.js';
import type { MapType, ProgramType } from './types.js';

/** Opens a compiled object; nothing reaches the kernel before load(). */
export function open(
  file: string | Uint8Array,
  { name }: { readonly name?: string } = {},
): OpenObject {
  return new OpenObject(new native.OpenObject(file, name));
}

/** A program that is not loaded yet. */
export interface OpenProgram {
  readonly name: string;
  readonly section: string;
  /** From the section's name; set it where libbpf does not know that. */
  type: ProgramType;
  /** False: load() leaves this program out. */
  autoload: boolean;
}

/** A map that does not exist yet. */
export interface OpenMap {
  readonly name: string;
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly flags: number;
  maxEntries: number;
  /** load() reuses what is pinned there, or pins the new map there. */
  pinPath: string | undefined;
  /** Takes an open map, or a pinned one, instead of making a new one; a BpfError or BtfMismatch where it does not fit. */
  reuse(map: AnyMap | string): void;
}

/** A BpfMap, whatever its keys and values are. */
export interface AnyMap {
  readonly name: string;
  readonly [handle]: NativeMap;
}

/** An object file, open: set what must be set before it is loaded. */
export class OpenObject implements Disposable {
  readonly name: string;
  readonly btf: Btf;
  readonly programs: ReadonlyMap<string, OpenProgram>;
  readonly maps: ReadonlyMap<string, OpenMap>;
  readonly #native: NativeOpenObject;

  /** Made by open(). */
  constructor(of: NativeOpenObject) {
    this.#native = of;
    this.name = of.name();
    this.btf = btfOf(this.name, of.btf());
    this.programs = new Map(of.programs().map((one) => [one.name, new Blueprint(of, one)]));
    this.maps = new Map(of.maps().map((one) => [one.name, new MapBlueprint(of, one, this.btf)]));
  }

  /** Sets a variable of .rodata, .data or .bss; its codec is compared with its type in BTF. */
  setGlobal<T>(name: string, codec: Codec<T>, value: T): this {
    const variable = this.btf.find(name, 'variable');
    const section = variable && sectionOf(this.btf, variable.id);
    if (variable === undefined || section === undefined)
      throw new RangeError(`${this.name} has no global variable ${name}`);
    checkType(this.btf, variable.target, codec, name);
    this.#native.setData(section.name, section.offset, encode(codec, value));
    return this;
  }

  /**
   * Hands everything to the kernel and is closed by it. A BpfError carries the verifier's log; from level 1 on there is
   * one of each program that the kernel took, too.
   */
  load({ kernelLogLevel = 0 }: { readonly kernelLogLevel?: 0 | 1 | 2 } = {}): BpfObject {
    const pins = new Map([...this.maps].map(([name, { pinPath }]) => [name, pinPath]));
    const { programs, maps, logs } = this.#native.load(kernelLogLevel);
    return new BpfObject(
      this.name,
      this.btf,
      new Map(programs.map(([name, program]) => [name, new Program(program, name)])),
      new Map(maps.map(([name, map]) => [name, partsOf(map, name, pins.get(name))])),
      this.maps,
      new Map(logs),
    );
  }

  [Symbol.dispose](): void {
    this.#native.close();
  }
}

/** A loaded object: owns the handles of its programs and maps. */
export class BpfObject implements Disposable {
  readonly name: string;
  readonly btf: Btf;
  /** Whole, by program; empty where `load()` was not asked for any. */
  readonly verifierLogs: ReadonlyMap<string, string>;
  readonly #programs: ReadonlyMap<string, Program>;
  readonly #maps: ReadonlyMap<string, MapParts>;
  readonly #blueprints: ReadonlyMap<
    string,
    { readonly keyTypeId: number; readonly valueTypeId: number }
  >;

  /** Made by `OpenObject.load()`. */
  constructor(
    name: string,
    btf: Btf,
    programs: ReadonlyMap<string, Program>,
    maps: ReadonlyMap<string, MapParts>,
    blueprints: ReadonlyMap<string, OpenMap>,
    verifierLogs: ReadonlyMap<string, string>,
  ) {
    this.name = name;
    this.btf = btf;
    this.verifierLogs = verifierLogs;
    this.#programs = programs;
    this.#maps = maps;
    this.#blueprints = new Map(
      [...blueprints].flatMap(([map, blueprint]) =>
        blueprint instanceof MapBlueprint ? [[map, blueprint] as const] : [],
      ),
    );
  }

  get programNames(): readonly string[] {
    return [...this.#programs.keys()];
  }

  get mapNames(): readonly string[] {
    return [...this.#maps.keys()];
  }

  program(name: string): Program {
    return found(this.#programs, name, `${this.name} has no loaded program`);
  }

  map(name: string): BpfMap<Uint8Array, Uint8Array>;
  /** Codecs are compared with the map's sizes and with its types in BTF. */
  map<K, V>(name: string, key: Codec<K>, value: Codec<V>): BpfMap<K, V>;
  map<K, V>(
    name: string,
    key?: Codec<K>,
    value?: Codec<V>,
  ): BpfMap<K, V> | BpfMap<Uint8Array, Uint8Array> {
    const parts = found(this.#maps, name, `${this.name} has no map`);
    if (key === undefined || value === undefined) return rawMap(parts);
    const types = this.#blueprints.get(name);
    this.#check(types?.keyTypeId ?? 0, key, `the key of ${name}`);
    this.#check(types?.valueTypeId ?? 0, value, `the value of ${name}`);
    return new BpfMap(parts, key, value);
  }

  /** Maps without BTF have type 0; sections of data are structs only to those who made them. */
  #check(type: number, codec: Codec<unknown>, path: string): void {
    if (type !== 0 && this.btf.resolve(type).kind !== 'section')
      checkType(this.btf, type, codec, path);
  }

  [Symbol.dispose](): void {
    for (const program of this.#programs.values()) program[Symbol.dispose]();
    for (const map of this.#maps.values()) map.native.close();
  }
}

class Blueprint implements OpenProgram {
  readonly name: string;
  readonly section: string;
  readonly #object: NativeOpenObject;
  #type: ProgramType;
  #autoload: boolean;

  constructor(object: NativeOpenObject, of: ReturnType<NativeOpenObject['programs']>[number]) {
    this.#object = object;
    this.name = of.name;
    this.section = of.section;
    this.#type = programTypeName(of.type);
    this.#autoload = of.autoload;
  }

  get type(): ProgramType {
    return this.#type;
  }

  set type(type: ProgramType) {
    this.#object.setProgramType(this.name, programTypeNumber(type));
    this.#type = type;
  }

  get autoload(): boolean {
    return this.#autoload;
  }

  set autoload(autoload: boolean) {
    this.#object.setAutoload(this.name, autoload);
    this.#autoload = autoload;
  }
}

class MapBlueprint implements OpenMap {
  readonly name: string;
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly flags: number;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
  readonly #object: NativeOpenObject;
  readonly #btf: Btf;
  #maxEntries: number;
  #pinPath: string | undefined;

  constructor(
    object: NativeOpenObject,
    of: ReturnType<NativeOpenObject['maps']>[number],
    btf: Btf,
  ) {
    this.#object = object;
    this.#btf = btf;
    this.name = of.name;
    this.type = mapTypeName(of.type);
    this.keySize = of.keySize;
    this.valueSize = of.valueSize;
    this.flags = of.flags;
    this.keyTypeId = of.keyTypeId;
    this.valueTypeId = of.valueTypeId;
    this.#maxEntries = of.maxEntries;
    this.#pinPath = of.pinPath;
  }

  get maxEntries(): number {
    return this.#maxEntries;
  }

  set maxEntries(entries: number) {
    this.#object.setMaxEntries(this.name, entries);
    this.#maxEntries = entries;
  }

  get pinPath(): string | undefined {
    return this.#pinPath;
  }

  set pinPath(path: string | undefined) {
    this.#object.setPinPath(this.name, path);
    this.#pinPath = path;
  }

  reuse(map: AnyMap | string): void {
    const other = typeof map === 'string' ? native.openPin('map', map) : map[handle];
    try {
      const what = typeof map === 'string' ? `${this.name} pinned at ${map}` : map.name;
      checkReuse(this, this.#btf, other.info(), what);
      this.#object.reuse(this.name, other);
    } finally {
      if (typeof map === 'string') other.close(); // libbpf keeps a descriptor of its own
    }
  }
}

function btfOf(object: string, data: Uint8Array | undefined): Btf {
  if (data === undefined)
    throw new RangeError(`${object} has no BTF: compile it with clang -g -target bpf`);
  return new Btf(data);
}

function sectionOf(btf: Btf, variable: number): { name: string; offset: number } | undefined {
  for (const section of sections(btf)) {
    const place = section.variables.find((one) => one.type === variable);
    if (place !== undefined) return { name: section.name, offset: place.offset };
  }
  return undefined;
}

function sections(btf: Btf): Extract<BtfType, { readonly kind: 'section' }>[] {
  return [...btf.types].filter((type) => type.kind === 'section');
}

function found<T>(all: ReadonlyMap<string, T>, name: string, missing: string): T {
  const one = all.get(name);
  if (one === undefined)
    throw new RangeError(`${missing} ${name}; there is ${[...all.keys()].join(', ') || 'none'}`);
  return one;
}
