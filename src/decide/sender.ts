import type { Address } from '../net/address.js';
import type { Scene } from './verdict.js';

/** Who sends a packet, by its source: this node itself; a workload that may; or one that may not (bpf/egress.h, is_source_ours). */
export type Sender = 'node' | 'workload' | 'spoofed';

/** What the programs make of a source; the node's own addresses are taken for those of its own processes. */
export function senderOf(
  source: Address,
  { inventory: { settings }, self, decision: { trace }, find, locals }: Scene,
): Sender {
  if (locals.get(source) === 'tunnel-address' || trace.hostAddresses.get(source) === self)
    return 'node';
  const check = settings.checks.source;
  if (check === 'off') return 'workload';
  const block = find(source)?.block;
  if (block === undefined) return check === 'pool' ? 'workload' : 'spoofed';
  return block.owner.peer === 'self' ? 'workload' : 'spoofed';
}
