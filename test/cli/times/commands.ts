import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { median, quantile } from 'simple-statistics';
import { nodeEnvironment } from '../../../src/lab/agent.js';
import { inside } from '../../../src/lab/namespace.js';
import { namespaceOf } from '../../../src/lab/state.js';
import { cleanEnvironment, main, root } from '../encap.js';

/** A command whose time somebody waits for. */
export interface TimedCommand {
  readonly name: string;
  readonly words: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Its median is to be below this on a machine at rest. */
  readonly goalMs?: number;
}

/** Milliseconds of a command, from its start to its end. */
export interface Times {
  readonly command: TimedCommand;
  readonly median: number;
  readonly quartiles: readonly [number, number];
  readonly fastest: number;
}

/** What of a command's time is not ours. */
export const nodeAlone: TimedCommand = {
  name: 'node, doing nothing',
  words: [process.execPath, '-e', '0'],
};

/** Those that need neither root nor a datapath; `encap`: the file that is run. */
export function plainCommands(encap = main): readonly TimedCommand[] {
  const explain = ['explain', '10.244.3.9', '-f', join(root, 'examples/crosssubnet')];
  return [
    { name: 'encap --help', words: [process.execPath, encap, '--help'], goalMs: 120 },
    {
      name: 'encap explain',
      words: [process.execPath, encap, ...explain, '--node', 'node-a'],
      goalMs: 250,
    },
  ];
}

/** `encap status` on a node of a lab. */
export function statusOf(lab: string, node: string, encap = main): TimedCommand {
  return {
    name: 'encap status',
    words: inside(namespaceOf(lab, node), [process.execPath, encap, 'status']),
    env: nodeEnvironment(lab, node),
    goalMs: 200,
  };
}

/** Runs each command once in each round, after one that is not counted: a machine that slows down slows all of them. */
export function timesOf(commands: readonly TimedCommand[], rounds: number): readonly Times[] {
  const taken = commands.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1)
    for (const [place, command] of commands.entries()) {
      const ms = timeOf(command);
      if (round > 0) taken[place]?.push(ms);
    }
  return commands.map((command, place) => {
    const all = taken[place] ?? [];
    return {
      command,
      median: median(all),
      quartiles: [quantile(all, 0.25), quantile(all, 0.75)],
      fastest: Math.min(...all),
    };
  });
}

function timeOf({ name, words: [file, ...args], env = {} }: TimedCommand): number {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(file, args, {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
  return ms;
}
