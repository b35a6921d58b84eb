import { native } from './native.js';

/** A type as BTF (the debug information of BPF objects and kernels) describes it. Ids refer to other types. */
export type BtfType =
  | { readonly kind: 'void'; readonly id: 0; readonly name: '' }
  | Sized<'int' | 'float'>
  | Reference<Modifier>
  | Reference<'pointer' | 'forward' | 'function' | 'prototype' | 'variable' | 'declaration-tag'>
  | BtfArray
  | BtfStruct
  | BtfEnum
  | BtfSection;

type Modifier = 'typedef' | 'volatile' | 'const' | 'restrict' | 'type-tag';

type Sized<K> = K extends string
  ? { readonly kind: K; readonly id: number; readonly name: string; readonly size: number }
  : never;

type Reference<K> = K extends string
  ? { readonly kind: K; readonly id: number; readonly name: string; readonly target: number }
  : never;

export interface BtfArray {
  readonly kind: 'array';
  readonly id: number;
  readonly name: '';
  readonly item: number;
  readonly length: number;
}

/** .rodata, say, with where its variables lie. */
export interface BtfSection {
  readonly kind: 'section';
  readonly id: number;
  readonly name: string;
  readonly size: number;
  readonly variables: readonly {
    readonly type: number;
    readonly offset: number;
    readonly size: number;
  }[];
}

export type BtfStruct = Compound<'struct' | 'union'>;

type Compound<K> = K extends string
  ? {
      readonly kind: K;
      readonly id: number;
      readonly name: string;
      readonly size: number;
      readonly fields: readonly BtfField[];
    }
  : never;

export interface BtfField {
  readonly name: string;
  readonly type: number;
  /** In bytes; of a bit field, the byte that it begins in. */
  readonly offset: number;
  readonly bitOffset: number;
  /** 0 for what is no bit field. */
  readonly bits: number;
}

export interface BtfEnum {
  readonly kind: 'enum';
  readonly id: number;
  readonly name: string;
  readonly size: number;
  readonly members: ReadonlyMap<string, number>;
}

const kinds = [
  'void',
  'int',
  'pointer',
  'array',
  'struct',
  'union',
  'enum',
  'forward',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'function',
  'prototype',
  'variable',
  'section',
  'float',
  'declaration-tag',
  'type-tag',
  'enum64',
] as const;

/** Bytes behind the common 12 of each kind: fixed, and for each of the vlen members. */
const tails: Partial<Record<(typeof kinds)[number], readonly [number, number]>> = {
  int: [4, 0],
  array: [12, 0],
  struct: [0, 12],
  union: [0, 12],
  enum: [0, 8],
  prototype: [0, 8],
  variable: [4, 0],
  section: [0, 12],
  'declaration-tag': [4, 0],
  enum64: [0, 12],
};

const magic = 0xeb9f;

/** The types of an object file or of the kernel. Read on demand: the kernel has a hundred thousand. */
export class Btf {
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #strings: Uint8Array;
  /** Where each type begins, by id; [0] is void and begins nowhere. */
  readonly #starts: number[] = [0];
  #names: Map<string, number[]> | undefined;

  /** Of raw BTF. */
  constructor(data: Uint8Array) {
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    if (data.length < 24) throw new RangeError('BTF is shorter than its header');
    this.#little = this.#view.getUint16(0, true) === magic;
    if (!this.#little && this.#view.getUint16(0) !== magic)
      throw new RangeError('BTF does not begin with its magic number');
    const header = this.#u32(4);
    const types = header + this.#u32(8);
    const typesEnd = types + this.#u32(12);
    const strings = header + this.#u32(16);
    const stringsEnd = strings + this.#u32(20);
    if (typesEnd > data.length || stringsEnd > data.length)
      throw new RangeError('BTF is shorter than its header says');
    this.#strings = data.subarray(strings, stringsEnd);
    for (let at = types; at < typesEnd; at = this.#end(at)) this.#starts.push(at);
  }

  /** Of a compiled object or a file of raw BTF. */
  static open(file: string): Btf {
    return new Btf(native.readBtf(file));
  }

  /** Of the running kernel; a BpfError where it has none. */
  static kernel(): Btf {
    return new Btf(native.readBtf('/sys/kernel/btf/vmlinux'));
  }

  /** Of what the kernel holds under an id: a map's, say. Needs CAP_SYS_ADMIN. */
  static byId(id: number): Btf {
    return new Btf(native.btfById(id));
  }

  /** All types, in order of their ids. */
  get types(): Iterable<BtfType> {
    return this.#all();
  }

  *#all(): Generator<BtfType> {
    for (let id = 1; id < this.#starts.length; id++) yield this.type(id);
  }

  /** The type of an id. */
  type(id: number): BtfType {
    if (id === 0) return { kind: 'void', id, name: '' };
    const at = this.#starts[id];
    if (at === undefined) throw new RangeError(`BTF has no type ${id}`);
    return this.#read(id, at);
  }

  /** What is behind typedefs, const and volatile. */
  resolve(id: number): BtfType {
    let type = this.type(id);
    for (let depth = 0; depth < 32; depth++) {
      if (!isModifier(type)) return type;
      type = this.type(type.target);
    }
    throw new RangeError(`type ${id} of BTF refers to itself`);
  }

  /** In bytes; 0 for what has none. */
  sizeOf(id: number): number {
    const type = this.resolve(id);
    if ('size' in type) return type.size;
    if (type.kind === 'array') return type.length * this.sizeOf(type.item);
    return type.kind === 'pointer' ? 8 : 0;
  }

  /** A struct or union by its name. */
  struct(name: string): BtfStruct | undefined {
    return this.find(name, 'struct') ?? this.find(name, 'union');
  }

  /** Names and numbers of an enum. */
  enum(name: string): ReadonlyMap<string, number> | undefined {
    return this.find(name, 'enum')?.members;
  }

  /** The first type of a name and kind. */
  find<K extends BtfType['kind']>(
    name: string,
    kind: K,
  ): Extract<BtfType, { readonly kind: K }> | undefined {
    for (const id of this.#byName().get(name) ?? []) {
      const type = this.type(id);
      if (isOfKind(type, kind)) return type;
    }
    return undefined;
  }

  #byName(): Map<string, number[]> {
    if (this.#names !== undefined) return this.#names;
    const names = new Map<string, number[]>();
    this.#starts.forEach((at, id) => {
      const name = id === 0 ? '' : this.#string(this.#u32(at));
      if (name === '') return;
      const ids = names.get(name);
      if (ids === undefined) names.set(name, [id]);
      else ids.push(id);
    });
    this.#names = names;
    return names;
  }

  #read(id: number, at: number): BtfType {
    const kind = this.#kind(at);
    const name = this.#string(this.#u32(at));
    const size = this.#u32(at + 8);
    switch (kind) {
      case 'int':
      case 'float':
        return { kind, id, name, size };
      case 'array':
        return { kind, id, name: '', item: this.#u32(at + 12), length: this.#u32(at + 20) };
      case 'struct':
      case 'union':
        return { kind, id, name, size, fields: this.#fields(at) };
      case 'enum':
      case 'enum64':
        return { kind: 'enum', id, name, size, members: this.#members(at, kind) };
      case 'section':
        return { kind, id, name, size, variables: this.#variables(at) };
      case 'void':
        throw new RangeError(`type ${id} of BTF is void`);
      case 'pointer':
      case 'forward':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'function':
      case 'prototype':
      case 'variable':
      case 'declaration-tag':
      case 'type-tag':
        return { kind, id, name, target: size };
    }
  }

  #fields(at: number): BtfField[] {
    const packed = this.#u32(at + 4) >>> 31 === 1; // kind_flag: 8 bits of size, 24 of offset
    return this.#each(at, 12, (member) => {
      const place = this.#u32(member + 8);
      const bitOffset = packed ? place & 0xffffff : place;
      return {
        name: this.#string(this.#u32(member)),
        type: this.#u32(member + 4),
        offset: bitOffset >>> 3,
        bitOffset,
        bits: packed ? place >>> 24 : 0,
      };
    });
  }

  #members(at: number, kind: 'enum' | 'enum64'): ReadonlyMap<string, number> {
    const signed = this.#u32(at + 4) >>> 31 === 1;
    return new Map(
      this.#each(at, kind === 'enum' ? 8 : 12, (member) => {
        const low = this.#u32(member + 4);
        const high = kind === 'enum' ? 0 : this.#u32(member + 8);
        const number =
          kind === 'enum' ? (signed ? low | 0 : low) : (signed ? high | 0 : high) * 2 ** 32 + low;
        return [this.#string(this.#u32(member)), number] as const;
      }),
    );
  }

  #variables(at: number): { type: number; offset: number; size: number }[] {
    return this.#each(at, 12, (variable) => ({
      type: this.#u32(variable),
      offset: this.#u32(variable + 4),
      size: this.#u32(variable + 8),
    }));
  }

  #each<T>(at: number, step: number, read: (at: number) => T): T[] {
    return Array.from({ length: this.#u32(at + 4) & 0xffff }, (_, index) =>
      read(at + 12 + index * step),
    );
  }

  #kind(at: number): (typeof kinds)[number] {
    const number = (this.#u32(at + 4) >>> 24) & 0x1f;
    const kind = kinds[number];
    if (kind === undefined) throw new RangeError(`BTF has a type of unknown kind ${number}`);
    return kind;
  }

  #end(at: number): number {
    const [fixed, each] = tails[this.#kind(at)] ?? [0, 0];
    return at + 12 + fixed + each * (this.#u32(at + 4) & 0xffff);
  }

  #string(offset: number): string {
    const end = this.#strings.indexOf(0, offset);
    return Buffer.from(this.#strings.subarray(offset, end < 0 ? undefined : end)).toString(
      'latin1',
    );
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, this.#little);
  }
}

function isModifier(type: BtfType): type is Reference<Modifier> {
  return /^(typedef|volatile|const|restrict|type-tag)$/.test(type.kind);
}

function isOfKind<K extends BtfType['kind']>(
  type: BtfType,
  kind: K,
): type is Extract<BtfType, { readonly kind: K }> {
  return type.kind === kind;
}
