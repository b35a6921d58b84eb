import { u32 } from 'libbpf-ts';
import { peerTraffic, verdictTraffic } from './abi.js';
import type { RawMap } from './maps.js';

/** Packets, and bytes of the frames as the programs met them. */
export interface Traffic {
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** What one verdict counted in each program, all CPUs together. */
export interface VerdictCount {
  readonly verdict: string;
  readonly kind: 'carried' | 'pass' | 'drop';
  readonly egress: Traffic;
  readonly ingress: Traffic;
}

/** What went to and came from one peer, all CPUs together. */
export interface PeerTraffic {
  readonly encapsulated: Traffic;
  readonly decapsulated: Traffic;
  readonly direct: Traffic;
}

/** Names of the counters by index, as BTF's `enum verdict` has them. */
export type VerdictNames = Readonly<Record<string, string>>;

/** Counters of all verdicts. A new verdict needs nothing here: its name comes with the object. */
export function readVerdicts(verdicts: RawMap, names: VerdictNames): readonly VerdictCount[] {
  const counters = verdicts.typed(u32, verdictTraffic);
  return Array.from({ length: verdicts.info.maxEntries }, (_, index) => {
    const cpus = counters.getPerCpu(index) ?? [];
    const name = names[index] ?? `VERDICT_${index}`;
    return {
      verdict: wordOf(name),
      kind: kindOf(name),
      egress: sum(cpus.map(({ egress }) => egress)),
      ingress: sum(cpus.map(({ ingress }) => ingress)),
    };
  }).slice(1); // UNDECIDED is never counted
}

/** The names in an object's BTF, for the state file: `encap status` has no object to read. */
export function verdictNames(members: ReadonlyMap<string, number>): VerdictNames {
  return Object.fromEntries([...members].map(([name, index]) => [index, name]));
}

/** A verdict as people read it: DROP_NO_BLOCK is no_block. */
export function wordOf(name: string): string {
  return name.toLowerCase().replace(/^(pass|drop)_/, '');
}

/** Counters of one place in `peers`. */
export function readPeerTraffic(map: RawMap, index: number): PeerTraffic {
  const cpus = map.typed(u32, peerTraffic).getPerCpu(index) ?? [];
  return {
    encapsulated: sum(cpus.map(({ encapsulated }) => encapsulated)),
    decapsulated: sum(cpus.map(({ decapsulated }) => decapsulated)),
    direct: sum(cpus.map(({ direct }) => direct)),
  };
}

function kindOf(name: string): VerdictCount['kind'] {
  if (name.startsWith('DROP_') || name.startsWith('ANSWERED_')) return 'drop';
  return name.startsWith('PASS_') ? 'pass' : 'carried';
}

function sum(counts: readonly Traffic[]): Traffic {
  return counts.reduce(
    (total, { packets, bytes }) => ({
      packets: total.packets + packets,
      bytes: total.bytes + bytes,
    }),
    { packets: 0n, bytes: 0n },
  );
}
