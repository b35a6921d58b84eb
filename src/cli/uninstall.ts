import type { Command } from 'commander';
import { examplesOf } from './examples.js';
import { print } from './output.js';
import { note, sessionOf } from './session.js';
import { stepsView } from './steps.js';

interface UninstallFlags {
  readonly root: string;
  readonly dryRun?: boolean;
}

/** `encap uninstall`: what `encap install` wrote goes, unless somebody changed it or traffic needs it. */
export function define(command: Command): void {
  command
    .option('--root <folder>', 'the same as for encap install', '/')
    .option('--dry-run', 'print what would be removed, remove nothing');
  examplesOf(command, [
    ['sudo encap uninstall --dry-run', 'what would be removed?'],
    ['sudo encap uninstall', 'after: systemctl disable --now encap, and encap down'],
  ]).action(async ({ root, dryRun = false }: UninstallFlags) => {
    const session = sessionOf(command);
    const [{ uninstall }, { Ground }, { foldersOf }] = await Promise.all([
      import('../install/uninstall.js'),
      import('../install/ground.js'),
      import('../datapath/folders.js'),
    ]);
    const ground = await Ground.below(root);
    const { tree, steps } = uninstall({ ground, pins: foldersOf(session.env).pins, dryRun });
    await print(session, stepsView('UninstallReport', steps, dryRun));
    if (!dryRun) note(session, `what was unpacked is yours to remove: rm -r ${ground.at(tree)}`);
  });
}
