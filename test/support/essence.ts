import type { Inventory } from '../../src/model/inventory.js';

/** What decisions are made of, whatever the order in which it was read. */
export function essenceOf(inventory: Inventory): object {
  const blocks = [...inventory.blocks]
    .map(({ cidr, node, allocations }) => ({
      cidr,
      node,
      borrowed: [...allocations].filter(([, who]) => who !== undefined && who !== node),
    }))
    .sort((a, b) => (a.cidr < b.cidr ? -1 : 1));
  return { ...inventory, blocks };
}
