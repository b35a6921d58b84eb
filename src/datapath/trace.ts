import { setTimeout as sleep } from 'node:timers/promises';
import { BpfMap, decode, u32, type Codec } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import type { Cidr } from '../net/cidr.js';
import { decision, traced, tracer } from './abi.js';
import { externalPeer, type PeerIndex } from './entry.js';
import type { Generation } from './generation.js';
import { directions, type Direction } from './load.js';
import type { Maps } from './maps.js';
import type { VerdictNames } from './traffic.js';

/** Which decisions the programs tell, decided by them: what is not asked for costs next to nothing. */
export interface TraceFilter {
  /** Names of enum verdict. */
  readonly verdicts: readonly string[];
  readonly directions: readonly Direction[];
  /** Of the inner packet, as the port and the protocol; of `either`, one of its addresses. */
  readonly source?: Cidr;
  readonly destination?: Cidr;
  readonly either?: Cidr;
  /** IANA protocol number. */
  readonly protocol?: number;
  /** At either end, of UDP and TCP without IP options and extension headers. */
  readonly port?: number;
  /** At most so many are told in 2^30 ns. */
  readonly rate: number;
  /** Bytes of each frame, `mostSnapBytes` at most. */
  readonly snapBytes: number;
}

/** TRACE_SNAP. */
export const mostSnapBytes = 2048;

/** What a program decided, with the beginning of the frame as it came and as it left. */
export interface Decision {
  /** CLOCK_MONOTONIC, as process.hrtime.bigint(). */
  readonly ns: bigint;
  /** Name in enum verdict. */
  readonly verdict: string;
  readonly direction: Direction;
  /** Whose packet it is by the tables; undefined: nobody's. */
  readonly peer: PeerIndex | undefined;
  /** Index of the interface that the program is attached to. */
  readonly interface: number;
  readonly met: Frame;
  readonly left: Frame;
}

export interface Frame {
  /** Of the whole frame. */
  readonly size: number;
  /** Its first ones. */
  readonly bytes: Uint8Array;
}

/** Decisions that the filter let through and that nobody was told of. */
export interface Untold {
  /** More than the rate. */
  readonly limited: number;
  /** The ring buffer was full. */
  readonly lost: number;
}

/** The maps that a trace needs. */
export type TraceMaps = Pick<Maps, 'tracers' | 'traced' | 'decisions'>;

/** How long the programs go on telling after the last word of their reader, which says one each second. */
const patienceNs = 3_000_000_000n;

const renewMs = 1000;

/**
 * Asks the programs to tell their decisions, and takes them down until the signal fires. There is one ring, so one
 * reader: TRACE_BUSY where another one is at work. A reader that is killed is forgotten after 3 seconds.
 */
export class Trace implements Disposable {
  readonly #maps: TraceMaps;
  readonly #names: VerdictNames;
  readonly #filter: TraceFilter;
  readonly #started = process.hrtime.bigint();
  #until = 0n;

  constructor(maps: TraceMaps, names: VerdictNames, filter: TraceFilter) {
    this.#maps = maps;
    this.#names = names;
    this.#filter = filter;
    const there = this.#tracers.get(0)?.until ?? 0n;
    if (there > this.#started) throw busy();
    this.#traced.set(0, { window: 0n, taken: 0n, limited: 0n, lost: 0n });
    this.#ask();
  }

  /** As they come. */
  async *decisions(signal: AbortSignal): AsyncGenerator<Decision, void, void> {
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    let failure: unknown;
    const renewing = this.#renew(either).catch((error: unknown) => {
      failure = error;
      ended.abort();
    });
    try {
      for await (const record of this.#maps.decisions.records(either)) {
        const one = decisionOf(record, this.#names);
        if (one.ns >= this.#started) yield one; // others were another reader's
      }
    } finally {
      ended.abort();
      await renewing;
    }
    if (failure !== undefined) throw failure as Error;
  }

  /** Since the beginning. */
  untold(): Untold {
    const counts = this.#traced.get(0);
    return { limited: Number(counts?.limited ?? 0n), lost: Number(counts?.lost ?? 0n) };
  }

  [Symbol.dispose](): void {
    if (this.#tracers.get(0)?.until === this.#until) this.#tracers.set(0, nobody);
  }

  get #tracers() {
    return this.#maps.tracers.typed(u32, tracer);
  }

  get #traced() {
    return this.#maps.traced.typed(u32, traced);
  }

  #ask(): void {
    this.#until = process.hrtime.bigint() + patienceNs;
    this.#tracers.set(0, entryOf(this.#filter, this.#names, this.#until));
  }

  async #renew(signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(renewMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const until = this.#tracers.get(0)?.until ?? 0n;
      if (until !== 0n && until !== this.#until) throw busy(); // 0: this process was stopped for a while
      this.#ask();
    }
  }
}

type TracerEntry = typeof tracer extends Codec<infer Entry> ? Entry : never;

/** Opens what a trace needs of a generation's pins. */
export function openTraceMaps(generation: Generation): Disposable & { readonly maps: TraceMaps } {
  const maps = {
    tracers: BpfMap.open(generation.map('tracers')),
    traced: BpfMap.open(generation.map('traced')),
    decisions: BpfMap.open(generation.map('decisions')),
  };
  return {
    maps,
    [Symbol.dispose]: () => {
      for (const map of Object.values(maps)) map[Symbol.dispose]();
    },
  };
}

function decisionOf(record: Uint8Array, names: VerdictNames): Decision {
  const head = decode(decision, record.subarray(0, decision.size));
  const frames = record.subarray(decision.size);
  return {
    ns: head.time,
    verdict: names[head.verdict] ?? `VERDICT_${head.verdict}`,
    direction: head.direction,
    peer: head.peer === externalPeer ? undefined : head.peer,
    interface: head.interface,
    met: { size: head.metSize, bytes: frames.subarray(0, head.metBytes) },
    left: {
      size: head.leftSize,
      bytes: frames.subarray(head.metBytes, head.metBytes + head.leftBytes),
    },
  };
}

function entryOf(filter: TraceFilter, names: VerdictNames, until: bigint): TracerEntry {
  const { source, destination, either, protocol = 0, port = 0 } = filter;
  const verdicts = [0, 0, 0, 0];
  for (const [index, name] of Object.entries(names)) {
    const word = Number(index) >> 5;
    if (filter.verdicts.includes(name))
      verdicts[word] = ((verdicts[word] ?? 0) | (1 << (Number(index) & 31))) >>> 0;
  }
  const packet = [source, destination, either, filter.protocol, filter.port];
  return {
    until,
    verdicts,
    rate: filter.rate,
    snap: filter.snapBytes,
    port,
    protocol,
    directions: directions.reduce(
      (mask, name) => mask | (filter.directions.includes(name) ? bits[name] : 0),
      0,
    ),
    asksPacket: packet.some((one) => one !== undefined) ? 1 : 0,
    zero: 0,
    source,
    destination,
    either,
  };
}

/** bit (1 << enum direction). */
const bits = { egress: 1, ingress: 2 } as const satisfies Record<Direction, number>;

const nobody: TracerEntry = {
  until: 0n,
  verdicts: [0, 0, 0, 0],
  rate: 0,
  snap: 0,
  port: 0,
  protocol: 0,
  directions: 0,
  asksPacket: 0,
  zero: 0,
  source: undefined,
  destination: undefined,
  either: undefined,
};

function busy(): EncapError {
  return new EncapError('cannot read the decisions: another reader does', {
    code: 'TRACE_BUSY',
    why: 'encap trace, encap capture and encap top --by block or pool read one ring buffer',
    hint: 'end the other one; if it was killed, try again in 3 seconds',
  });
}
