import { isDeepStrictEqual } from 'node:util';
import { EncapError } from '../../errors.js';
import type { Environment } from '../../model/environment.js';
import type { Problem } from '../../model/problem.js';
import type { Reading, Source } from '../source.js';
import { changes, type Burst } from './changes.js';
import { Memo, type Listing, type News } from './memo.js';
import { isSameFile, sameStamp } from './stamp.js';
import { FileWorld } from './world.js';

export interface FileSourceOptions {
  /** Files and folders. */
  readonly paths: readonly string[];
  /** Folders below folders too. */
  readonly recursive?: boolean;
  readonly environment?: Environment;
  /** For whom settings are read. */
  readonly node?: string | undefined;
}

/** Calico resources in files and folders, read again whenever they change. */
export function fileSource(options: FileSourceOptions): Source {
  return {
    name: `file ${options.paths.join(', ')}`,
    inventories: (signal) => readings(options, signal),
  };
}

async function* readings(options: FileSourceOptions, signal: AbortSignal): AsyncGenerator<Reading> {
  const memo = new Memo();
  const world = new FileWorld(options);
  let told: Reading | undefined;
  for await (const burst of changes(options.paths, signal)) {
    const isFirst = told === undefined;
    const reading = await look({ options, memo, world, burst, isFirst });
    if (reading === undefined || (told !== undefined && isSame(reading, told))) continue;
    told = reading;
    yield reading;
  }
}

interface Look {
  readonly options: FileSourceOptions;
  readonly memo: Memo;
  readonly world: FileWorld;
  readonly burst: Burst;
  readonly isFirst: boolean;
}

/** What there is to read, when it may be read; undefined: all is as it was. */
async function look({ options, memo, world, burst, isFirst }: Look): Promise<Reading | undefined> {
  const { paths, recursive } = options;
  const list = (): Promise<Listing> => memo.list(paths, recursive === true);
  try {
    let listing = isFirst ? await list() : await list().catch(() => undefined);
    // A file may have come after the burst: then its folder tells of it now.
    await burst.heard();
    if (!isFirst && (listing === undefined || !isWhole(listing, burst))) {
      await burst.quiet();
      listing = await list();
    }
    if (listing === undefined || !world.isNews(listing)) return undefined;
    return world.read(listing, await memo.read(listing));
  } catch (error) {
    // At the start a bad environment or a wrong path is for the user to correct, later it is for the log.
    if (!(error instanceof EncapError) || world.isEmpty) throw error;
    world.lost();
    burst.again();
    return { inventory: undefined, problems: [asProblem(error, paths)] };
  }
}

/** Nobody may still be writing what is new: each file of it came in one piece. */
function isWhole({ news, gone }: Listing, burst: Burst): boolean {
  return gone.length === 0 && [...news].every(([file, one]) => isInOnePiece(file, one, burst));
}

/** A file that was written elsewhere and renamed has another inode, and its name is younger than its content. */
function isInOnePiece(file: string, { stamp, before }: News, burst: Burst): boolean {
  if (stamp === undefined || stamp.size === 0n) return false;
  const there = before?.stamp;
  // Read again only because a write might not have shown.
  if (there !== undefined && sameStamp(there, stamp)) return !burst.wasWritten(file);
  if (there !== undefined && isSameFile(there, stamp)) return false;
  return stamp.ctime > stamp.mtime || burst.cameWhole(file);
}

/** A world that is read again and is the same is not told again. */
function isSame(reading: Reading, told: Reading): boolean {
  return (
    (reading.inventory === undefined) === (told.inventory === undefined) &&
    (reading.inventory === undefined || reading.changed?.size === 0) &&
    isDeepStrictEqual(reading.problems, told.problems)
  );
}

function asProblem({ message, place }: EncapError, paths: readonly string[]): Problem {
  const file = place?.file ?? paths.join(', ');
  return {
    severity: 'error',
    file,
    line: place?.line ?? 1,
    column: place?.column ?? 1,
    path: '',
    message,
  };
}
