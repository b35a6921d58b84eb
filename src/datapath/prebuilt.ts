import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EncapError } from '../errors.js';
import type { ObjectFile, ProgramFile } from './compile.js';
import { hashBytes, hashSources } from './sources.js';
import { writeAtomically } from './write.js';

/** dist/prebuilt: made by `npm run build` where there is a clang. */
export const prebuiltFolder = fileURLToPath(new URL('../../prebuilt', import.meta.url));

const prebuiltManifest = 'manifest.json';

/** What the objects were made of: checked before one is used. */
interface Manifest {
  readonly objects: Readonly<Partial<Record<ProgramFile, string>>>;
  readonly sources: string;
  readonly compiler: string;
}

/** The prebuilt object, if its bytes are those of the manifest and it was made of these very sources. */
export function readPrebuilt(
  folder: string,
  program: ProgramFile,
  sources: string,
  why: string,
): ObjectFile {
  const file = join(folder, `${program}.bpf.o`);
  const manifest = readManifest(join(folder, prebuiltManifest), why);
  const bytes = readOrExplain(file, why);
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
  return { bytes, sha256, origin: { kind: 'prebuilt', file, why, compiler: manifest.compiler } };
}

/** Writes the objects that nodes without clang use. */
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

function readManifest(file: string, why: string): Manifest {
  const text = readOrExplain(file, why).toString('utf8');
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

function readOrExplain(file: string, why: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new EncapError(`cannot make the eBPF object: ${why}, and no prebuilt one`, {
      code: 'FEATURE_MISSING',
      why: `${file}: ${(cause as NodeJS.ErrnoException).code ?? 'unreadable'}`,
      hint: 'apt install clang, or build the prebuilt object elsewhere with npm run build',
      cause,
    });
  }
}

function corrupt(file: string, why: string, cause?: unknown): EncapError {
  return new EncapError(`cannot use ${file}: ${why}`, {
    code: 'OBJECT_CORRUPT',
    hint: 'apt install clang, or make it again with npm run build',
    cause,
  });
}

function short(hash: string): string {
  return hash.slice(0, 12);
}
