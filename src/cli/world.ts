import { EncapError, exitCodes, placeText } from '../errors.js';
import type { UnderstoodFiles, World } from '../model/assemble.js';
import type { NodeName } from '../model/node.js';
import type { Reading, Source } from '../sources/source.js';
import { type InputOptions, nodeNameOf } from './inputs.js';
import { note, type Session } from './session.js';
import { type Place, placeOf } from './source.js';
import { problemText } from './validate.js';

/** Of a command that reads once. */
export interface OnceOptions extends InputOptions {
  readonly timeout: number;
}

/** The resources that a command was given, and whose view it takes. */
export interface Given {
  readonly world: World;
  readonly node: NodeName;
  readonly place: Place;
}

/** What is refused is told, and makes the exit code 3. */
export async function readWorld(session: Session, options: OnceOptions): Promise<Given> {
  const place = await placeOf(options, session.env);
  const node = nodeNameOf(options.node, session.env, place.config?.node);
  const files = await filesOf(place, options, node);
  const { worldOf } = await import('../model/assemble.js');
  const world = worldOf(files, { environment: session.env, node });
  tell(session, world, place.paths);
  if (world.refused.length > 0) process.exitCode = exitCodes.invalid;
  return { world, node, place };
}

/** One reading of a datastore, or what files hold; DATASTORE_UNREACHABLE where there is none in time. */
export async function filesOf(
  place: Place,
  { config, recursive = false, timeout }: OnceOptions,
  node: NodeName,
): Promise<UnderstoodFiles> {
  if (place.datastore.value.type !== 'file')
    return firstReading(await place.sourceFor(node, { keepsAll: true }), timeout);
  const [{ readResources }, { readConfig }, { together }] = await Promise.all([
    import('../sources/file/read.js'),
    import('../sources/file/config.js'),
    import('../model/document.js'),
  ]);
  const paths = place.paths.filter((path) => path !== config);
  const read = together([
    ...(config === undefined ? [] : [await readConfig(config)]),
    await readResources(paths, { recursive }),
  ]);
  // Before the first schema is made: to compile the checks of a few resources takes longer than to walk through them.
  if (read.documents.length < manyDocuments)
    (await import('../model/uncompiled.js')).checkUncompiled();
  const { understand } = await import('../model/understand.js');
  return { ...read, all: read.documents.map(understand) };
}

const manyDocuments = 300;

async function firstReading(source: Source, timeoutMs: number): Promise<UnderstoodFiles> {
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), timeoutMs);
  try {
    for await (const reading of source.inventories(ended.signal)) {
      if (reading.resources !== undefined) return reading.resources;
      throw unread(source, reading);
    }
  } finally {
    clearTimeout(timer);
    ended.abort();
  }
  throw new EncapError(
    `cannot read the resources: ${source.name} gave no whole answer within ${timeoutMs / 1000} s`,
    {
      code: 'DATASTORE_UNREACHABLE',
      hint: 'see whether it runs and this machine reaches it, or give it more time: --timeout 120',
    },
  );
}

function unread(source: Source, { faults = [], problems }: Reading): EncapError {
  const [fault] = faults;
  return new EncapError(`cannot read the resources: ${fault?.message ?? source.name}`, {
    code: 'DATASTORE_UNREACHABLE',
    ...(fault === undefined
      ? { why: problems.map((one) => `${placeText(one)} ${one.message}`).join('\n') }
      : { hint: fault.hint }),
  });
}

/** Refused resources one by one; what merely looks odd is counted, and told with -v. */
function tell(session: Session, { refused, warnings }: World, paths: readonly string[]): void {
  const onError = { ...session, paint: session.notePaint };
  for (const problem of refused) note(session, problemText(onError, problem));
  if (refused.length > 0) note(session, 'the answer leaves out what was refused');
  if (session.verbosity > 0)
    for (const problem of warnings) note(session, problemText(onError, problem));
  else if (warnings.length > 0 && paths.every((path) => path !== '-') && process.stderr.isTTY)
    note(
      session,
      `${warnings.length} warnings: encap validate ${paths.length > 0 ? paths.join(' ') : '--source …'}`,
    );
}
