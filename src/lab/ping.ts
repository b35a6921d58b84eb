import { runInside } from './namespace.js';
import { workloadsOf, type Endpoint } from './endpoint.js';
import { findLab } from './state.js';
import { pair, watchWire, type Carriage, type Seen } from './wire.js';

export interface PingOptions {
  readonly name?: string;
  /** Names of workloads; default: all of them. */
  readonly from?: readonly string[];
  readonly to?: readonly string[];
}

/** One echo request from one workload to another, and how it crossed the underlay. */
export interface Pinged {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly reached: boolean;
  /** Round trip. */
  readonly ms?: number;
  /** `local`: both on one node. Absent: nothing of it was seen on the underlay. */
  readonly how?: Carriage | 'local';
}

/** Sends an echo request between every two workloads while the underlay is watched. */
export async function ping({ name, from, to }: PingOptions = {}): Promise<readonly Pinged[]> {
  const lab = findLab(name);
  const workloads = workloadsOf(lab);
  const sources = workloads.filter((workload) => from?.includes(workload.name) ?? true);
  const destinations = workloads.filter((workload) => to?.includes(workload.name) ?? true);
  const { result, seen } = await watchWire(lab, () => pingAll(sources, destinations));
  return result.map((pinged) => ({ ...pinged, ...carriageOf(pinged, seen) }));
}

/** One echo request; undefined when no answer came within a second. */
export async function pingOnce(from: Endpoint, to: Endpoint): Promise<number | undefined> {
  const { stdout } = await runInside(from.namespace, ['ping', '-n', '-c1', '-W1', to.address]);
  const [, ms] = /time=([\d.]+) ms/.exec(stdout) ?? [];
  return ms === undefined ? undefined : Number(ms);
}

/** All sources at once, each through its destinations one by one. */
async function pingAll(
  sources: readonly Endpoint[],
  destinations: readonly Endpoint[],
): Promise<readonly Pinged[]> {
  const rows = await Promise.all(
    sources.map(async (from) => {
      const row: Pinged[] = [];
      for (const to of destinations.filter((other) => other.name !== from.name)) {
        const ms = await pingOnce(from, to);
        row.push({ from, to, reached: ms !== undefined, ...(ms === undefined ? {} : { ms }) });
      }
      return row;
    }),
  );
  return rows.flat();
}

function carriageOf({ from, to }: Pinged, seen: Seen): { how?: Carriage | 'local' } {
  if (from.node === to.node) return { how: 'local' };
  const [how] = seen.get(pair(from.address, to.address)) ?? [];
  return how === undefined ? {} : { how };
}
