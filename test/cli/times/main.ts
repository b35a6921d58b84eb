import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { down } from '../../../src/lab/down.js';
import { up } from '../../../src/lab/up.js';
import { main } from '../encap.js';
import {
  nodeAlone,
  plainCommands,
  statusOf,
  type TimedCommand,
  type Times,
  timesOf,
} from './commands.js';
import { packagedCommand } from './package.js';

// `npm run bench:cli`: what one waits for the commands that people type most, on a machine at rest: as they are in a
// package, where modules are bundled, and as they are in a checkout. As root, for `encap status` is measured on a node of
// a lab.

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '21' } } });
const lab = `times-${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), 'encap-times-'));
try {
  const packaged = await packagedCommand(join(folder, 'tree'));
  await up('two', { name: lab });
  try {
    const subjects = [
      ...commandsOf(packaged),
      ...commandsOf(main).map((one) => ({ ...one, name: `${one.name}, checkout` })),
    ];
    print(timesOf([nodeAlone, ...subjects], Number(values.rounds)));
  } finally {
    await down(lab);
  }
} finally {
  rmSync(folder, { recursive: true });
}

function print(times: readonly Times[]): void {
  console.log('| command | median | quartiles | goal |\n| --- | --- | --- | --- |');
  for (const { command, median, quartiles, fastest } of times)
    console.log(
      `| ${command.name} | ${ms(median)} | ${quartiles.map(ms).join(' to ')}, at best ${ms(fastest)} | ${command.goalMs === undefined ? '-' : `< ${ms(command.goalMs)}`} |`,
    );
}

function commandsOf(encap: string): readonly TimedCommand[] {
  return [...plainCommands(encap), statusOf(lab, 'node-a', encap)];
}

function ms(number: number): string {
  return `${Math.round(number)} ms`;
}
