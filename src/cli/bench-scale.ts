import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scaleMarkdown } from '../bench/scale/report.js';
import { runScale, usualScale } from '../bench/scale/run.js';
import { scaleName } from '../bench/suite.js';
import type { RunOptions } from './bench.js';
import { scaleText } from './bench-report.js';
import { outFolder, refuse, untilInterrupted } from './bench-run.js';
import { scaleSubject } from './bench-scale-subject.js';
import { print } from './output.js';
import { note, type Session } from './session.js';
import { ownVersion } from './version.js';

/** `encap bench run scale`. */
export async function run(session: Session, options: RunOptions): Promise<void> {
  refuse(options, ['variants', 'underlays', 'loads', 'base', 'seconds', 'seed'], scaleName);
  const out = outFolder(options);
  const result = await runScale(
    scaleSubject(),
    {
      blocks: options.blocks ?? usualScale.blocks,
      rounds: options.rounds ?? usualScale.rounds,
      changes: usualScale.changes,
    },
    {
      command: ['encap', ...process.argv.slice(2)],
      versions: { encap: await ownVersion(), node: process.versions.node },
      signal: untilInterrupted(),
      onStep: (sentence) => note(session, `${session.notePaint.green('✔')} ${sentence}`),
    },
  );
  writeFileSync(join(out, 'run.json'), `${JSON.stringify(result)}\n`);
  writeFileSync(join(out, 'run.md'), scaleMarkdown(result));
  await print(session, { document: result, text: () => scaleText(session, result) });
  note(session, `${out}: run.json, run.md written`);
  if (!result.complete) process.exitCode = 130;
}
