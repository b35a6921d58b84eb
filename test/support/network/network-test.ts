import test, { type ExecutionContext } from 'ava';
import { skips } from '../needs.js';
import { Network, obstacle } from './network.js';

const cannot = obstacle();

export type NetworkTestBody = (t: ExecutionContext, network: Network) => Promise<void> | void;

/** A test with two nodes, by itself; says what the machine lacks of what it and `tools` need. */
export function networkTest(
  title: string,
  body: NetworkTestBody,
  ...tools: readonly string[]
): void {
  test.serial(title, async (t) => {
    if (cannot !== undefined) {
      t.log(`skipped: ${cannot}`);
      t.pass();
      return;
    }
    if (skips(t, ...tools)) return;
    await using network = new Network();
    await body(t, network);
  });
}
