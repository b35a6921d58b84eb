import type { Inventory } from '../model/inventory.js';
import type { NodeName } from '../model/node.js';
import type { Address } from '../net/address.js';
import { isHost } from '../net/cidr.js';
import { tunnelAddressesOf } from './claim.js';
import { isKnown } from './host.js';

/** Why packets to an address are delivered on this node. */
export type Local = 'local-workload' | 'borrowed' | 'tunnel-address';

/** The addresses that are in use on this node. A WorkloadList, where there is one, is the truth; else IPAM's allocations are. */
export function localsOf(inventory: Inventory, self: NodeName): ReadonlyMap<Address, Local> {
  const { workloads, blocks, nodes, settings } = inventory;
  const locals = new Map<Address, Local>();
  if (workloads !== undefined) {
    for (const [address, node] of workloads)
      if (node === self) locals.set(address, 'local-workload');
  } else if (settings.routeSource === 'CalicoIPAM') {
    for (const { cidr, node, allocations } of blocks) {
      // A block of one address is its owner's, whoever holds the address (claim.ts).
      if (isHost(cidr) && node !== undefined && node !== self) continue;
      for (const [address, holder] of allocations)
        // IPAM need not say who holds an address of a block: then the block's node does.
        if ((holder ?? node) === self)
          locals.set(address, node === self ? 'local-workload' : 'borrowed');
    }
  }
  const local = nodes.get(self);
  if (local !== undefined && isKnown(local))
    for (const address of tunnelAddressesOf(local)) locals.set(address, 'tunnel-address');
  return locals;
}
