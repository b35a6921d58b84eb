import test, { type ExecutionContext } from 'ava';
import { skips } from '../support/needs.js';
import type { PoolModes } from '../support/network/cluster.js';
import { Network, obstacle } from '../support/network/network.js';
import { VoidSample } from './load.js';
import { logRepetitions, repetitionsOf, type FaultId } from '../support/repetitions.js';

const cannot = obstacle();

/** How often a test is tried on a machine that loses packets by itself. */
const attempts = 3;

export interface FaultTest {
  /** In docs/faults.md. */
  readonly id: FaultId;
  /** What a user may rely on. */
  readonly title: string;
  readonly modes?: PoolModes;
  /** Commands that it needs, beside python3. */
  readonly tools?: readonly string[];
  /** Why it can't be asked here. */
  readonly unless?: string | undefined;
  /** How often, of a test beside the one that the table counts. */
  readonly times?: number;
  readonly limitMs?: number;
}

/** A test under load, with two nodes of its own; `times`: how often the fault is to be injected. */
export function faultTest(
  { id, title, modes, tools = [], unless, times, limitMs }: FaultTest,
  body: (t: ExecutionContext, network: Network, times: number) => Promise<void>,
): void {
  test.serial(`${id} ${title}`, async (t) => {
    const obstacle = cannot ?? unless;
    if (obstacle !== undefined) {
      t.log(`skipped: ${obstacle}`);
      t.pass();
      return;
    }
    if (skips(t, 'python3', ...tools)) return;
    if (limitMs !== undefined) t.timeout(limitMs);
    for (let attempt = 1; ; attempt += 1) {
      await using network = modes === undefined ? new Network() : new Network(modes);
      try {
        await body(t, network, times ?? repetitionsOf(id));
        if (times === undefined) logRepetitions(t, id, repetitionsOf(id));
        return;
      } catch (failure) {
        if (!(failure instanceof VoidSample) || attempt === attempts) throw failure;
        t.log(`void sample, once more: ${failure.message}`);
      }
    }
  });
}
