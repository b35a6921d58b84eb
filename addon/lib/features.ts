import { existsSync, statfsSync } from 'node:fs';
import { constants, release } from 'node:os';
import { BpfError } from './error.js';
import { hasTcx } from './hook.js';
import { native } from './native.js';
import { adjustRoomProgram, adjustRoomPacket, passProgram } from './probe.js';
import { isPerCpu, mapTypeNumber, programTypeNumber } from './types.js';
import type { MapType, ProgramType } from './types.js';

const bpffsMagic = 0xcafe4a11;
const BPF_F_NO_PREALLOC = 1;
const { EINVAL, EOPNOTSUPP } = constants.errno;
const ENOTSUPP = 524;
const keyless: ReadonlySet<MapType> = new Set(['queue', 'stack', 'bloom_filter']);

/** What this kernel can do, found by doing it: distributions move features between versions. */
export const features = {
  /** TCX links, since 6.6. */
  tcx: (): boolean => hasTcx(),

  /** Types of the kernel itself, for kfuncs and CO-RE. */
  kernelBtf: (): boolean => existsSync('/sys/kernel/btf/vmlinux'),

  /** Programs are compiled to machine code. */
  jit(): boolean {
    const program = native.loadProgram(programTypeNumber('sched_cls'), 'probe_jit', passProgram);
    try {
      return program.info().jitedBytes > 0;
    } finally {
      program.close();
    }
  },

  /** A BPF file system is mounted at a path. */
  bpffs(path = '/sys/fs/bpf'): boolean {
    return existsSync(path) && statfsSync(path).type === bpffsMagic;
  },

  /** bpf_skb_adjust_room() takes a BPF_F_ADJ_ROOM_* flag: an unknown one fails each packet, not the load. */
  adjustRoomFlag(flag: number): boolean {
    const program = native.loadProgram(
      programTypeNumber('sched_cls'),
      'probe_adjust',
      adjustRoomProgram(flag),
    );
    try {
      return program.run(adjustRoomPacket, undefined, 0, 1).returnValue === 0;
    } finally {
      program.close();
    }
  },

  /** Batch operations on maps of a type. */
  batch(type: MapType): boolean {
    const lpm = type === 'lpm_trie';
    const keySize = keyless.has(type) ? 0 : lpm ? 8 : 4;
    const map = native.createMap(
      mapTypeNumber(type),
      'probe_batch',
      keySize,
      8,
      1,
      lpm ? BPF_F_NO_PREALLOC : 0,
    );
    try {
      const valueBytes = isPerCpu(type) ? 8 * native.possibleCpus() : 8;
      const { errno } = map.lookupBatch(
        new Uint8Array(Math.max(4, keySize)),
        true,
        new Uint8Array(keySize),
        new Uint8Array(valueBytes),
        1,
      );
      return errno !== EINVAL && errno !== ENOTSUPP && errno !== EOPNOTSUPP;
    } finally {
      map.close();
    }
  },

  /** Ring buffer maps, since 5.8. */
  ringBuffer(): boolean {
    try {
      native.createMap(mapTypeNumber('ringbuf'), 'probe_ringbuf', 0, 0, 64 * 1024, 0).close();
      return true;
    } catch (error) {
      if (error instanceof BpfError && error.errno === EINVAL) return false;
      throw error;
    }
  },

  /** A program type may call a helper: `helper('sched_cls', 'bpf_redirect_neigh')`. */
  helper: (programType: ProgramType, name: string): boolean =>
    native.probeHelper(programTypeNumber(programType), name),
} as const;

/** How many values a per-CPU map has for each key. */
export function possibleCpus(): number {
  return native.possibleCpus();
}

/** The running kernel. */
export const kernel: { readonly release: string } = { release: release() };

/** Of the library that is loaded, not of the headers it was compiled with: `v1.1`. */
export function libbpfVersion(): string {
  return native.libbpfVersion();
}

/** Programs count their runs and nanoseconds until this is closed. */
export function enableStatistics(): Disposable {
  const statistics = native.enableStatistics();
  return { [Symbol.dispose]: () => statistics.close() };
}
