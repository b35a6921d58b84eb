import type { Command } from 'commander';
import { createInterface } from 'node:readline/promises';
import { EncapError } from '../errors.js';
import { changesView } from './changes.js';
import { examplesOf } from './examples.js';
import { print } from './output.js';
import { note, type Session, sessionOf } from './session.js';

interface DownOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly restoreKernelTunnels?: boolean;
}

/** `encap down`: the node as it was before the first `encap run`. */
export function define(command: Command): void {
  command
    .option(
      '--restore-kernel-tunnels',
      'first make vxlan.calico, vxlan-v6.calico and tunl0 whole again, so that they carry',
    )
    .option('--dry-run', 'print what would be removed, remove nothing')
    .option('--yes', 'do not ask');
  examplesOf(command, [
    ['sudo encap down', 'asks on a terminal, then removes and checks'],
    ['sudo encap down --dry-run', 'what is there of encap on this node?'],
    [
      'sudo encap down --restore-kernel-tunnels',
      'back to Calico’s own devices, without a lost packet',
    ],
  ]).action(async (options: DownOptions) => {
    const { dryRun = false, yes = false, restoreKernelTunnels = false } = options;
    const session = sessionOf(command);
    const [{ down }, { foldersOf }] = await Promise.all([
      import('../agent/down.js'),
      import('../datapath/folders.js'),
    ]);
    const folders = foldersOf(session.env);
    if (!dryRun && !yes && process.stdin.isTTY) {
      const found = await down({ folders, dryRun: true, restoreKernelTunnels });
      const removed = found.filter(({ action }) => action === 'remove').length;
      const question = restoreKernelTunnels
        ? 'Calico’s own tunnel devices carry the overlay'
        : 'Traffic of the overlay stops, unless Calico’s own tunnel devices carry it';
      if (removed > 0 && !(await agreed(session, question, removed))) {
        throw new EncapError('cannot go down: the answer was no', {
          code: 'USAGE',
          hint: 'see what would go: encap down --dry-run',
        });
      }
    }
    const changes = await down({ folders, dryRun, restoreKernelTunnels });
    await print(session, changesView(undefined, changes, dryRun));
    if (!dryRun) note(session, 'nothing of encap is left on this node (checked)');
  });
}

async function agreed({ env, format }: Session, outcome: string, count: number): Promise<boolean> {
  if (env.CI === 'true' || env.ENCAP_YES === '1' || format === 'json') return true;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(
      `${outcome}: ${count} things of encap go from this node. Go on? [y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
