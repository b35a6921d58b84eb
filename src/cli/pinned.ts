import { accessSync, constants } from 'node:fs';
import type { Folders } from '../datapath/folders.js';
import type { Generation } from '../datapath/generation.js';
import { EncapError } from '../errors.js';

/** The datapath that is pinned on this node: what runs, agent or not. */
export async function pinnedDatapath(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly folders: Folders; readonly generation: Generation }> {
  const [{ foldersOf }, { generations }] = await Promise.all([
    import('../datapath/folders.js'),
    import('../datapath/generation.js'),
  ]);
  const folders = foldersOf(env);
  checkAccess(folders.pins);
  // Two only while an agent moves from one layout to the next: the one with links is in force.
  const [generation] = [...generations(folders.pins)].sort(
    (a, b) => b.builds().length - a.builds().length,
  );
  if (generation === undefined) throw absent(folders.pins);
  return { folders, generation };
}

/** Nobody but root sees into a BPF file system: for others it would look empty. */
export function checkAccess(pins: string): void {
  try {
    accessSync(pins, constants.R_OK | constants.X_OK);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw absent(pins);
    throw new EncapError(`cannot read the datapath: ${pins} is for root`, {
      code: 'PERMISSION',
      why: 'this process is not root',
      hint: 'run it again with sudo',
      cause,
    });
  }
}

function absent(pins: string): EncapError {
  return new EncapError('cannot read the datapath: there is none on this node', {
    code: 'DATAPATH_ABSENT',
    why: `nothing is pinned in ${pins}`,
    hint: 'start it: sudo encap run -f PATH',
  });
}
