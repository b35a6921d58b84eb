import { EncapError } from '../../errors.js';
import { checkRoot } from '../../lab/up.js';
import { machineAt } from '../machine.js';
import { here } from '../place.js';
import { measureAgent, type Changes } from './agent.js';
import { measureMaps } from './maps.js';
import type { ScaleMetric } from './metric.js';
import type { BenchScale } from './result.js';
import type { ScaleSubject } from './subject.js';

export interface ScalePlan {
  readonly blocks: readonly number[];
  readonly rounds: number;
  /** In each round. */
  readonly changes: Changes;
}

export interface ScaleOptions {
  readonly command: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly onStep?: (sentence: string) => void;
}

/** What the suite does when nothing else is said. */
export const usualScale: ScalePlan = {
  blocks: [1000, 10_000, 100_000, 1_000_000],
  rounds: 5,
  changes: { count: 20, longestMs: 60_000 },
};

/** All sizes in each round, so that what the machine does meanwhile meets all of them. What fails is named. */
export async function runScale(
  subject: ScaleSubject,
  { blocks: sizes, rounds, changes }: ScalePlan,
  { command, versions, signal, onStep = () => undefined }: ScaleOptions,
): Promise<BenchScale> {
  const startedAt = new Date().toISOString();
  checkRoot('encap bench run scale');
  const samples: BenchScale['samples'] = [];
  const absent: BenchScale['absent'] = [];
  const measures = {
    maps: async (blocks: number) => Promise.resolve([...measureMaps(subject, blocks)]),
    agent: async (blocks: number) => [...(await measureAgent(subject, blocks, changes, signal))],
  } satisfies Record<string, (blocks: number) => Promise<(readonly [ScaleMetric, number])[]>>;
  for (let round = 0; round < rounds; round += 1)
    for (const blocks of sizes)
      for (const [what, measure] of Object.entries(measures)) {
        if (signal?.aborted === true) break;
        // what could not be done once is not tried again for minutes
        if (absent.some((one) => one.blocks === blocks && one.what === what)) continue;
        try {
          for (const [metric, value] of await measure(blocks))
            samples.push({ round, blocks, metric, value });
          onStep(`round ${round + 1}/${rounds}: ${what}, ${blocks} blocks`);
        } catch (error) {
          if (!(error instanceof EncapError) || error.code !== 'LAB_FAILED') throw error;
          absent.push({ blocks, what, why: [error.message, error.why].join(': ') });
        }
      }
  return {
    ...{ apiVersion: 'encap/v1', kind: 'BenchScale', startedAt },
    endedAt: new Date().toISOString(),
    complete: signal?.aborted !== true,
    command: [...command],
    machine: await machineAt(here),
    versions: { ...versions },
    plan: { blocks: [...sizes], rounds },
    absent,
    samples,
  };
}
