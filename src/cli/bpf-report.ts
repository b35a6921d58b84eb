import { existsSync, readFileSync } from 'node:fs';
import { BpfMap, features, kernel, Netlink, open } from 'libbpf-ts';
import { relocationsIn } from '../datapath/btf-ext.js';
import type { Folders } from '../datapath/folders.js';
import type { Generation } from '../datapath/generation.js';
import { functionOf, type ProgramName } from '../datapath/load.js';
import {
  instructionBytes,
  pinnedPrograms,
  type PinnedProgram,
} from '../datapath/pinned-programs.js';
import { probeSkb, unknownSkb } from '../datapath/skb.js';
import { hashBytes } from '../datapath/sources.js';
import { readState, type State } from '../datapath/state.js';

/** What `encap bpf info` knows: its JSON, and what its text is made of. */
export interface ProgramReport {
  readonly apiVersion: 'encap/v1';
  readonly kind: 'ProgramList';
  readonly kernel: {
    readonly release: string;
    readonly btf: boolean;
    /** Where its packets' fields are was found in its BTF. */
    readonly packetFields: 'found' | 'unknown';
    /** Whether runs are counted: kernel.bpf_stats_enabled. */
    readonly counts: boolean;
  };
  /** null: no agent wrote down which it was, or it is there no more. */
  readonly object: ReportedObject | null;
  readonly items: readonly ReportedProgram[];
}

export interface ReportedObject {
  readonly file: string;
  readonly how: State['object']['kind'];
  readonly sha256: string;
  readonly compiler: string;
  /** Types in its BTF, and places that CO-RE fits to the running kernel; null: the file is another one by now. */
  readonly btfTypes: number | null;
  readonly relocations: number | null;
}

export interface ReportedProgram {
  readonly program: ProgramName;
  readonly name: string;
  readonly id: number;
  readonly tag: string;
  readonly type: string;
  readonly build: string;
  /** ISO 8601. */
  readonly loadedAt: string;
  /** After the kernel rewrote it; null: not for this user to see. */
  readonly instructions: number | null;
  /** That the verifier followed, on all ways; null before Linux 5.16. */
  readonly verifiedInstructions: number | null;
  readonly jitedBytes: number | null;
  readonly memlockBytes: number | null;
  readonly runs: { readonly count: number; readonly ns: number };
  /** `name` null: of this program alone. */
  readonly maps: readonly { readonly id: number; readonly name: string | null }[];
  readonly attached: readonly {
    readonly interface: string;
    readonly direction: 'ingress' | 'egress';
    readonly by: 'tcx' | 'clsact';
  }[];
}

/** Reads pins and kernel; what no agent wrote down is null. */
export function programReport(generation: Generation, { run }: Folders): ProgramReport {
  using netlink = Netlink.open();
  const interfaces = new Map(netlink.links().map(({ index, name }) => [index, name]));
  const maps = mapNamesById(generation);
  const skb = probeSkb();
  return {
    apiVersion: 'encap/v1',
    kind: 'ProgramList',
    kernel: {
      release: kernel.release,
      btf: features.kernelBtf(),
      packetFields: skb === unknownSkb ? 'unknown' : 'found',
      counts: readFileSync('/proc/sys/kernel/bpf_stats_enabled', 'utf8').trim() !== '0',
    },
    object: objectOf(readState(run)),
    items: pinnedPrograms(generation, [...interfaces.keys()]).map((one) =>
      reported(one, interfaces, maps),
    ),
  };
}

function reported(
  { program, build, info, memlockBytes, places }: PinnedProgram,
  interfaces: ReadonlyMap<number, string>,
  maps: ReadonlyMap<number, string>,
): ReportedProgram {
  return {
    program,
    name: functionOf(program),
    id: info.id,
    tag: info.tag,
    type: info.type,
    build,
    loadedAt: info.loadedAt.toISOString(),
    instructions: orNull(info.translatedBytes / instructionBytes),
    verifiedInstructions: orNull(info.verifiedInstructions),
    jitedBytes: orNull(info.jitedBytes),
    memlockBytes: memlockBytes ?? null,
    runs: { count: Number(info.runCount), ns: Number(info.runTimeNs) },
    maps: info.mapIds.map((id) => ({ id, name: maps.get(id) ?? null })),
    attached: places.map(({ index, direction, attach }) => ({
      interface: interfaces.get(index) ?? `index ${index}`,
      direction,
      by: attach,
    })),
  };
}

function orNull(number: number): number | null {
  return number === 0 ? null : number;
}

function mapNamesById(generation: Generation): ReadonlyMap<number, string> {
  return new Map(
    generation.maps().map((name) => {
      using map = BpfMap.open(generation.map(name));
      return [map.info.id, name];
    }),
  );
}

function objectOf(state: State | undefined): ReportedObject | null {
  if (state === undefined) return null;
  const { file, kind: how, sha256, compiler } = state.object;
  const bytes = existsSync(file) ? readFileSync(file) : undefined;
  if (bytes === undefined || hashBytes(bytes) !== sha256)
    return { file, how, sha256, compiler, btfTypes: null, relocations: null };
  using blueprint = open(bytes, { name: 'encapd' });
  return {
    ...{ file, how, sha256, compiler },
    btfTypes: [...blueprint.btf.types].length,
    relocations: relocationsIn(bytes),
  };
}
