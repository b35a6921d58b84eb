import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { enableStatistics, Program } from 'libbpf-ts';
import { pinFolder, type Lab } from '../lab/state.js';
import type { ProgramCost } from './result.js';

type Cost = Pick<ProgramCost, 'node' | 'program' | 'runs' | 'nanosecondsPerRun'>;

/**
 * What each of our programs costs while something runs, in nanoseconds of each run, as the kernel counts it
 * (BPF_ENABLE_STATS). Counting itself takes some 20 to 60 ns of a run, and slows what is measured: never at the same
 * time as a sample.
 */
export async function costsDuring(lab: Lab, run: () => Promise<unknown>): Promise<readonly Cost[]> {
  using _counting = enableStatistics();
  const before = countsOf(lab);
  await run();
  const after = countsOf(lab);
  return [...after].flatMap(([key, { node, program, runs, nanoseconds }]) => {
    const earlier = before.get(key) ?? { runs: 0n, nanoseconds: 0n };
    const times = Number(runs - earlier.runs);
    if (times === 0) return [];
    const nanosecondsPerRun = Number(nanoseconds - earlier.nanoseconds) / times;
    return [{ node, program, runs: times, nanosecondsPerRun }];
  });
}

interface Counted {
  readonly node: string;
  readonly program: string;
  readonly runs: bigint;
  readonly nanoseconds: bigint;
}

/** By where they are pinned. */
function countsOf(lab: Lab): ReadonlyMap<string, Counted> {
  const pinned = lab.nodes.flatMap(({ name: node }) =>
    readdirSync(pinFolder(lab.name, node), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.parentPath.includes('/programs/'))
      .map((entry) => ({ node, path: join(entry.parentPath, entry.name), program: entry.name })),
  );
  return new Map(
    pinned.map(({ node, path, program }) => {
      using opened = Program.open(path);
      const { runCount: runs, runTimeNs: nanoseconds } = opened.info;
      return [path, { node, program, runs, nanoseconds }];
    }),
  );
}
