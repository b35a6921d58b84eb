import { constants } from 'node:os';
import { Btf } from './btf.js';
import type { BtfStruct } from './btf.js';
import { BtfMismatch } from './check.js';
import { BpfError } from './error.js';
import type { NativeMapInfo } from './native.js';
import { mapTypeName } from './types.js';
import type { MapType } from './types.js';

/** What an object says of its map. */
export interface MapDefinition {
  readonly name: string;
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

/**
 * Refuses a map that does not fit its definition: by type, sizes and flags, and by the names and places of fields
 * where both have BTF. Reading the map's BTF needs CAP_SYS_ADMIN; without it sizes must do.
 */
export function checkReuse(
  wanted: MapDefinition,
  btf: Btf,
  there: NativeMapInfo,
  what: string,
): void {
  const differences = [
    difference('type', mapTypeName(there.type), wanted.type),
    difference('key size', there.keySize, wanted.keySize),
    difference('value size', there.valueSize, wanted.valueSize),
    difference('max_entries', there.maxEntries, wanted.maxEntries),
    difference('flags', there.flags, wanted.flags),
  ].filter((one) => one !== undefined);
  if (differences.length > 0)
    throw new BpfError({
      operation: 'reuse',
      object: what,
      errno: constants.errno.EINVAL,
      cause: differences.join(', '),
      hint: 'it was made by another version of this object: use another pin path, or remove that pin',
    });
  if (there.btfId === 0) return;
  const other = btfById(there.btfId);
  if (other === undefined) return;
  sameType(what, btf, wanted.keyTypeId, other, there.keyTypeId, 'key');
  sameType(what, btf, wanted.valueTypeId, other, there.valueTypeId, 'value');
}

function difference(
  what: string,
  there: string | number,
  wanted: string | number,
): string | undefined {
  return there === wanted ? undefined : `its ${what} is ${there}, expected ${wanted}`;
}

function btfById(id: number): Btf | undefined {
  try {
    return Btf.byId(id);
  } catch (error) {
    if (error instanceof BpfError && error.errno === constants.errno.EPERM) return undefined;
    throw error;
  }
}

function sameType(
  what: string,
  wantedBtf: Btf,
  wanted: number,
  thereBtf: Btf,
  there: number,
  path: string,
): void {
  if (wanted === 0 || there === 0) return;
  const a = wantedBtf.resolve(wanted);
  const b = thereBtf.resolve(there);
  if (a.kind !== b.kind)
    throw new BtfMismatch(`cannot reuse ${what}: ${path} is ${b.kind} there, expected ${a.kind}`);
  if ((a.kind === 'struct' || a.kind === 'union') && (b.kind === 'struct' || b.kind === 'union'))
    sameFields(what, wantedBtf, a, thereBtf, b, path);
  if (a.kind === 'array' && b.kind === 'array')
    sameType(what, wantedBtf, a.item, thereBtf, b.item, `${path}[]`);
}

function sameFields(
  what: string,
  wantedBtf: Btf,
  wanted: BtfStruct,
  thereBtf: Btf,
  there: BtfStruct,
  path: string,
): void {
  for (const [index, field] of wanted.fields.entries()) {
    const other = there.fields[index];
    const place = `${path}.${field.name}`;
    if (other?.name !== field.name)
      throw new BtfMismatch(`cannot reuse ${what}: ${place} is ${other?.name ?? 'missing'} there`);
    if (other.bitOffset !== field.bitOffset)
      throw new BtfMismatch(
        `cannot reuse ${what}: ${place} is at ${other.offset} there, expected ${field.offset}`,
      );
    sameType(what, wantedBtf, field.type, thereBtf, other.type, place);
  }
}
