import { mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { AttachKind } from './attach.js';
import type { Origin } from './compile.js';
import type { Config } from './config.js';
import type { Fault } from '../model/fault.js';
import { readOwn } from './own-file.js';
import type { TunnelReport } from './takeover.js';
import type { VerdictNames } from './traffic.js';
import { writeAtomically } from './write.js';

/** What the kernel can't say of itself: names, origins. A hint: without it names are missing, and a qdisc of ours may stay. */
export interface State {
  readonly apiVersion: 'encap/v1';
  readonly kind: 'AgentState';
  readonly node: string;
  readonly pid: number;
  /** Wall clock of the start, ISO 8601. */
  readonly startedAt: string;
  readonly source: string;
  readonly uplink: { readonly name: string; readonly index: number; readonly mtu: number };
  /** Why there is no cutter. */
  readonly noCutter?: string;
  /** Received VXLAN packets are merged, by this interface; or why not, where they should be. */
  readonly merger?: string;
  readonly noMerger?: string;
  /** Calico's own tunnel devices, and who has their packets. */
  readonly kernelTunnels?: readonly TunnelReport[];
  /** Packets that go past the stack; absent: none. */
  readonly fastPath?: 'guarded' | 'always';
  /** Why they, or some of them, take the stack all the same. */
  readonly slow?: string;
  /** Rules of the host that count for nothing for them. */
  readonly bypassed?: string;
  readonly attach: AttachKind;
  /** The qdisc that the filters hang on is ours: `down` removes it too. */
  readonly madeClsact: boolean;
  readonly object: Origin & { readonly sha256: string };
  /** What the programs were loaded with. */
  readonly vxlan: { readonly vni: number; readonly port: number };
  /** All of it: their constants. Earlier agents did not write it down. */
  readonly config?: Config;
  readonly generation: string;
  readonly build: string;
  /** Names by index. */
  readonly peers: Readonly<Record<string, string>>;
  readonly policies: Readonly<Record<string, string>>;
  /** Names of the verdict counters by index. */
  readonly verdicts: VerdictNames;
  /** Pools that the last round could not carry, and why. */
  readonly notCarried: Readonly<Record<string, Fault>>;
  /** What else the node's network lacked then, and what its source lacks. */
  readonly faults: readonly Fault[];
}

const name = 'state.json';

/** What each field must be for anything to be read from the file; the others may be absent. */
const types = {
  node: 'string',
  pid: 'number',
  startedAt: 'string',
  source: 'string',
  uplink: 'object',
  attach: 'string',
  madeClsact: 'boolean',
  object: 'object',
  vxlan: 'object',
  generation: 'string',
  build: 'string',
  peers: 'object',
  policies: 'object',
  verdicts: 'object',
  notCarried: 'object',
  faults: 'object',
} as const satisfies Partial<Record<keyof State, string>>;

export function writeState(run: string, state: State): void {
  mkdirSync(run, { recursive: true, mode: 0o755 });
  const file = stateFile(run);
  // What can't be replaced by a file is out of the way.
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true)
    renameSync(file, `${file}-foreign-${Date.now()}`);
  writeAtomically(file, `${JSON.stringify(state, null, 2)}\n`);
}

/** undefined where there is none, or it is damaged, not ours or another version's: then names are missing, nothing else. */
export function readState(run: string): State | undefined {
  const text = readOwn(stateFile(run));
  try {
    const state: unknown = JSON.parse(text ?? 'null');
    return isState(state) ? state : undefined;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function isState(value: unknown): value is State {
  const state = (value ?? {}) as Readonly<Record<string, unknown>>;
  return (
    state['kind'] === 'AgentState' &&
    state['apiVersion'] === 'encap/v1' &&
    Object.entries(types).every(
      ([field, type]) => typeof state[field] === type && state[field] !== null,
    )
  );
}

/** Where the state file of an agent is. */
export function stateFile(run: string): string {
  return join(run, name);
}
