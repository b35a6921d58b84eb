import { setTimeout as sleep } from 'node:timers/promises';

export interface ChurnOptions {
  /** How many batches of changes there are in all, and in a second. */
  readonly batches: number;
  readonly perSecond: number;
  /** Makes a batch of changes; ends when the datastore has them. */
  readonly change: (batch: number) => Promise<void>;
  /** The last block of a batch. */
  readonly last: (batch: number) => string;
  /** The index of the peer that the map has for a block. */
  readonly peerOf: (cidr: string) => number | undefined;
}

/** All in milliseconds. */
export interface Churn {
  /** For each batch, from when the datastore had it to when the map had its last block. */
  readonly delays: readonly number[];
  /** Between one look at the map and the next. */
  readonly looks: readonly number[];
  readonly tookMs: number;
}

/** A block that was moved, and is looked at until the map has it. */
interface Probe {
  readonly cidr: string;
  /** The peer that it had. */
  readonly there: number | undefined;
  readonly putMs: number;
}

const lookMs = 5;
const longestMs = 60_000;

/**
 * Makes changes at a steady rate whether the map follows or not. Of those that the map does not have yet, the oldest alone
 * is looked at: more would take the machine from what is measured.
 */
export async function churn(options: ChurnOptions): Promise<Churn> {
  const { batches, perSecond, change, peerOf, last } = options;
  const delays: number[] = [];
  const looks: number[] = [];
  const awaited: Probe[] = [];
  const began = performance.now();
  const write = async (): Promise<number> => {
    for (let batch = 0; batch < batches; batch += 1) {
      const cidr = last(batch);
      const there = peerOf(cidr);
      await change(batch);
      awaited.push({ cidr, there, putMs: performance.now() });
      await sleep(Math.max(0, began + ((batch + 1) * 1000) / perSecond - performance.now()));
    }
    return performance.now() - began;
  };
  const look = async (): Promise<void> => {
    let before = performance.now();
    while (delays.length < batches) {
      await sleep(lookMs);
      const now = performance.now();
      looks.push(now - before);
      before = now;
      let [oldest] = awaited;
      while (oldest !== undefined && peerOf(oldest.cidr) !== oldest.there) {
        delays.push(now - oldest.putMs);
        awaited.shift();
        [oldest] = awaited;
      }
      if (oldest !== undefined && now - oldest.putMs > longestMs)
        throw new Error(`the map does not get ${oldest.cidr}`);
    }
  };
  const [tookMs] = await Promise.all([write(), look()]);
  return { delays, looks, tookMs };
}
