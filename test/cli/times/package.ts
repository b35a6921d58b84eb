import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../encap.js';

/** Makes the folder that packages are made from, which is not there yet, and gives back its command. */
export async function packagedCommand(folder: string): Promise<string> {
  const tree = createRequire(import.meta.url)(join(root, 'scripts/package/tree.cjs')) as {
    readonly makeTree: (root: string, tree: string) => Promise<void>;
  };
  await tree.makeTree(root, folder);
  return join(folder, 'bin/encap');
}
