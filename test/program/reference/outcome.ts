import type { NodeName } from '../../../src/model/node.js';

/** Names in enum verdict that a decision leads to; what a kernel may refuse has no place in a reference. */
export const verdicts = [
  'ENCAPSULATED',
  'DECAPSULATED',
  'DIRECT',
  'DIRECT_AGAIN',
  'ANSWERED_TOO_BIG',
  'PASS_NOT_IP',
  'PASS_NOT_POOL',
  'PASS_OWN_TUNNEL',
  'PASS_NOT_HOST',
  'PASS_NOT_OURS',
  'PASS_FOREIGN_VNI',
  'PASS_PATH_MTU',
  'DROP_IP_MALFORMED',
  'DROP_TTL',
  'DROP_WORKLOAD_TUNNEL',
  'DROP_NOT_IN_POOL',
  'DROP_NO_BLOCK',
  'DROP_LOCAL_BLOCK',
  'DROP_SRC_SPOOF',
  'DROP_NO_PEER',
  'DROP_NO_POLICY',
  'DROP_NO_SELF',
  'DROP_TOO_BIG',
  'DROP_OUTER_IP_MALFORMED',
  'DROP_OUTER_IP_OPTIONS',
  'DROP_OUTER_FRAG',
  'DROP_OUTER_CSUM',
  'DROP_OUTER_MARTIAN',
  'DROP_UDP_MALFORMED',
  'DROP_UNKNOWN_PEER',
  'DROP_VXLAN_SHORT',
  'DROP_VXLAN_FLAGS',
  'DROP_VNI_MISMATCH',
  'DROP_INNER_SHORT',
  'DROP_INNER_MAC',
  'DROP_INNER_PROTO',
  'DROP_INNER_FAMILY',
  'DROP_INNER_IP_MALFORMED',
  'DROP_INNER_TTL',
  'DROP_INNER_MARTIAN',
  'DROP_INNER_SRC',
  'DROP_MODE_MISMATCH',
  'DROP_INNER_DST',
  'DROP_ECN',
] as const;

export type Verdict = (typeof verdicts)[number];

/** What has to become of a packet. */
export interface Outcome {
  readonly verdict: Verdict;
  /** The node that it came from or goes to; undefined: none, or one outside the cluster. */
  readonly peer?: NodeName | undefined;
  /** The frame that leaves the program, once the sender has chosen; undefined: the one that came. */
  readonly frame?: (chosen: Chosen) => Uint8Array;
  /** Where the frame has the source port that RFC 7348 section 5 leaves to the sender. */
  readonly portAt?: number;
  /** Where it has the ID that RFC 6864 section 4.2 asks of a datagram that may be cut. */
  readonly idAt?: number;
  /** Where it has the flow label, 20 bits of three bytes: RFC 6438 leaves it to the sender. */
  readonly flowLabelAt?: number;
}

/** What is the sender's to choose in outer headers. */
export interface Chosen {
  readonly port: number;
  readonly id: number;
  readonly flowLabel: number;
}

/** A packet that leaves as it came, or not at all. */
export function untouched(verdict: Verdict, peer?: NodeName): Outcome {
  return { verdict, peer };
}
