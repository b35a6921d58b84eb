import type { Command } from 'commander';
import { resolve } from 'node:path';
import type { Step } from '../install/install.js';
import { examplesOf } from './examples.js';
import { print } from './output.js';
import { note, sessionOf } from './session.js';
import { stepsView } from './steps.js';

interface InstallFlags {
  readonly root: string;
  readonly prefix: string;
  readonly dryRun?: boolean;
}

/** `encap install`: the unpacked package becomes a service; it stays where it was unpacked. */
export function define(command: Command): void {
  command
    .option(
      '--root <folder>',
      'install below this folder: an image, or another mounted system',
      '/',
    )
    .option('--prefix <folder>', 'the command becomes <folder>/bin/encap', '/usr/local')
    .option('--dry-run', 'print what would be written, write nothing');
  examplesOf(command, [
    ['sudo /opt/encapd-0.1.0/bin/encap install --dry-run', 'what would be written where?'],
    ['sudo /opt/encapd-0.1.0/bin/encap install', 'or upgrade, or go back: the version is the path'],
    ['encap install --root /mnt/image', 'into the root of an image'],
  ]).action(async ({ root, prefix, dryRun = false }: InstallFlags) => {
    const session = sessionOf(command);
    const [{ install }, { Ground }, { readTree }] = await Promise.all([
      import('../install/install.js'),
      import('../install/ground.js'),
      import('../install/tree.js'),
    ]);
    const ground = await Ground.below(root);
    const steps = install({ ground, tree: readTree(ground), prefix: resolve('/', prefix), dryRun });
    await print(session, stepsView('InstallReport', steps, dryRun));
    if (!dryRun && next(steps) !== '') note(session, `next: ${next(steps)}`);
  });
}

/** What is left to do by hand, so that nothing starts unasked. */
function next(steps: readonly Step[]): string {
  if (steps.some(({ action }) => action === 'replace'))
    return 'systemctl daemon-reload && systemctl restart encap (traffic goes on meanwhile)';
  if (steps.some(({ action }) => action === 'write'))
    return 'resources into /etc/encap/cluster.d, then systemctl daemon-reload && systemctl enable --now encap';
  return '';
}
