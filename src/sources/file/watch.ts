import { isDeepStrictEqual } from 'node:util';
import { EncapError } from '../../errors.js';
import { inventoryOf, type World } from '../../model/assemble.js';
import type { Documents } from '../../model/document.js';
import type { Environment } from '../../model/environment.js';
import type { Problem } from '../../model/problem.js';
import type { Reading, Source } from '../source.js';
import { changes } from './changes.js';
import { readResources } from './read.js';

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
  let before: State | undefined;
  let told: Reading | undefined;
  for await (const _ of changes(options.paths, signal)) {
    const { reading, state } = await look(options, before);
    before = state ?? before;
    if (told !== undefined && isDeepStrictEqual(reading, told)) continue;
    told = reading;
    yield reading;
  }
}

/** The last world that was read as a whole. */
interface State {
  readonly world: World;
  /** Files that had something to say in it. */
  readonly speaking: ReadonlySet<string>;
}

interface Look {
  readonly reading: Reading;
  readonly state?: State;
}

/** Half a world is none: where one file can't be read, the whole of the last one stays in force. */
async function look(
  { paths, recursive, environment, node }: FileSourceOptions,
  before: State | undefined,
): Promise<Look> {
  try {
    const documents = await readResources(paths, { recursive: recursive === true });
    const unreadable = [...documents.problems.filter(isError), ...gone(documents, before)];
    if (unreadable.length > 0) return { reading: { inventory: undefined, problems: unreadable } };
    const world = inventoryOf(documents, {
      ...(environment === undefined ? {} : { environment }),
      node,
      before: before?.world,
    });
    const speaking = new Set(documents.documents.map(({ file }) => file));
    const { inventory, refused, warnings } = world;
    return {
      reading: { inventory, problems: [...refused, ...warnings] },
      state: { world, speaking },
    };
  } catch (error) {
    // At the start a bad environment or a wrong path is for the user to correct, later it is for the log.
    if (!(error instanceof EncapError) || before === undefined) throw error;
    return { reading: { inventory: undefined, problems: [asProblem(error, paths)] } };
  }
}

/** A file that spoke and now is empty is being written, or was cut off: nobody means that. */
function gone({ problems }: Documents, before: State | undefined): Problem[] {
  return problems
    .filter(({ file, severity }) => severity === 'warning' && before?.speaking.has(file) === true)
    .map((problem) => ({
      ...problem,
      severity: 'error',
      message: `${problem.message}, it was not before: delete the file if that is meant`,
    }));
}

function isError({ severity }: Problem): boolean {
  return severity === 'error';
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
