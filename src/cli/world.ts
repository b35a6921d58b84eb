import { exitCodes } from '../errors.js';
import type { World } from '../model/assemble.js';
import { type InputOptions, pathsOf } from './inputs.js';
import { note, type Session } from './session.js';
import { problemText } from './validate.js';

/** The resources that a command was given, as understood. What is refused is told, and makes the exit code 3. */
export async function readWorld(
  session: Session,
  options: InputOptions,
  node?: string,
): Promise<World> {
  const paths = pathsOf(options.file, session.env);
  const [{ readResources }, { inventoryOf }] = await Promise.all([
    import('../sources/file/read.js'),
    import('../model/assemble.js'),
  ]);
  const documents = await readResources(paths, { recursive: options.recursive === true });
  const world = inventoryOf(documents, { environment: session.env, node });
  tell(session, world, paths);
  if (world.refused.length > 0) process.exitCode = exitCodes.invalid;
  return world;
}

/** Refused resources one by one; what merely looks odd is counted, and told with -v. */
function tell(session: Session, { refused, warnings }: World, paths: readonly string[]): void {
  const onError = { ...session, paint: session.notePaint };
  for (const problem of refused) note(session, problemText(onError, problem));
  if (refused.length > 0) note(session, 'the answer leaves out what was refused');
  if (session.verbosity > 0)
    for (const problem of warnings) note(session, problemText(onError, problem));
  else if (warnings.length > 0 && paths.every((path) => path !== '-') && process.stderr.isTTY)
    note(session, `${warnings.length} warnings: encap validate ${paths.join(' ')}`);
}
