import type { Round } from '../datapath/datapath.js';
import type { Desired } from '../model/desired.js';
import type { Reading, Source } from '../sources/source.js';

/** What a round goes through, in order; single blocks that changed may be all of it. */
export const stages = ['decide', 'blocks', 'datapath'] as const;

export type Stage = (typeof stages)[number];

/** How a round went; `stage`: how far it came. */
export interface Outcome {
  readonly stage: Stage;
  readonly tookMs: number;
  readonly hasFailed: boolean;
}

/** How many there are in what this node's kernel should be in. */
export type Counts = Readonly<Record<'pools' | 'blocks' | 'peers', number>>;

/** What a source was last heard of. */
export interface Heard {
  readonly name: string;
  /** Its last reading was a whole world, and it can be followed. */
  readonly isUp: boolean;
  /** Why it can't be followed, as it says itself. */
  readonly why: readonly string[];
  /** Wall clock, milliseconds; undefined: nothing came yet. */
  readonly lastMs: number | undefined;
}

/** Why nothing is heard of a source. */
export function silence({ name, why }: Heard): readonly string[] {
  return why.length === 0 ? [`${name} gave no whole world`] : why;
}

/** What an agent knows of itself while it runs: what metrics, health and the service manager are told. */
export class Vitals {
  readonly errors: Record<Stage, number> = { decide: 0, blocks: 0, datapath: 0 };
  #round: Round | undefined;
  #counts: Counts | undefined;
  #failure: string | undefined;
  #unwritten: string | undefined;
  #heard: Heard = { name: '', isUp: false, why: [], lastMs: undefined };
  #stage: Stage = 'decide';
  readonly #listeners = new Set<(outcome: Outcome) => void>();

  /** The last round that went through whole; undefined: none did. */
  get round(): Round | undefined {
    return this.#round;
  }

  get counts(): Counts | undefined {
    return this.#counts;
  }

  /** Why the last round failed; undefined: it did not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Why the state file could not be written; undefined: it could. */
  get unwritten(): string | undefined {
    return this.#unwritten;
  }

  get source(): Heard {
    return this.#heard;
  }

  /** Calls back after each round that had something to do. */
  onRound(listener: (outcome: Outcome) => void): void {
    this.#listeners.add(listener);
  }

  /** The same source, with an ear on what it says. */
  listeningTo(source: Source): Source {
    this.#heard = { ...this.#heard, name: source.name };
    return {
      ...source,
      inventories: (signal) => this.#readings(source, signal),
    };
  }

  /** Runs a round; `enter` names each stage as it begins. */
  run<Result>(round: (enter: (stage: Stage) => void) => Result): Result {
    const beganMs = performance.now();
    const enter = (stage: Stage): void => {
      this.#stage = stage;
    };
    enter('decide');
    const tell = (hasFailed: boolean): void => {
      // Before the first world there is nothing to do.
      if (this.#stage === 'decide' && !hasFailed) return;
      const tookMs = performance.now() - beganMs;
      for (const listener of this.#listeners) listener({ stage: this.#stage, tookMs, hasFailed });
    };
    try {
      const result = round(enter);
      if (this.#stage !== 'decide') this.#failure = undefined;
      tell(false);
      return result;
    } catch (failure) {
      this.#failure = failure instanceof Error ? failure.message : String(failure);
      this.errors[this.#stage] += 1;
      tell(true);
      throw failure;
    }
  }

  decided({ pools, blocks, peers }: Pick<Desired, 'pools' | 'blocks' | 'peers'>): void {
    this.#counts = { pools: pools.size, blocks: blocks.size, peers: peers.size };
  }

  done(round: Round, unwritten: string | undefined): void {
    this.#round = round;
    this.#unwritten = unwritten;
  }

  async *#readings(source: Source, signal: AbortSignal): AsyncGenerator<Reading> {
    for await (const reading of source.inventories(signal)) {
      const why = (reading.faults ?? []).map(({ message }) => message);
      this.#heard = {
        name: source.name,
        isUp: reading.inventory !== undefined && why.length === 0,
        why,
        lastMs: why.length === 0 ? Date.now() : this.#heard.lastMs,
      };
      yield reading;
    }
  }
}
