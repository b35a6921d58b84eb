import { runInside } from './namespace.js';
import { workloadsOf, type Endpoint } from './endpoint.js';
import { findLab } from './state.js';
import { pair, watchWire, type Carriage, type Seen } from './wire.js';

export interface PingOptions {
  readonly name?: string;
  /** Names of workloads; default: all of them. */
  readonly from?: readonly string[];
  readonly to?: readonly string[];
  /** Each workload asks the next one of another node alone: for labs in which all pairs are many. */
  readonly ring?: boolean;
}

/** One echo request from one workload to another, and how it crossed the underlay. */
export interface Pinged {
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** The address of `to` that was asked, and that of `from`. */
  readonly destination: string;
  readonly source: string;
  readonly reached: boolean;
  /** Round trip. */
  readonly ms?: number;
  /** `local`: both on one node. Absent: nothing of it was seen on the underlay. */
  readonly how?: Carriage | 'local';
}

/** Sends an echo request between every two workloads while the underlay is watched. */
export async function ping({ name, from, to, ring = false }: PingOptions = {}): Promise<
  readonly Pinged[]
> {
  const lab = findLab(name);
  const workloads = workloadsOf(lab);
  const sources = workloads.filter((workload) => from?.includes(workload.name) ?? true);
  const destinations = workloads.filter((workload) => to?.includes(workload.name) ?? true);
  const { result, seen } = await watchWire(lab, () =>
    pingAll(sources, ring ? (one) => nextOf(one, workloads) : () => destinations),
  );
  return result.map((pinged) => ({ ...pinged, ...carriageOf(pinged, seen) }));
}

/** One echo request; undefined when no answer came within a second. */
export async function pingOnce(
  from: Endpoint,
  to: Endpoint,
  destination = to.address,
): Promise<number | undefined> {
  const { stdout } = await runInside(from.namespace, ['ping', '-n', '-c1', '-W1', destination]);
  const [, ms] = /time=([\d.]+) ms/.exec(stdout) ?? [];
  return ms === undefined ? undefined : Number(ms);
}

/** The next workload of another node, in the order in which they are written, behind the last the first. */
function nextOf(from: Endpoint, workloads: readonly Endpoint[]): readonly Endpoint[] {
  const own = workloads.findIndex(({ name }) => name === from.name);
  const others = [...workloads.slice(own + 1), ...workloads.slice(0, own)];
  return others.filter(({ node }) => node !== from.node).slice(0, 1);
}

/** Above this all pairs take longer than one wants to wait. */
export const manyPairs = 600;

/** How many pairs `ping` asks in a lab, all to all. */
export function pairsIn(name: string | undefined): number {
  const { length } = workloadsOf(findLab(name));
  return length * (length - 1);
}

/** All sources at once, each through its destinations one by one. */
async function pingAll(
  sources: readonly Endpoint[],
  destinationsOf: (source: Endpoint) => readonly Endpoint[],
): Promise<readonly Pinged[]> {
  const rows = await Promise.all(
    sources.map(async (from) => {
      const row: Pinged[] = [];
      for (const to of destinationsOf(from).filter((other) => other.name !== from.name)) {
        for (const ends of addressesOf(from, to)) {
          const ms = await pingOnce(from, to, ends.destination);
          const reached = ms !== undefined;
          row.push({ from, to, ...ends, reached, ...(ms === undefined ? {} : { ms }) });
        }
      }
      return row;
    }),
  );
  return rows.flat();
}

/** Of each family that both have. */
function addressesOf(
  from: Endpoint,
  to: Endpoint,
): readonly Pick<Pinged, 'source' | 'destination'>[] {
  const both = from.address6 !== undefined && to.address6 !== undefined;
  return [
    { source: from.address, destination: to.address },
    ...(both ? [{ source: from.address6, destination: to.address6 }] : []),
  ];
}

function carriageOf(
  { from, to, source, destination }: Pinged,
  seen: Seen,
): { how?: Carriage | 'local' } {
  if (from.node === to.node) return { how: 'local' };
  const [how] = seen.get(pair(source, destination)) ?? [];
  return how === undefined ? {} : { how };
}
