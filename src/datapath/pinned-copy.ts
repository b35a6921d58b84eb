import { BpfError, Netlink, Program } from 'libbpf-ts';
import { readFileSync } from 'node:fs';
import { EncapError } from '../errors.js';
import type { NodeName } from '../model/node.js';
import * as abi from './abi.js';
import type { ObjectFile } from './compile.js';
import type { Config } from './config.js';
import type { PeerEntry } from './entry.js';
import type { Folders } from './folders.js';
import type { Generation } from './generation.js';
import { buildOf, functionOf, loadCopy } from './load.js';
import { openMaps } from './maps.js';
import { readPathMtus } from './path-mtu.js';
import { hashBytes } from './sources.js';
import { currentGeneration } from './status.js';
import { readState, type State } from './state.js';
import { arrayTable } from './tables/array.js';
import { whyRefused } from './test-node.js';
import type { VerdictNames } from './traffic.js';

/** A frame that leaves by the uplink, and how it came there. */
export interface LeavingFrame {
  readonly frame: Uint8Array;
  /** It came in at another interface. */
  readonly forwarded: boolean;
}

/** What the program did with a frame, or why the kernel would not run it. */
export type Asked =
  | {
      readonly kind: 'ran';
      /** Name in enum verdict. */
      readonly verdict: string;
      readonly frame: Uint8Array;
      /** Whose packet it is, as the kernel's table has it, where a peer was found. */
      readonly peer: PeerEntry | undefined;
      /** Of the path to it, bytes, where one is known that is below the uplink's. */
      readonly pathMtu: number | undefined;
      /** As the node's own: this kernel's test run takes none that came in elsewhere. */
      readonly asOwn: boolean;
    }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * The egress program that is pinned on this node, once more: the same object with the same constants, which the name of
 * its pins and the kernel's own tag prove, over the same pinned tables; but with counters of its own, so that what is
 * asked of it is not counted as traffic. Attached to nothing; needs no agent.
 */
export class PinnedCopy implements Disposable {
  readonly generation: Generation;
  readonly config: Config;
  /** Of the uplink now, bytes. */
  readonly uplinkMtu: number;
  readonly #uplink: number;
  readonly #egress: Program;
  readonly #verdicts: VerdictNames;
  readonly #maps: ReturnType<typeof openMaps>;
  readonly #loaded: Disposable;

  /** DATAPATH_ABSENT where nothing is pinned; NODE_UNKNOWN where it is another node's; FEATURE_MISSING where it can't be copied. */
  constructor(folders: Folders, node: NodeName) {
    const state = readState(folders.run);
    this.generation = currentGeneration(folders, state);
    if (state === undefined) throw uncopied(`the state file in ${folders.run} is gone`);
    if (state.node !== node)
      throw new EncapError(`cannot ask the kernel about ${node}: ${state.node} runs here`, {
        code: 'NODE_UNKNOWN',
      });
    this.#uplink = state.uplink.index;
    this.uplinkMtu = uplinkMtu(state);
    const { object, config } = loadedFrom(state);
    this.config = config;
    const tag = pinnedTag(this.generation, state.build);
    const loaded = loadCopy({ object, config: this.config, folders }, this.generation);
    if (loaded.egress.info.tag !== tag) {
      loaded[Symbol.dispose]();
      throw uncopied('the program that is pinned is not the one that its name says');
    }
    this.#loaded = loaded;
    this.#egress = loaded.egress;
    this.#verdicts = loaded.verdicts;
    this.#maps = openMaps(this.generation);
  }

  /** Runs the program, in the network namespace of this process. */
  run({ frame, forwarded }: LeavingFrame): Asked {
    try {
      return this.#run(frame, forwarded);
    } catch (error) {
      if (!(error instanceof BpfError) || error.code !== 'EINVAL') throw error;
      if (!forwarded) return { kind: 'refused', why: whyRefused(frame, false) ?? error.message };
    }
    return this.run({ frame, forwarded: false });
  }

  #run(frame: Uint8Array, forwarded: boolean): Asked {
    const { packet, context } = this.#egress.run(frame, {
      context: {
        ifindex: this.#uplink,
        ...(forwarded ? { ingressIfindex: loopback } : {}),
      },
    });
    const [number = 0, told = 0] = context?.cb ?? [];
    const last = this.#verdicts[number] ?? `VERDICT_${number}`;
    const { peers, path_mtus: paths } = this.#maps.maps;
    const index = told - 1;
    return {
      kind: 'ran',
      // No packet here has our mark: what stays on the uplink, its next hop known, is counted as that behind its verdict.
      verdict: last === 'PASS_OWN_TUNNEL' ? 'ENCAPSULATED' : last,
      frame: packet,
      peer: index < 0 ? undefined : arrayTable('peers', peers, abi.peer, Object.is).get(index),
      pathMtu: readPathMtus(paths).find((path) => path.index === index)?.mtu,
      asOwn: !forwarded,
    };
  }

  [Symbol.dispose](): void {
    this.#loaded[Symbol.dispose]();
    this.#maps[Symbol.dispose]();
  }
}

/** In every network namespace. No packet that is forwarded comes from there: it stands for a workload's interface, and is no cutter's. */
const loopback = 1;

/** Object and constants of the programs that are pinned; FEATURE_MISSING where the state file's are others by now. */
export function loadedFrom(state: State): { readonly object: ObjectFile; readonly config: Config } {
  const object = objectOf(state);
  return { object, config: configIn(state, object) };
}

/** Constants as the state file has them, if the name of the pins says that they are the right ones. */
function configIn({ config, build }: State, object: ObjectFile): Config {
  try {
    if (config !== undefined && buildOf(object, config) === build) return config;
  } catch (cause) {
    // What can't be encoded was never loaded: the file is damaged.
    if (!(cause instanceof RangeError || cause instanceof TypeError)) throw cause;
  }
  throw uncopied('the state file does not say what the programs were loaded with');
}

/** The programs look at the interface that they are run for: it must be theirs. */
function uplinkMtu({ uplink: { name, index } }: State): number {
  using netlink = Netlink.open();
  const link = netlink.links().find((one) => one.index === index && one.name === name);
  if (link === undefined) throw uncopied(`${name} is not in this network namespace`);
  return link.mtu;
}

/** The kernel's hash of the instructions, whatever maps they look at. */
function pinnedTag(generation: Generation, build: string): string {
  if (!generation.builds().includes(build))
    throw uncopied('the programs that the state file names are not pinned');
  using pinned = Program.open(generation.program(build, functionOf('egress')));
  return pinned.info.tag;
}

function objectOf({ object: { file, sha256, ...origin } }: State): ObjectFile {
  try {
    const bytes = readFileSync(file);
    if (hashBytes(bytes) === sha256) return { bytes, sha256, origin: { file, ...origin } };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
  }
  throw uncopied(`${file}, which the programs were loaded from, is another or gone`);
}

function uncopied(why: string): EncapError {
  return new EncapError(`cannot ask the kernel: ${why}`, {
    code: 'FEATURE_MISSING',
    hint: 'start the agent, which writes down and loads what is there now: encap run',
  });
}
