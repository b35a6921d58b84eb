import type { Path, Tool } from './generators/generator.js';
import { loads, type LoadName } from './load.js';
import type { Values } from './metric.js';
import type { BenchRun, ProgramCost } from './result.js';
import type { Plan } from './run.js';
import type { Turn } from './schedule.js';

/**
 * What is measured on: networks that we make on this machine, or two machines as they are. Disposed, it leaves nothing
 * of ours there.
 */
export interface Bed extends AsyncDisposable {
  /** What the machines are, and their tools. */
  readonly facts: Pick<BenchRun, 'machine' | 'peer' | 'versions'>;
  /** What was planned and can't be measured here. */
  readonly absent: BenchRun['absent'];
  /** From where to where each variant goes. */
  readonly paths: ReadonlyMap<string, Path>;
  /** Makes the underlay of a variant what its name says. */
  readonly lay: (variant: string, underlay: string) => Promise<void>;
  /** Seconds that the CPUs of all its machines have worked so far. */
  readonly busySeconds: () => Promise<number>;
  /** What each of our programs costs, counted while it is measured once more. */
  readonly costs: (once: Once) => Promise<readonly ProgramCost[]>;
}

/** One measurement; undefined when it was interrupted. */
export type Once = (which: Omit<Turn, 'round'>) => Promise<Values | undefined>;

/** Sets a bed up. Interrupted, it has fewer paths. */
export type MakeBed = (plan: Plan, how: Setup) => Promise<Bed>;

export interface Setup {
  readonly signal: AbortSignal | undefined;
  readonly onStep: (sentence: string) => void;
}

/** What these loads are made with. */
export function toolsOf(names: readonly LoadName[]): readonly Tool[] {
  return [...new Set(names.map((name): Tool => loads[name].tool))];
}
