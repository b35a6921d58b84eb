import { egress, type Sent } from './egress.js';
import { ingress } from './ingress.js';
import type { Outcome } from './outcome.js';
import type { Paths } from './path.js';
import { atlasOf, type World } from './world.js';

/** A frame and the way it came to a program. */
export type Met =
  | { readonly direction: 'ingress'; readonly frame: Uint8Array }
  | ({ readonly direction: 'egress'; readonly frame: Uint8Array } & Sent);

/**
 * What a node of that world has to do with any packet, said a second time: from the RFCs and the policy's text, with
 * nothing of the programs' code. Plain and slow on purpose.
 */
export function referenceOf(world: World): (met: Met) => Outcome {
  const atlas = atlasOf(world.tables);
  const paths: Paths = new Map(); // no run takes as long as a learned path MTU counts
  return (met) =>
    met.direction === 'ingress'
      ? ingress(world, atlas, met.frame, paths)
      : egress(world, atlas, met.frame, met, paths);
}
