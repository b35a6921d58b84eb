import type { Btf, BtfField, BtfStruct } from './btf.js';
import type { Codec } from './codec.js';
import type { FieldLayout, Layout } from './layout.js';

/** A layout in C is not what TypeScript expects: nothing may be read or written with it. */
export class BtfMismatch extends Error {
  override readonly name = 'BtfMismatch';
}

/** The two files that a mismatch is between, for its message. */
export interface Sides {
  readonly c: string;
  readonly typescript: string;
}

const abi: Sides = { c: 'abi.h', typescript: 'abi.ts' };

/** Throws BtfMismatch where a struct or enum of the codec lies otherwise in BTF: `peer.vtep_mac is at 20, expected 24`. */
export function checkCodec(btf: Btf, codec: Codec<unknown>, sides: Sides = abi): void {
  const comparison = new Comparison(btf, sides);
  switch (codec.layout.kind) {
    case 'struct':
    case 'enumeration': {
      const { kind, name } = codec.layout;
      const type = kind === 'struct' ? btf.struct(name) : btf.find(name, 'enum');
      if (type === undefined)
        throw comparison.mismatch(
          `${kind === 'struct' ? 'struct' : 'enum'} ${name} is not in ${sides.c}`,
        );
      comparison.type(type.id, codec.layout, name);
      return;
    }
    case 'array':
    case 'integer':
    case 'bytes':
      return; // no name to find them by
  }
}

/** The same for the type of a map's key or value, whose id is known. */
export function checkType(
  btf: Btf,
  id: number,
  codec: Codec<unknown>,
  path: string,
  sides: Sides = abi,
): void {
  new Comparison(btf, sides).type(id, codec.layout, path);
}

/** Fields that only fill space need no codec; it writes zeros there. */
const filler = /^_*(zero|pad|padding|reserved|unused)\d*$/;

class Comparison {
  readonly #btf: Btf;
  readonly #sides: Sides;

  constructor(btf: Btf, sides: Sides) {
    this.#btf = btf;
    this.#sides = sides;
  }

  mismatch(what: string): BtfMismatch {
    return new BtfMismatch(`${this.#sides.c} and ${this.#sides.typescript} disagree: ${what}`);
  }

  type(id: number, layout: Layout, path: string): void {
    const type = this.#btf.resolve(id);
    switch (layout.kind) {
      case 'struct':
        if (type.kind !== 'struct' && type.kind !== 'union')
          throw this.mismatch(`${path} is ${article(type.kind)}, expected struct ${layout.name}`);
        this.#struct(type, layout.fields, path);
        break;
      case 'array':
        if (type.kind !== 'array')
          throw this.mismatch(
            `${path} is ${article(type.kind)}, expected an array of ${layout.length}`,
          );
        if (type.length !== layout.length)
          throw this.mismatch(`${path} has ${type.length} items, expected ${layout.length}`);
        this.type(type.item, layout.item, `${path}[]`);
        break;
      case 'enumeration':
        if (type.kind !== 'enum')
          throw this.mismatch(`${path} is ${article(type.kind)}, expected enum ${layout.name}`);
        this.#enum(type.members, layout, type.name === '' ? path : type.name);
        break;
      case 'integer':
        if (type.kind !== 'int' && type.kind !== 'enum' && type.kind !== 'pointer')
          throw this.mismatch(`${path} is ${article(type.kind)}, expected an integer`);
        if (layout.order === 'host' && layout.size > 1 && this.#isNetworkOrder(id))
          throw this.mismatch(`${path} is in network order, expected host order`);
        break;
      case 'bytes':
        break;
    }
    const size = this.#btf.sizeOf(id);
    if (size !== layout.size)
      throw this.mismatch(`${path} has ${size} bytes, expected ${layout.size}`);
  }

  #struct(struct: BtfStruct, expected: readonly FieldLayout[], path: string): void {
    const fields = this.#flat(struct, 0);
    for (const want of expected) {
      const field = fields.find(
        (one) => one.name === want.name || camelCase(one.name) === want.name,
      );
      if (field === undefined)
        throw this.mismatch(`${path}.${snakeCase(want.name)} is not in ${this.#sides.c}`);
      const place = `${path}.${field.name}`;
      if (field.bits !== 0) throw this.mismatch(`${place} is a bit field, which no codec can hold`);
      if (field.offset !== want.offset)
        throw this.mismatch(`${place} is at ${field.offset}, expected ${want.offset}`);
      this.type(field.type, want.layout, place);
    }
    const stray = fields.find((field) => !filler.test(field.name) && !covers(expected, field));
    if (stray !== undefined)
      throw this.mismatch(`${path}.${stray.name} is not in ${this.#sides.typescript}`);
  }

  /** Members of anonymous structs and unions count as the outer one's, as in C. */
  #flat(struct: BtfStruct, base: number): BtfField[] {
    return struct.fields.flatMap((field) => {
      const type = field.name === '' ? this.#btf.resolve(field.type) : undefined;
      return type?.kind === 'struct' || type?.kind === 'union'
        ? this.#flat(type, base + field.offset)
        : [{ ...field, offset: base + field.offset }];
    });
  }

  #enum(
    actual: ReadonlyMap<string, number>,
    layout: Layout & { readonly kind: 'enumeration' },
    path: string,
  ): void {
    const seen = new Set<string>();
    for (const [member, number] of layout.members) {
      const upper = snakeCase(member).toUpperCase();
      const name = [member, upper, `${layout.name.toUpperCase()}_${upper}`].find((one) =>
        actual.has(one),
      );
      if (name === undefined)
        throw this.mismatch(`${upper} of enum ${path} is not in ${this.#sides.c}`);
      if (actual.get(name) !== number)
        throw this.mismatch(
          `${name} of enum ${path} is ${actual.get(name) ?? ''}, expected ${number}`,
        );
      seen.add(name);
    }
    const stray = [...actual.keys()].find((name) => !seen.has(name));
    if (stray !== undefined)
      throw this.mismatch(`${stray} of enum ${path} is not in ${this.#sides.typescript}`);
  }

  #isNetworkOrder(id: number): boolean {
    let type = this.#btf.type(id);
    while (type.kind === 'typedef' || type.kind === 'const' || type.kind === 'volatile') {
      if (/^__be(16|32|64)$/.test(type.name)) return true;
      type = this.#btf.type(type.target);
    }
    return false;
  }
}

/** Another member of a union lies where a checked one does. */
function covers(expected: readonly FieldLayout[], field: BtfField): boolean {
  return expected.some(
    (want) => field.offset >= want.offset && field.offset < want.offset + want.layout.size,
  );
}

function article(kind: string): string {
  return `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
