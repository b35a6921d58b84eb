import type { Inventory } from '../model/inventory.js';
import type { NodeName } from '../model/node.js';
import type { Address } from '../net/address.js';
import { decide, type Decision } from './decide.js';
import { localsOf } from './locals.js';
import { lookup } from './lookup.js';
import { stepsOf, type Step } from './steps.js';
import { verdictOf, type Verdict } from './verdict.js';

/** What a node does with the packets for one address, and how that came about. */
export interface Explanation extends Verdict {
  readonly destination: Address;
  readonly steps: readonly Step[];
}

/** One node's answers. The source is that of the packet, where it matters. */
export type Explain = (destination: Address, source?: Address) => Explanation;

/** Answers for one node's packets, out of the very tables that the datapath gets. */
export function explainer(
  inventory: Inventory,
  self: NodeName,
  decision: Decision = decide(inventory, self),
): Explain {
  const find = lookup(decision.desired);
  const locals = localsOf(inventory, self);
  const scene = { inventory, self, decision, find, locals };
  return (destination, source) => {
    const verdict = verdictOf(destination, scene);
    const steps = stepsOf({ destination, source, verdict }, scene);
    return { destination, ...verdict, steps };
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
