import { execa } from 'execa';
import { EncapError } from '../../errors.js';
import { endpoint } from '../endpoint.js';
import { inside, runInside } from '../namespace.js';
import { untilSaid } from '../said.js';
import type { Lab } from '../state.js';

/** Two carriers compared: one number for each round, taken in turn. */
export interface Comparison {
  readonly rounds: readonly Round[];
  /** ours / theirs, each of one round. */
  readonly ratio: Spread;
  readonly ours: Spread;
  readonly theirs: Spread;
}

interface Round {
  readonly ours: number;
  readonly theirs: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/**
 * One TCP stream between the same two workloads of two labs, in rounds; who goes first changes from
 * round to round, so that a machine that slows down slows both.
 */
export async function compare(
  ours: Lab,
  theirs: Lab,
  [client, server]: readonly [string, string],
  rounds: number,
): Promise<Comparison> {
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round % 2 === 0) {
      const first = await gigabits(ours, client, server);
      measured.push({ ours: first, theirs: await gigabits(theirs, client, server) });
    } else {
      const first = await gigabits(theirs, client, server);
      measured.push({ ours: await gigabits(ours, client, server), theirs: first });
    }
  }
  return {
    rounds: measured,
    ratio: spread(measured.map((round) => round.ours / round.theirs)),
    ours: spread(measured.map((round) => round.ours)),
    theirs: spread(measured.map((round) => round.theirs)),
  };
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return { median: (low + high) / 2, min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}

/** One second of TCP, as the receiver counted it. */
async function gigabits(lab: Lab, client: string, server: string): Promise<number> {
  const [from, to] = [endpoint(lab, client), endpoint(lab, server)];
  const [file, ...args] = inside(to.namespace, ['iperf3', '-s', '-1', '--forceflush']);
  const serving = execa(file, args, { reject: false, timeout: 15_000 });
  await untilSaid(serving.stdout, 'listening');
  const { stdout, failed } = await runInside(
    from.namespace,
    ['iperf3', '-c', to.address, '-t', '1', '-J', '--connect-timeout', '3000'],
    { timeoutMs: 15_000 },
  );
  if (failed) serving.kill();
  await serving;
  const report = JSON.parse(stdout) as Report;
  const bits = report.end?.sum_received?.bits_per_second;
  if (bits === undefined)
    throw new EncapError(`cannot measure ${client} to ${server}: ${report.error ?? 'no result'}`, {
      code: 'LAB_FAILED',
      hint: `encap lab exec ${client} -- ping ${to.address}`,
    });
  return bits / 1e9;
}

/** The part of `iperf3 -J` that we read. */
interface Report {
  readonly error?: string;
  readonly end?: { readonly sum_received?: { readonly bits_per_second: number } };
}
