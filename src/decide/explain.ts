import type { Inventory } from '../model/inventory.js';
import type { NodeName } from '../model/node.js';
import type { Address } from '../net/address.js';
import { decide, type Decision } from './decide.js';
import { fitWarnings } from './fit.js';
import { localsOf } from './locals.js';
import { lookup } from './lookup.js';
import { outerOf, type Outer } from './outer.js';
import { senderOf, type Sender } from './sender.js';
import { overlayOf, stepsOf, type Step } from './steps.js';
import { verdictOf, type Verdict } from './verdict.js';
import type { Warning } from './warning.js';

/** What a node does with the packets for one address, and how that came about. */
export interface Explanation extends Verdict {
  readonly destination: Address;
  /** Absent where no source was given. */
  readonly sender?: Sender;
  /** Absent where the packet gets no outer headers. */
  readonly outer?: Outer;
  readonly steps: readonly Step[];
  /** What is odd about the pool that sends it on its way; absent where nothing is. */
  readonly warnings?: readonly string[];
}

/** One node's answers. The source is that of the packet, where it matters; its size is that of the IP packet. */
export type Explain = (destination: Address, source?: Address, sizeBytes?: number) => Explanation;

/** Answers for one node's packets, out of the very tables that the datapath gets. */
export function explainer(
  inventory: Inventory,
  self: NodeName,
  decision: Decision = decide(inventory, self),
): Explain {
  const find = lookup(decision.desired);
  const locals = localsOf(inventory, self);
  const scene = { inventory, self, decision, find, locals };
  const { mtu } = inventory.settings.underlay;
  const warnings = [...decision.warnings, ...(mtu === 0 ? [] : fitWarnings(decision, mtu))];
  return (destination, source, sizeBytes) => {
    const verdict = verdictOf(destination, scene);
    const overlay = overlayOf(destination, verdict, scene);
    const outer = overlay === undefined ? undefined : outerOf(verdict, overlay, scene);
    const sender = source === undefined ? undefined : senderOf(source, scene);
    const steps = stepsOf({ destination, source, sender, sizeBytes, verdict, outer }, scene);
    const odd = verdict.via === undefined ? [] : warnings.filter(isAbout(verdict.pool));
    return {
      destination,
      ...verdict,
      ...(sender === undefined ? {} : { sender }),
      ...(outer === undefined ? {} : { outer }),
      steps,
      ...(odd.length === 0 ? {} : { warnings: odd.map(({ message }) => message) }),
    };
  };
}

/** One answer: `explainer` is for many. */
export function explain(
  inventory: Inventory,
  self: NodeName,
  packet: { readonly destination: Address; readonly source?: Address },
): Explanation {
  return explainer(inventory, self)(packet.destination, packet.source);
}

function isAbout(pool: string | undefined): (warning: Warning) => boolean {
  return ({ subject }) => subject === `IPPool ${String(pool)}`;
}
