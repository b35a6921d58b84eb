import type { Command } from 'commander';
import { createInterface } from 'node:readline/promises';
import { EncapError } from '../errors.js';
import { changesView } from './changes.js';
import { examplesOf } from './examples.js';
import { print } from './output.js';
import { note, type Session, sessionOf } from './session.js';

/** `encap down`: the node as it was before the first `encap run`. */
export function define(command: Command): void {
  command
    .option('--dry-run', 'print what would be removed, remove nothing')
    .option('--yes', 'do not ask');
  examplesOf(command, [
    ['sudo encap down', 'asks on a terminal, then removes and checks'],
    ['sudo encap down --dry-run', 'what is there of encap on this node?'],
  ]).action(async ({ dryRun = false, yes = false }: { dryRun?: boolean; yes?: boolean }) => {
    const session = sessionOf(command);
    const [{ down }, { foldersOf }] = await Promise.all([
      import('../agent/down.js'),
      import('../datapath/folders.js'),
    ]);
    const folders = foldersOf(session.env);
    if (!dryRun && !yes && process.stdin.isTTY) {
      const found = await down({ folders, dryRun: true });
      if (found.length > 0 && !(await agreed(session, found.length))) {
        throw new EncapError('cannot go down: the answer was no', {
          code: 'USAGE',
          hint: 'see what would go: encap down --dry-run',
        });
      }
    }
    const changes = await down({ folders, dryRun });
    await print(session, changesView(undefined, changes, dryRun));
    if (!dryRun) note(session, 'nothing of encap is left on this node (checked)');
  });
}

async function agreed({ env, format }: Session, count: number): Promise<boolean> {
  if (env.CI === 'true' || env.ENCAP_YES === '1' || format === 'json') return true;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(
      `Traffic of the overlay stops: ${count} things of encap go from this node. Go on? [y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
