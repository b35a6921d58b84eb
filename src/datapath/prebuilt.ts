import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EncapError } from '../errors.js';
import type { ObjectFile, ProgramFile } from './compile.js';
import { hashBytes, hashSources } from './sources.js';
import { writeAtomically } from './write.js';

/** dist/prebuilt: made by `npm run build` where there is a clang, and part of every package. */
export const prebuiltFolder = fileURLToPath(new URL('../../prebuilt', import.meta.url));

const prebuiltManifest = 'manifest.json';

/** What the objects were made of: checked before one is used. */
interface Manifest {
  readonly objects: Readonly<Partial<Record<ProgramFile, string>>>;
  readonly sources: string;
  readonly compiler: string;
}

/** Whether there are objects of these sources; OBJECT_CORRUPT where the manifest can't be read. */
export function judgePrebuilt(folder: string, sources: string): 'right' | 'other' | 'absent' {
  const file = join(folder, prebuiltManifest);
  if (!existsSync(file)) return 'absent';
  return readManifest(file).sources === hashSources(sources) ? 'right' : 'other';
}

/** The shipped object, if its bytes are those of the manifest and it was made of these very sources. */
export function readPrebuilt(folder: string, program: ProgramFile, sources: string): ObjectFile {
  const file = join(folder, `${program}.bpf.o`);
  const manifest = readManifest(join(folder, prebuiltManifest));
  const bytes = readOrExplain(file);
  const sha256 = hashBytes(bytes);
  const said = manifest.objects[program];
  if (sha256 !== said)
    throw corrupt(
      file,
      `its hash is ${short(sha256)}, the manifest says ${said === undefined ? 'none' : short(said)}`,
    );
  const actual = hashSources(sources);
  if (actual !== manifest.sources)
    throw corrupt(
      file,
      `it was made of other sources (${short(manifest.sources)}) than ${sources} has (${short(actual)})`,
    );
  const why = 'it was made of these sources, and has the hash of the manifest';
  return { bytes, sha256, origin: { kind: 'prebuilt', file, why, compiler: manifest.compiler } };
}

/** Writes the objects that nodes use. */
export function writePrebuilt(
  folder: string,
  sources: string,
  compiler: string,
  objects: ReadonlyMap<ProgramFile, Uint8Array>,
): void {
  const hashes = [...objects].map(([program, bytes]) => [program, hashBytes(bytes)]);
  const manifest: Manifest = {
    objects: Object.fromEntries(hashes) as Manifest['objects'],
    sources: hashSources(sources),
    compiler,
  };
  mkdirSync(folder, { recursive: true });
  for (const [program, bytes] of objects) writeAtomically(join(folder, `${program}.bpf.o`), bytes);
  writeAtomically(join(folder, prebuiltManifest), `${JSON.stringify(manifest, null, 2)}\n`);
}

function readManifest(file: string): Manifest {
  const text = readOrExplain(file).toString('utf8');
  const manifest = parsed(file, text);
  const { objects, sources, compiler } = manifest;
  if (!isObject(objects) || typeof sources !== 'string' || typeof compiler !== 'string')
    throw corrupt(file, 'it does not name objects, sources and compiler');
  return { objects, sources, compiler };
}

function parsed(file: string, text: string): Partial<Record<keyof Manifest, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Partial<Record<keyof Manifest, unknown>>;
  } catch (cause) {
    throw corrupt(file, 'it is no JSON', cause);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function readOrExplain(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new EncapError('cannot load the eBPF object: there is no shipped one', {
      code: 'FEATURE_MISSING',
      why: `${file}: ${(cause as NodeJS.ErrnoException).code ?? 'unreadable'}`,
      hint: 'install the package again; or apt install clang, and npm run build or encap run --compile',
      cause,
    });
  }
}

function corrupt(file: string, why: string, cause?: unknown): EncapError {
  return new EncapError(`cannot use ${file}: ${why}`, {
    code: 'OBJECT_CORRUPT',
    hint: 'install the package again (in a checkout: npm run build); or compile bpf/ here: encap run --compile',
    cause,
  });
}

function short(hash: string): string {
  return hash.slice(0, 12);
}
