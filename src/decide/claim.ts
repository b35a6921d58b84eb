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

/** Every claim, and what it takes to work out some of them anew. */
export interface Claims {
  readonly claims: Map<Cidr, Claim>;
  readonly warnings: readonly Warning[];
  /** Single addresses that are known from elsewhere than IPAM, whether they have an entry or not. */
  readonly references: ReadonlyMap<Address, Claim>;
  /** Prefix lengths of blocks. */
  readonly lengths: ReadonlySet<number>;
  /** By block, its addresses that others than its node have. */
  readonly borrowed: ReadonlyMap<Cidr, readonly Address[]>;
}

/** Every CIDR that someone has: blocks, addresses borrowed from them, workloads, tunnel addresses. */
export function claimsOf(inventory: Inventory, self: NodeName): Claims {
  const claims = new Map<Cidr, Claim>();
  const lengths = new Set<number>();
  const borrowed = new Map<Cidr, readonly Address[]>();
  const claimOf = claimsByBlock();
  for (const block of inventory.blocks) {
    lengths.add(prefixLengthOf(block.cidr));
    if (inventory.settings.routeSource !== 'CalicoIPAM') continue;
    const addresses = borrowedOf(block);
    if (addresses.length > 0) borrowed.set(block.cidr, addresses);
    claimBlock(block, claims, claimOf);
  }
  const warnings: Warning[] = [];
  if (inventory.settings.routeSource !== 'CalicoIPAM' && inventory.workloads === undefined)
    warnings.push({
      subject: 'FelixConfiguration',
      message: 'routeSource is WorkloadIPs, but no WorkloadList says which addresses there are',
    });
  const blocks = new Enclosing(claims, lengths);
  const references = referencesIn(inventory, self);
  const routed = [...references]
    .map(([address, claim]) => ({ cidr: hostCidr(address), claim }))
    .filter(({ cidr, claim }) => isRouted(claim, blocks.over(cidr), self));
  for (const { cidr, claim } of routed) claims.set(cidr, claim);
  // The unspecified addresses are never routed.
  claims.delete('0.0.0.0/32' as Cidr);
  claims.delete('::/128' as Cidr);
  return { claims, warnings, references, lengths, borrowed };
}

/**
 * Blocks without a node route for each of their allocations; others for those that another node has. A block of one
 * address stays its owner's, whoever holds the address.
 */
function claimBlock(
  block: Block,
  claims: Map<Cidr, Claim>,
  claimOf: (node: NodeName) => Claim,
): void {
  for (const address of borrowedOf(block))
    claims.set(hostCidr(address), allocationIn(block, address));
  if (block.node !== undefined) claims.set(block.cidr, claimOf(block.node));
}

/** One for all blocks of a node. */
function claimsByBlock(): (node: NodeName) => Claim {
  const claims = new Map<NodeName, Claim>();
  return (node) => {
    const claim = claims.get(node) ?? { node, by: 'block' };
    claims.set(node, claim);
    return claim;
  };
}

/** Addresses of a block that others than its node have. */
export function borrowedOf({ node, allocations }: Block): Address[] {
  if (allocations.size === 0) return [];
  return [...allocations.keys()].filter((address) => {
    const holder = allocations.get(address);
    return holder !== undefined && holder !== node;
  });
}

/** The claim of the node that has a borrowed address. */
export function allocationIn({ allocations, cidr }: Block, address: Address): Claim {
  const node = allocations.get(address);
  if (node === undefined) throw new TypeError(`nobody has ${address} of ${cidr}`);
  return { node, by: 'allocation' };
}

/** Single addresses that are known from elsewhere than IPAM. One that several nodes name is the lowest name's, a workload's first. */
function referencesIn(inventory: Inventory, self: NodeName): Map<Address, Claim> {
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

/** A claim around an address, or (exact) on it. */
export interface EnclosingClaim {
  readonly claim: Claim;
  readonly isExact: boolean;
}

/** Whether a single address needs an entry beside those of the blocks that it lies in (the widest first). */
export function isRouted(
  { node, by }: Claim,
  enclosing: readonly EnclosingClaim[],
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

  constructor(claims: ReadonlyMap<Cidr, Claim>, ofBlocks: Iterable<number>) {
    this.#claims = claims;
    const lengths = new Set([...ofBlocks, addressBits.ipv4, addressBits.ipv6]);
    this.#lengths = [...lengths].sort((a, b) => a - b);
  }

  over(host: Cidr): EnclosingClaim[] {
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
