import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BpfError, NetlinkError } from './error.js';
import type { KernelFailure } from './error.js';

export interface NativeHandle {
  pin(path: string): void;
  close(): void;
}

/** How far a batch came before `errno` (0: to its end). */
export interface Progress {
  readonly count: number;
  readonly errno: number;
}

export interface NativeMap extends NativeHandle {
  info(): NativeMapInfo;
  lookup(key: Uint8Array, into: Uint8Array): boolean;
  take(key: Uint8Array, into: Uint8Array): boolean;
  update(key: Uint8Array, value: Uint8Array, flags: number): void;
  delete(key: Uint8Array): boolean;
  nextKey(after: Uint8Array | undefined, into: Uint8Array): boolean;
  lookupBatch(
    cursor: Uint8Array,
    first: boolean,
    keys: Uint8Array,
    values: Uint8Array,
    count: number,
  ): Progress;
  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): Progress;
  deleteBatch(keys: Uint8Array, count: number): Progress;
  freeze(): void;
}

export interface NativeMapInfo {
  readonly id: number;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly name: string;
  readonly btfId: number;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

export interface NativeProgram extends NativeHandle {
  info(): NativeProgramInfo;
  run(
    packet: Uint8Array,
    context: Uint8Array | undefined,
    contextSize: number,
    repeat: number,
  ): {
    readonly returnValue: number;
    readonly packet: Uint8Array;
    readonly context: Uint8Array;
    readonly durationNs: number;
  };
}

export interface NativeProgramInfo {
  readonly id: number;
  readonly type: number;
  readonly name: string;
  readonly tag: string;
  readonly loadedNs: bigint;
  readonly translatedBytes: number;
  readonly jitedBytes: number;
  readonly verifiedInstructions: number;
  readonly mapIds: readonly number[];
  readonly runCount: bigint;
  readonly runTimeNs: bigint;
}

export interface NativeLink extends NativeHandle {
  info(): {
    readonly type: number;
    readonly id: number;
    readonly programId: number;
    readonly ifindex: number;
    readonly attachType: number;
  };
  update(program: NativeProgram): void;
  detach(): void;
}

export interface NativeOpenObject {
  name(): string;
  btf(): Uint8Array | undefined;
  programs(): readonly {
    readonly name: string;
    readonly section: string;
    readonly type: number;
    readonly autoload: boolean;
  }[];
  maps(): readonly {
    readonly name: string;
    readonly type: number;
    readonly keySize: number;
    readonly valueSize: number;
    readonly maxEntries: number;
    readonly flags: number;
    readonly keyTypeId: number;
    readonly valueTypeId: number;
    readonly pinPath?: string;
  }[];
  setProgramType(program: string, type: number): void;
  setAutoload(program: string, autoload: boolean): void;
  setMaxEntries(map: string, entries: number): void;
  setPinPath(map: string, path: string | undefined): void;
  setData(map: string, offset: number, bytes: Uint8Array): void;
  reuse(map: string, other: NativeMap): void;
  load(logLevel: number): {
    readonly programs: readonly (readonly [string, NativeProgram])[];
    readonly maps: readonly (readonly [string, NativeMap])[];
    readonly logs: readonly (readonly [string, string])[];
  };
  close(): void;
}

export interface NativeRingBuffer {
  read(): Uint8Array[];
  wait(callback: () => void): void;
  close(): void;
}

/** What the native half exports; other parts of this package declare theirs by merging into it. */
export interface Native {
  initialize(
    bpfError: new (failure: KernelFailure) => Error,
    netlinkError: new (failure: KernelFailure) => Error,
  ): void;
  readonly OpenObject: new (
    source: string | Uint8Array,
    name: string | undefined,
  ) => NativeOpenObject;
  readonly RingBuffer: new (map: NativeMap) => NativeRingBuffer;
  createMap(
    type: number,
    name: string,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    flags: number,
  ): NativeMap;
  loadProgram(type: number, name: string, instructions: Uint8Array): NativeProgram;
  createLink(
    program: NativeProgram,
    ifindex: number,
    attachType: number,
    flags: number,
    relative: NativeProgram | undefined,
    revision: bigint,
    subject: string,
  ): NativeLink;
  queryPrograms(
    ifindex: number,
    attachType: number,
  ): {
    readonly revision: bigint;
    readonly programIds: readonly number[];
    readonly linkIds: readonly number[];
  };
  createClsact(ifindex: number): boolean;
  attachClsact(
    ifindex: number,
    egress: boolean,
    priority: number,
    handle: number,
    program: NativeProgram,
    replace: boolean,
    subject: string,
  ): { readonly priority: number; readonly handle: number; readonly programId: number };
  queryClsact(
    ifindex: number,
    egress: boolean,
    priority: number,
    handle: number,
  ): number | undefined;
  detachClsact(ifindex: number, egress: boolean, priority: number, handle: number): boolean;
  openPin(kind: 'map', path: string): NativeMap;
  openPin(kind: 'program', path: string): NativeProgram;
  openPin(kind: 'link', path: string): NativeLink;
  readBtf(file: string): Uint8Array;
  btfById(id: number): Uint8Array;
  probeHelper(programType: number, name: string): boolean;
  possibleCpus(): number;
  errorText(errno: number): string;
  interfaceName(ifindex: number): string | undefined;
  libbpfVersion(): string;
  enableStatistics(): { close(): void };
}

const requireOf = createRequire(import.meta.url);

/** The native half, loaded once for each thread. */
export const native: Native = load();

function load(): Native {
  const path = locate(packageFolder());
  const loaded = requireOf(path) as Native;
  loaded.initialize(BpfError, NetlinkError);
  return loaded;
}

/** As anybody finds it by its name, so that this module may be a part of a bundle. */
function packageFolder(): string {
  return dirname(requireOf.resolve('libbpf-ts/package.json'));
}

function locate(folder: string): string {
  const chosen = process.env['LIBBPF_TS_NATIVE'];
  const candidates =
    chosen === undefined
      ? [
          join(folder, 'build/Release/libbpf_ts.node'),
          join(folder, `prebuilds/${process.platform}-${process.arch}/libbpf_ts.node`),
        ]
      : [chosen];
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error(
    `cannot load libbpf-ts: its native half is not built (looked for ${candidates.join(' and ')}). Build it:\n` +
      '  sudo apt-get install libbpf-dev libmnl-dev pkg-config g++ make cmake\n' +
      '  npm run build -w addon',
  );
}
