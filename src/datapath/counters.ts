import { decode, type Codec } from 'libbpf-ts';
import type { Round } from './datapath.js';
import { firstPeer } from './entry.js';
import { peerTraffic } from './abi.js';
import { entriesOf, type ProgramName } from './load.js';
import { mapNames, type MapName, type RawMap } from './maps.js';
import { readVerdicts, type PeerTraffic, type VerdictCount } from './traffic.js';

/** What the kernel counted since the maps were made, of the datapath that a round left in force. */
export interface Counters {
  readonly verdicts: readonly VerdictCount[];
  /** By the names that peers have in the tables: `ipv4/node-b`. */
  readonly peers: ReadonlyMap<string, PeerTraffic>;
  /** Entries that each map has room for. */
  readonly capacities: ReadonlyMap<MapName, number>;
  readonly programs: ReadonlyMap<ProgramName, ProgramRuns>;
}

/** Counted while the kernel counts (sysctl kernel.bpf_stats_enabled), else 0. */
export interface ProgramRuns {
  readonly count: bigint;
  readonly ns: bigint;
}

export type Counted = Pick<Round, 'loaded' | 'image'>;

/** Reads counters alone, no table: it costs the same for any number of blocks. */
export function readCounters({ loaded, image }: Counted, peers: 'by peer' | 'in sum'): Counters {
  const { maps, programs, verdicts } = loaded;
  const names = image.names.peers;
  return {
    verdicts: readVerdicts(maps.verdicts, verdicts),
    peers: peers === 'in sum' ? new Map() : readPeers(maps.peer_traffic, names),
    capacities: new Map(mapNames.map((name) => [name, maps[name].info.maxEntries])),
    programs: new Map(
      entriesOf(programs).map(([name, { info }]) => [
        name,
        { count: info.runCount, ns: info.runTimeNs },
      ]),
    ),
  };
}

/** All places at once, for a call for each would be what a reading costs. */
function readPeers(
  map: RawMap,
  names: ReadonlyMap<string, number>,
): ReadonlyMap<string, PeerTraffic> {
  const byIndex = new Map<number, PeerTraffic>();
  const used = new Set(names.values());
  for (const { keys, values, count } of map.readBatches()) {
    const numbers = new Uint32Array(keys.slice().buffer, 0, count);
    const stride = values.length / count;
    numbers.forEach((index, place) => {
      if (index >= firstPeer && used.has(index))
        byIndex.set(
          index,
          summed(peerTraffic, values.subarray(place * stride, (place + 1) * stride)),
        );
    });
  }
  return new Map(
    [...names].flatMap(([name, index]) => {
      const traffic = byIndex.get(index);
      return traffic === undefined ? [] : [[name, traffic] as const];
    }),
  );
}

/** The values of all CPUs added up, of a type whose members all are 64-bit counters. */
function summed<Value>(codec: Codec<Value>, cpus: Uint8Array): Value {
  const counters = new BigUint64Array(cpus.slice().buffer);
  const sum = new BigUint64Array(codec.size / BigUint64Array.BYTES_PER_ELEMENT);
  counters.forEach((counted, place) => {
    sum[place % sum.length] = (sum[place % sum.length] ?? 0n) + counted;
  });
  return decode(codec, new Uint8Array(sum.buffer));
}
