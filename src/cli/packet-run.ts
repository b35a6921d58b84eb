import { nobodyMac } from '../datapath/nexthop.js';
import type { TestNode } from '../datapath/test-node.js';
import { wordOf } from '../datapath/traffic.js';
import type { Desired } from '../model/desired.js';
import type { NodeName } from '../model/node.js';
import { addressFromBytes } from '../net/address.js';
import { macToBytes, type Mac } from '../net/mac.js';
import { PrefixTable } from '../net/prefix-table.js';
import type { Packet } from './packet-line.js';

/** What became of a packet: the JSON of one answer. */
export interface Answer {
  readonly id: string | number;
  /** As counters have it; null: the kernel did not run the program. */
  readonly verdict: string | null;
  readonly action?: 'pass' | 'drop' | 'encap' | 'decap' | 'direct';
  /** Name of the node that it goes to or comes from. */
  readonly peer?: NodeName;
  /** The frame as it leaves the program, in hexadecimal digits; of a dropped one, what its sender is told. */
  readonly output: string | null;
  readonly reason?: string;
}

export interface RunnerOptions {
  readonly node: TestNode;
  readonly desired: Desired;
  readonly meanings: ReadonlyMap<string, string>;
  readonly uplinkMac: Mac;
  /** Frames to any machine are for this one: nobody said what its MAC is. */
  readonly anyMac: boolean;
}

/** A packet with what was made of it by the time that the program met it. */
export interface Run {
  readonly met: Uint8Array;
  readonly left: Uint8Array | undefined;
  readonly answer: Answer;
}

/** Runs packets through a node's programs, as the host would hand them over. */
export function runner({ node, desired, meanings, uplinkMac, anyMac }: RunnerOptions) {
  const poolRoutes = new PrefixTable(desired.routes);
  return ({ id, direction, frame, fromWorkload, mark, raw }: Packet): Run => {
    const isIngress = direction === 'ingress';
    const routed = isIngress || raw ? frame : asRouted(frame, poolRoutes);
    const ours = isIngress && anyMac && isUnicast(frame);
    const tested = node.run({
      direction: isIngress ? 'ingress' : 'egress',
      frame: ours ? withDestination(routed, macToBytes(uplinkMac)) : routed,
      forwarded: direction === 'workload' || (!isIngress && fromWorkload),
      mark: mark ? node.config.ownMark : 0,
    });
    if (tested.kind === 'refused')
      return {
        met: routed,
        left: undefined,
        answer: { id, verdict: null, output: null, reason: tested.why },
      };
    const { verdict, peer } = tested;
    const left = isGone(verdict)
      ? undefined
      : ours
        ? withDestination(tested.frame, frame.subarray(0, 6))
        : tested.frame;
    const word = wordOf(verdict);
    const meaning = meanings.get(word);
    return {
      met: routed,
      left,
      answer: {
        ...{ id, verdict: word, action: actionOf(verdict) },
        ...(peer === undefined ? {} : { peer }),
        output: left === undefined ? null : Buffer.from(left).toString('hex'),
        ...(meaning === undefined || isCarried(verdict) ? {} : { reason: meaning }),
      },
    };
  };
}

/** The next hop's MAC is what a pool's route leads to: nobody's. */
function asRouted(frame: Uint8Array, poolRoutes: PrefixTable<unknown>): Uint8Array {
  const etherType = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  const [at, size] = etherType === 0x86dd ? [38, 16] : [30, 4];
  if ((etherType !== 0x0800 && etherType !== 0x86dd) || frame.length < at + size) return frame;
  const destination = addressFromBytes(frame.subarray(at, at + size));
  return poolRoutes.match(destination) === undefined
    ? frame
    : withDestination(frame, macToBytes(nobodyMac));
}

function withDestination(frame: Uint8Array, mac: Uint8Array): Uint8Array {
  const copy = frame.slice();
  copy.set(mac, 0);
  return copy;
}

/** IEEE 802: the lowest bit of the first byte is that of groups. */
function isUnicast(frame: Uint8Array): boolean {
  return frame.length >= 14 && ((frame[0] ?? 0) & 1) === 0;
}

function actionOf(verdict: string): NonNullable<Answer['action']> {
  switch (verdict) {
    case 'ENCAPSULATED':
      return 'encap';
    case 'DECAPSULATED':
      return 'decap';
    case 'DIRECT':
    case 'DIRECT_AGAIN':
      return 'direct';
    default:
      return verdict.startsWith('PASS_') ? 'pass' : 'drop';
  }
}

function isGone(verdict: string): boolean {
  return verdict.startsWith('DROP_');
}

function isCarried(verdict: string): boolean {
  return ['encap', 'decap', 'direct'].includes(actionOf(verdict));
}
