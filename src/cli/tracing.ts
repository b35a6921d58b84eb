import { Netlink } from 'libbpf-ts';
import type { Folders } from '../datapath/folders.js';
import type { Generation } from '../datapath/generation.js';
import { readState, stateFile, type State } from '../datapath/state.js';
import {
  openTraceMaps,
  Trace,
  type Decision,
  type TraceFilter,
  type Untold,
} from '../datapath/trace.js';
import { EncapError } from '../errors.js';
import { rowMaker, type DecisionRow } from './decision-row.js';
import { pinnedDatapath } from './pinned.js';

/** A node whose programs can be asked for decisions, agent or not. */
export interface TracedNode {
  readonly folders: Folders;
  readonly generation: Generation;
  readonly state: State;
}

/** What is pinned here, and the names that an agent wrote down. */
export async function tracedNode(env: NodeJS.ProcessEnv): Promise<TracedNode> {
  const { folders, generation } = await pinnedDatapath(env);
  const state = readState(folders.run);
  if (state !== undefined) return { folders, generation, state };
  throw new EncapError('cannot read the decisions: the names of the verdicts are not known', {
    code: 'DATAPATH_ABSENT',
    why: `${stateFile(folders.run)} is gone, or of another version`,
    hint: 'start the agent, which writes it anew: sudo encap run',
  });
}

/** A decision with what is made of it. */
export interface Told {
  readonly decision: Decision;
  readonly row: DecisionRow;
  /** Wall clock, ns since 1970. */
  readonly nanoseconds: bigint;
}

/** Decisions until `signal` fires; what was not told is known at the end. */
export class Tracing implements Disposable {
  readonly #opened: ReturnType<typeof openTraceMaps>;
  readonly #trace: Trace;
  readonly #clock = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  readonly #rowOf: (decision: Decision) => DecisionRow;

  constructor({ folders, generation, state }: TracedNode, filter: TraceFilter) {
    this.#opened = openTraceMaps(generation);
    this.#rowOf = rowMaker({ ...namesFor(folders, state), clock: this.#clock });
    try {
      this.#trace = new Trace(this.#opened.maps, state.verdicts, filter);
    } catch (error) {
      this.#opened[Symbol.dispose]();
      throw error;
    }
    process.once('exit', this.#end); // a reader behind a pipe that goes away ends the process
  }

  async *told(signal: AbortSignal): AsyncGenerator<Told, void, void> {
    for await (const decision of this.#trace.decisions(signal))
      yield {
        decision,
        row: this.#rowOf(decision),
        nanoseconds: decision.ns + this.#clock,
      };
  }

  /** How many were not told, since the beginning. */
  untold(): Untold {
    return this.#trace.untold();
  }

  /** For the last line: how many were not told, and why. */
  untoldText(): string {
    const { limited, lost } = this.untold();
    return [
      ...(limited === 0 ? [] : [`${limited} more were over the rate (--rate)`]),
      ...(lost === 0 ? [] : [`${lost} more were lost: this command was too slow`]),
    ].join('; ');
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#end);
    this.#end();
  }

  readonly #end = (): void => {
    this.#trace[Symbol.dispose]();
    this.#opened[Symbol.dispose]();
  };
}

/** Names are read again when an index is new: nodes and interfaces come while one looks. */
function namesFor(folders: Folders, { vxlan, peers }: State) {
  const nodes = new Map(Object.entries(peers));
  const interfaces = new Map<number, string>();
  const peerName = (index: number): string | undefined =>
    nodes.get(String(index))?.replace(/^ipv[46]\//, '');
  return {
    vxlanPort: vxlan.port,
    peer: (index: number): string => {
      if (!nodes.has(String(index)))
        for (const [one, name] of Object.entries(readState(folders.run)?.peers ?? {}))
          nodes.set(one, name);
      return peerName(index) ?? `peer ${index}`;
    },
    interface: (index: number): string => {
      if (!interfaces.has(index)) {
        using netlink = Netlink.open();
        for (const { index: one, name } of netlink.links()) interfaces.set(one, name);
      }
      return interfaces.get(index) ?? `interface ${index}`;
    },
  };
}
