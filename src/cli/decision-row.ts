import type { Decision } from '../datapath/trace.js';
import { wordOf } from '../datapath/traffic.js';
import { wordFor, type DecisionWord } from './decision-word.js';
import { tuplesOf, type Tuple } from './tuple.js';

/** A decision as `encap trace` prints it: a line of JSON, or of text made from it. */
export interface DecisionRow {
  /** Wall clock, ISO 8601 with nanoseconds. */
  readonly time: string;
  readonly decision: DecisionWord;
  /** As the counters have it. */
  readonly verdict: string;
  readonly direction: Decision['direction'];
  /** Name of the interface that the program is attached to. */
  readonly interface: string;
  /** Name of the node that it goes to or comes from; null: nobody's. */
  readonly peer: string | null;
  /** null: the frame carries no IP packet. */
  readonly inner: Tuple | null;
  /** null: there are no outer headers. */
  readonly outer: (Tuple & { readonly encap: 'vxlan' | 'ipip' | 'ip6ip' }) | null;
  /** Bytes of the frame as the program met it, and how many more (less) it had when it left. */
  readonly bytes: number;
  readonly added: number;
}

/** What turns indices and clocks into what people know. */
export interface RowNames {
  readonly peer: (index: number) => string;
  readonly interface: (index: number) => string;
  readonly vxlanPort: number;
  /** What the wall clock is ahead of CLOCK_MONOTONIC, ns. */
  readonly clock: bigint;
}

/** Pure: a decision in the words of a node. */
export function rowMaker({ peer, interface: interfaceName, vxlanPort, clock }: RowNames) {
  return (decision: Decision): DecisionRow => {
    const met = tuplesOf(decision.met.bytes, vxlanPort);
    const left = tuplesOf(decision.left.bytes, vxlanPort);
    const isPushed = decision.left.size > decision.met.size && left.length > met.length;
    const [outer, inner] = endsOf(decision, met, isPushed ? left[0] : undefined);
    return {
      time: timeText(decision.ns + clock),
      decision: wordFor(decision.verdict, isPushed),
      verdict: wordOf(decision.verdict),
      direction: decision.direction,
      interface: interfaceName(decision.interface),
      peer: decision.peer === undefined ? null : peer(decision.peer),
      inner: inner ?? null,
      outer: outer === undefined ? null : { ...outer, encap: encapOf(outer) },
      bytes: decision.met.size,
      added: decision.verdict.startsWith('DROP_') ? 0 : decision.left.size - decision.met.size,
    };
  };
}

/** Coming in, two IP headers are a tunnel packet; going out, what was met is the inner one whatever it carries. */
function endsOf(
  { direction }: Decision,
  met: readonly Tuple[],
  pushed: Tuple | undefined,
): readonly [outer: Tuple | undefined, inner: Tuple | undefined] {
  const [first, second] = met;
  if (direction === 'egress') return [pushed, first];
  return second === undefined ? [undefined, first] : [first, second];
}

function encapOf({ protocol }: Tuple): 'vxlan' | 'ipip' | 'ip6ip' {
  return protocol === 'ipip' ? 'ipip' : protocol === 'ipv6' ? 'ip6ip' : 'vxlan';
}

function timeText(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;
}
