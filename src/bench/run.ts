import type { Bed, MakeBed } from './bed.js';
import type { Measured } from './generators/iperf3.js';
import { loads, type Load, type LoadName } from './load.js';
import type { Values } from './metric.js';
import type { BenchRun, Sample } from './result.js';
import { scheduleOf, type Turn } from './schedule.js';

/** What is to be measured, and how. */
export interface Plan {
  readonly underlays: readonly string[];
  readonly loads: readonly LoadName[];
  readonly variants: readonly string[];
  /** Of netfilter on the nodes. */
  readonly rules: string;
  /** What the others are divided by; measured twice in each round, so that the noise is seen. */
  readonly base: string;
  readonly rounds: number;
  /** Of each measurement. */
  readonly seconds: number;
  readonly seed: number;
  /** Whether what this machine does not have is left out, or is an error. */
  readonly absence: 'is named' | 'is an error';
}

/** What is told while it runs. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly turn: Turn;
  readonly values: Values;
  readonly secondsLeft: number;
}

export interface RunOptions {
  readonly command: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly onStep?: (sentence: string) => void;
  readonly onProgress?: (progress: Progress) => void;
}

/** What a second measurement of the base is called. */
export function controlOf(base: string): string {
  return `${base} again`;
}

/**
 * Measures every path of a bed in turn, round by round, and takes the bed down. Interrupted, it gives what it has,
 * incomplete; undefined where that was before there was anything to measure.
 */
export async function run(
  plan: Plan,
  makeBed: MakeBed,
  options: RunOptions,
): Promise<BenchRun | undefined> {
  const { signal, onStep = () => undefined } = options;
  const startedAt = new Date().toISOString();
  await using bed = await unlessAborted(signal, makeBed(plan, { signal, onStep }));
  if (bed === undefined) return undefined;
  const absent = bed.absent.flatMap((one) => ('load' in one ? [one.load] : []));
  const { underlays, base, rounds, seconds } = plan;
  const measured = {
    underlays: [...underlays],
    loads: plan.loads.filter((name) => !absent.includes(name)),
    variants: [...bed.paths.keys(), controlOf(base)],
    ...{ base, rules: plan.rules, rounds, seconds },
  };
  const samples = await measure(measured, plan.seed, bed, options);
  const programs = await bed.costs((which) => once(bed, which, seconds, signal));
  return {
    apiVersion: 'encap/v1',
    kind: 'BenchRun',
    startedAt,
    endedAt: new Date().toISOString(),
    complete: signal?.aborted !== true,
    command: [...options.command],
    seed: plan.seed,
    ...bed.facts,
    versions: { ...options.versions, ...bed.facts.versions },
    plan: measured,
    absent: [...bed.absent],
    samples: [...samples],
    programs: [...programs],
  };
}

async function measure(
  plan: BenchRun['plan'],
  seed: number,
  bed: Bed,
  { signal, onProgress = () => undefined }: RunOptions,
): Promise<readonly Sample[]> {
  const turns = scheduleOf(plan, plan.rounds, seed);
  const samples: Sample[] = [];
  const began = Date.now();
  for (const [done, turn] of turns.entries()) {
    if (signal?.aborted === true) break;
    const variant = turn.variant === controlOf(plan.base) ? plan.base : turn.variant;
    const values = await once(bed, { ...turn, variant }, plan.seconds, signal);
    if (values === undefined) break;
    samples.push({ ...turn, values });
    const secondsLeft = ((Date.now() - began) / (done + 1) / 1000) * (turns.length - done - 1);
    onProgress({ done: done + 1, total: turns.length, turn, values, secondsLeft });
  }
  return samples;
}

/** One measurement; undefined when it was interrupted. */
async function once(
  bed: Bed,
  { underlay, load, variant }: Omit<Turn, 'round'>,
  seconds: number,
  signal: AbortSignal | undefined,
): Promise<Values | undefined> {
  const path = bed.paths.get(variant);
  if (path === undefined) throw new Error(`no path of ${variant}`);
  const measured = async (): Promise<Values> => {
    await bed.lay(variant, underlay);
    const { prepare, run }: Load = loads[load as LoadName];
    await prepare?.(path, signal);
    const before = await bed.busySeconds();
    const result = await run(path, seconds, signal);
    return { ...result.values, ...cpuOf(result, (await bed.busySeconds()) - before) };
  };
  return unlessAborted(signal, measured());
}

/** Ctrl-C ends every command that runs: what fails then is no failure. */
async function unlessAborted<T>(
  signal: AbortSignal | undefined,
  work: Promise<T>,
): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (signal?.aborted === true) return undefined;
    throw error;
  }
}

/** CPU time of the whole machine, divided by what was received meanwhile. */
function cpuOf({ bytes, packets }: Measured, seconds: number): Values {
  return {
    ...(bytes === undefined ? {} : { cpuPerGigabyte: seconds / (bytes / 1e9) }),
    ...(packets === undefined ? {} : { cpuPerPacket: seconds / packets }),
  };
}
