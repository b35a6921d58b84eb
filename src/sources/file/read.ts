import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EncapError } from '../../errors.js';
import { type Documents, together } from '../../model/document.js';
import type { Problem } from '../../model/problem.js';
import { limits } from './limits.js';
import { parse } from './parse.js';

export interface ReadOptions {
  /** Folders below folders too, as `kubectl -R`. */
  readonly recursive?: boolean;
  /** What `-` stands for. */
  readonly stdin?: AsyncIterable<Uint8Array>;
}

/** The resources in files, folders and (`-`) standard input. Files of a folder come in the order of their names. */
export async function readResources(
  paths: readonly string[],
  options: ReadOptions = {},
): Promise<Documents> {
  const sets: Documents[] = [];
  const seen = new Set<string>();
  for (const path of paths) {
    if (path === '-') {
      sets.push(parse('<stdin>', await collect(options.stdin ?? process.stdin)));
      continue;
    }
    const { files, problems } = await listFiles([path], options.recursive === true);
    sets.push({ files: [], documents: [], problems });
    for (const file of files) {
      if (seen.has(file)) continue;
      seen.add(file);
      sets.push(parse(file, await readBytes(file)));
    }
  }
  return together(sets);
}

/** The files at these paths, in reading order; of a folder without any, a warning. */
export async function listFiles(
  paths: readonly string[],
  recursive: boolean,
): Promise<{ readonly files: readonly string[]; readonly problems: readonly Problem[] }> {
  // The same file named twice (a folder and a file in it) is one file.
  const all = new Set<string>();
  const problems: Problem[] = [];
  for (const path of paths) {
    const { files, found, strange } = await filesAt(path, recursive);
    if (files.length === 0) problems.push(nothingIn(path, found));
    problems.push(...strange);
    for (const file of files) all.add(file);
  }
  return { files: [...all], problems };
}

interface Found {
  readonly files: readonly string[];
  /** Entries of the folder, to say what was passed over. */
  readonly found: number;
  /** What has a file's name and is none: whoever opens a pipe waits for somebody who writes into it. */
  readonly strange: readonly Problem[];
}

async function filesAt(path: string, recursive: boolean): Promise<Found> {
  const status = await stat(path).catch((error: unknown) => unreadable(path, error));
  if (!status.isDirectory()) return { files: [path], found: 1, strange: [] };
  return filesIn(path, recursive);
}

/** Hidden entries are skipped: editors' drafts, and `..data` of a mounted ConfigMap, whose files are linked beside it. */
async function filesIn(folder: string, recursive: boolean): Promise<Found> {
  const names = await readdir(folder).catch((error: unknown) => unreadable(folder, error));
  const files: string[] = [];
  const strange: Problem[] = [];
  // All at once: one after the other, each would wait behind what else looks at thousands of files.
  const entries = await Promise.all(
    names
      .filter((one) => !one.startsWith('.'))
      .sort()
      .map(async (name) => {
        const path = join(folder, name);
        return { name, path, status: await stat(path).catch((error: unknown) => codeOf(error)) };
      }),
  );
  for (const { name, path, status } of entries) {
    // A file may go between the listing and the look at it.
    if (status === 'ENOENT') continue;
    if (typeof status === 'string') {
      if (isNamedSo(name))
        strange.push(noFile(path, `${status}: ${reasons[status] ?? 'unreadable'}`));
      continue;
    }
    if (status.isDirectory()) {
      if (!recursive) continue;
      const below = await filesIn(path, recursive);
      files.push(...below.files);
      strange.push(...below.strange);
    } else if (!isNamedSo(name)) continue;
    else if (status.isFile()) files.push(path);
    else strange.push(noFile(path, 'it is no file: remove it, or give it another name'));
  }
  return { files, found: names.length, strange };
}

function nothingIn(folder: string, found: number): Problem {
  const message =
    found === 0
      ? 'the folder is empty'
      : `none of the ${found} entries is a .yaml, .yml or .json file`;
  return { severity: 'warning', file: folder, line: 1, column: 1, path: '', message };
}

function isNamedSo(name: string): boolean {
  return /\.(?:ya?ml|json)$/.test(name);
}

function noFile(path: string, message: string): Problem {
  return { severity: 'error', file: path, line: 1, column: 1, path: '', message };
}

async function readBytes(path: string): Promise<Uint8Array> {
  return (await readFile(path)).bytes;
}

/** What a file holds, and how it was when it was opened and when it had been read. */
export async function readFile(path: string): Promise<{
  readonly bytes: Uint8Array;
  readonly opened: BigIntStats;
  readonly read: BigIntStats;
}> {
  const handle = await open(path, constants.O_RDONLY).catch((error: unknown) =>
    unreadable(path, error),
  );
  try {
    const opened = await handle.stat({ bigint: true });
    const bytes = await collect(chunksOf(handle));
    return { bytes, opened, read: await handle.stat({ bigint: true }) };
  } catch (error) {
    return unreadable(path, error);
  } finally {
    await handle.close();
  }
}

async function* chunksOf(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(256 * 1024) });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** One byte more than the limit is enough to know that it is too much, whatever /dev/zero has to say. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    size += chunk.length;
    if (size > limits.sizeBytes) break;
  }
  return Buffer.concat(parts);
}

function unreadable(path: string, cause: unknown): never {
  const code = codeOf(cause);
  throw new EncapError(`cannot read ${path}: ${code}: ${reasons[code] ?? String(cause)}`, {
    code: 'FILE_UNREADABLE',
    hint: hints[code] ?? 'name a file, a folder or - (standard input)',
    place: { file: path },
    cause,
  });
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'this user may not read it',
  ELOOP: 'a chain of symbolic links',
  ENOTDIR: 'a part of the path is no folder',
};

const hints: Readonly<Record<string, string>> = {
  EACCES: 'run as its owner, or let others read it: chmod o+r',
};
