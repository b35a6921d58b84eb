import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createHash } from 'node:crypto';
import { EncapError } from '../errors.js';
import type { Settings } from '../model/settings.js';
import { findClang, systemIncludes } from './clang.js';
import { judgePrebuilt, prebuiltFolder, readPrebuilt } from './prebuilt.js';
import { hashBytes, hashSources, sourceFolder } from './sources.js';
import { writeAtomically } from './write.js';

/** An object file and where it came from: `encap status` shows it. */
export interface ObjectFile {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly origin: Origin;
}

export interface Origin {
  readonly kind: 'compiled' | 'cached' | 'prebuilt';
  readonly file: string;
  readonly why: string;
  readonly compiler: string;
}

export interface CompileOptions {
  readonly program?: ProgramFile;
  /** Take clang, whatever object is shipped. */
  readonly compile?: boolean;
  readonly folder?: string;
  readonly path?: string;
  readonly cache?: string;
  readonly prebuilt?: string;
}

/** Without shortcuts around the stack, and with: these need functions that not every kernel has. */
export const programFiles = ['encapd', 'encapd_fast'] as const;

/** The name of a source and of its object, without what they end in. */
export type ProgramFile = (typeof programFiles)[number];

/** The object for a setting. */
export function programFileFor(fastPath: Settings['fastPath']): ProgramFile {
  return fastPath === 'never' ? 'encapd' : 'encapd_fast';
}

/**
 * The object for this node: the one that is shipped, if it is what its manifest says. clang is taken only where it is asked
 * for, or where these are sources that somebody works on: in a checkout, when the object is of others or there is none.
 */
export function compile(options: CompileOptions = {}): ObjectFile {
  const program = options.program ?? 'encapd';
  const folder = options.folder ?? sourceFolder;
  const prebuilt = options.prebuilt ?? prebuiltFolder;
  if (options.compile !== true) {
    const verdict = judgePrebuilt(prebuilt, folder);
    if (verdict === 'right' || !existsSync(join(folder, checkoutsOwn)))
      return readPrebuilt(prebuilt, program, folder);
  }
  const compiler = findClang(options.path ?? process.env['PATH'] ?? '');
  if (compiler.kind === 'missing') {
    if (options.compile === true) throw noClang(compiler.why);
    return readPrebuilt(prebuilt, program, folder);
  }
  const cache = options.cache ?? cacheFolder();
  const key = createHash('sha256')
    .update(JSON.stringify([program, hashSources(folder), compiler.version, flags()]))
    .digest('hex');
  const file = join(cache, `${key}.bpf.o`);
  const found = readCached(file);
  if (found !== undefined)
    return object(found, {
      kind: 'cached',
      file,
      why: 'sources, compiler and flags are those of an earlier run',
      compiler: compiler.version,
    });

  const bytes = runClang(compiler.file, folder, program);
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  writeAtomically(`${file}.sha256`, `${hashBytes(bytes)}\n`);
  writeAtomically(file, bytes);
  return object(bytes, {
    kind: 'compiled',
    file,
    why: 'nothing in the cache for these sources, compiler and flags',
    compiler: compiler.version,
  });
}

/** No package has it. */
const checkoutsOwn = '../tsconfig.json';

function noClang(why: string): EncapError {
  return new EncapError(`cannot compile the programs: ${why}`, {
    code: 'FEATURE_MISSING',
    hint: 'apt install clang; without --compile `encap run` takes the shipped object',
  });
}

/** ENCAP_CACHE_DIR, else the system's cache for root and the user's own for others. */
export function cacheFolder(): string {
  const chosen = process.env['ENCAP_CACHE_DIR'];
  if (chosen !== undefined && chosen !== '') return chosen;
  if (process.getuid?.() === 0) return '/var/cache/encap';
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'encap');
}

/** Compiles a source of a folder (its name without `.bpf.c`); clang's own lines are the error's reason. */
export function runClang(clang: string, folder: string, program: string): Uint8Array {
  const source = `${program}.bpf.c`;
  const scratch = mkdtempSync(join(tmpdir(), 'encap-compile-'));
  try {
    const output = join(scratch, `${basename(program)}.bpf.o`);
    execFileSync(clang, [...flags(), '-c', source, '-o', output], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    return readFileSync(output);
  } catch (cause) {
    throw new EncapError(`cannot compile ${source}: clang rejects it`, {
      code: 'COMPILER_FAILED',
      why: stderrOf(cause),
      hint: `see it again: cd ${folder} && ${clang} ${flags().join(' ')} -c ${source} -o /dev/null`,
      cause,
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** v2 has the jumps that every kernel from 4.14 on knows; v3's 32-bit copies of packet pointers trip the verifier. */
export function flags(): readonly string[] {
  return [
    '-target',
    'bpf',
    '-mcpu=v2',
    '-O2',
    '-g',
    '-Wall',
    '-Wextra',
    '-Werror',
    ...systemIncludes().flatMap((folder) => ['-isystem', folder]),
    '-fdebug-compilation-dir=.',
  ];
}

function object(bytes: Uint8Array, origin: Origin): ObjectFile {
  return { bytes, sha256: hashBytes(bytes), origin };
}

/** undefined also for an entry that was cut short or that others could have written: it is made again. */
function readCached(file: string): Uint8Array | undefined {
  try {
    const { uid, mode } = statSync(file);
    if ((uid !== 0 && uid !== process.getuid?.()) || (mode & 0o022) !== 0) return undefined;
    const bytes = readFileSync(file);
    return readFileSync(`${file}.sha256`, 'utf8').trim() === hashBytes(bytes) ? bytes : undefined;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}

function stderrOf(cause: unknown): string {
  const text = (cause as { stderr?: unknown }).stderr;
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : String(cause);
}
