import type { ExecutionContext } from 'ava';
import { inForce, repaired } from '../support/network/in-force.js';
import type { Network } from '../support/network/network.js';
import { within } from '../support/slowness.js';
import type { Sums } from './load.js';

/** The slowest repair so far, in milliseconds. */
export interface Slowest {
  ms: number;
}

/**
 * How long a repair may take as it is seen from here, in milliseconds: a second, and what four looks at the node take, which
 * under load is no little and none of the agent's.
 */
export function limitOf(network: Network): number {
  const began = performance.now();
  inForce(network);
  return within(1000) + 4 * (performance.now() - began);
}

/** Node-a is as it should be again, within a second. */
export async function mends(
  t: ExecutionContext,
  network: Network,
  wanted: string,
  slowest: Slowest,
): Promise<void> {
  const ms = await repaired(network, wanted);
  slowest.ms = Math.max(slowest.ms, ms);
  t.true(ms < limitOf(network), `after ${ms} ms:\n${inForce(network)}\nwanted:\n${wanted}`);
}

/** What a fault may cost is packets, and nothing else: none in clear, none to the wrong one, no connection. */
export function harms(sums: Sums): Readonly<Record<string, number>> {
  const { wire, misdelivered, duplicated, tcp } = sums;
  const of = (what: 'resets' | 'wrong'): number =>
    Object.values(tcp).reduce((sum, kind) => sum + kind[what], 0);
  const counts = {
    // What was addressed to no machine is read by none; programs that somebody took off can't keep it.
    clear: wire.clear - wire.toNobody,
    mispaired: wire.mispaired,
    misdelivered,
    duplicated,
    resets: of('resets'),
    wrong: of('wrong'),
  };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}
