import type { Block } from '../model/block.js';
import type { Inventory } from '../model/inventory.js';
import type { Node, NodeName } from '../model/node.js';
import { addressBits, families, type Address } from '../net/address.js';
import { cidrOf, hostCidr, prefixLengthOf, type Cidr } from '../net/cidr.js';
import { isKnown } from './host.js';
import type { Warning } from './warning.js';

/** Who has a block or a single address, and what says so. */
export interface Claim {
  readonly node: NodeName;
  readonly by: 'block' | 'allocation' | 'workload' | 'tunnel-address';
}

/** Every CIDR that someone has: blocks, addresses borrowed from them, workloads, tunnel addresses. */
export function claimsOf(
  inventory: Inventory,
  self: NodeName,
): { readonly claims: ReadonlyMap<Cidr, Claim>; readonly warnings: readonly Warning[] } {
  const claims = new Map<Cidr, Claim>();
  const warnings: Warning[] = [];
  if (inventory.settings.routeSource === 'CalicoIPAM') {
    for (const block of inventory.blocks) claimBlock(block, claims);
  } else if (inventory.workloads === undefined) {
    warnings.push({
      subject: 'FelixConfiguration',
      message: 'routeSource is WorkloadIPs, but no WorkloadList says which addresses there are',
    });
  }
  const blocks = new Enclosing(claims, inventory.blocks);
  const routed = [...references(inventory, self)]
    .map(([address, claim]) => ({ cidr: hostCidr(address), claim }))
    .filter(({ cidr, claim }) => isRouted(claim, blocks.over(cidr), self));
  for (const { cidr, claim } of routed) claims.set(cidr, claim);
  // The unspecified addresses are never routed.
  claims.delete('0.0.0.0/32' as Cidr);
  claims.delete('::/128' as Cidr);
  return { claims, warnings };
}

/**
 * Blocks without a node route for each of their allocations; others for those that another node has. A block of one
 * address stays its owner's, whoever holds the address.
 */
function claimBlock({ cidr, node, allocations }: Block, claims: Map<Cidr, Claim>): void {
  for (const [address, holder] of allocations)
    if (holder !== undefined && holder !== node)
      claims.set(hostCidr(address), { node: holder, by: 'allocation' });
  if (node !== undefined) claims.set(cidr, { node, by: 'block' });
}

/** Single addresses that are known from elsewhere than IPAM. One that several nodes name is the lowest name's, a workload's first. */
function references(inventory: Inventory, self: NodeName): Map<Address, Claim> {
  const found = new Map<Address, Claim>();
  const refer = (address: Address | undefined, claim: Claim): void => {
    if (address === undefined) return;
    const before = found.get(address);
    if (before === undefined || claim.node < before.node) found.set(address, claim);
  };
  const everyWorkload = inventory.settings.routeSource === 'WorkloadIPs';
  for (const [address, node] of inventory.workloads ?? [])
    if (everyWorkload || node === self) refer(address, { node, by: 'workload' });
  for (const node of inventory.nodes.values())
    if (isKnown(node))
      for (const address of tunnelAddressesOf(node))
        refer(address, { node: node.name, by: 'tunnel-address' });
  return found;
}

/** A node's tunnel addresses, of both families. */
export function tunnelAddressesOf(node: Node): Address[] {
  const all = families.flatMap((family) => {
    const { vxlanTunnelAddress, ipipTunnelAddress } = node[family];
    return [vxlanTunnelAddress, ipipTunnelAddress].filter((address) => address !== undefined);
  });
  return [...new Set(all)];
}

/** Whether a single address needs an entry beside those of the blocks that it lies in (the widest first). */
function isRouted(
  { node, by }: Claim,
  enclosing: readonly { readonly claim: Claim; readonly isExact: boolean }[],
  self: NodeName,
): boolean {
  // Ours: replies to it must be let in, whatever says whose the block is.
  if (node === self) return enclosing.at(-1)?.claim.node !== self;
  if (by === 'workload') return true;
  // A tunnel address in a block of its node is reached as the rest of the block; one in no block, not at all.
  const [widest] = enclosing;
  return widest !== undefined && (widest.claim.node !== node || enclosing.at(-1)?.isExact === true);
}

/** The claimed CIDRs around an address. */
class Enclosing {
  readonly #claims: ReadonlyMap<Cidr, Claim>;
  /** Shortest first. */
  readonly #lengths: readonly number[];

  constructor(claims: ReadonlyMap<Cidr, Claim>, blocks: readonly Block[]) {
    this.#claims = claims;
    const hosts = [addressBits.ipv4, addressBits.ipv6];
    const lengths = new Set([...blocks.map(({ cidr }) => prefixLengthOf(cidr)), ...hosts]);
    this.#lengths = [...lengths].sort((a, b) => a - b);
  }

  over(host: Cidr): { claim: Claim; isExact: boolean }[] {
    const address = host.slice(0, host.indexOf('/')) as Address;
    const longest = prefixLengthOf(host);
    return this.#lengths.flatMap((length) => {
      if (length > longest) return [];
      const cidr = cidrOf(address, length);
      const claim = this.#claims.get(cidr);
      return claim === undefined ? [] : [{ claim, isExact: cidr === host }];
    });
  }
}
