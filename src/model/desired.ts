import type { EncapName } from '../encap/index.js';
import type { Address, Brand, Family } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import type { Mac } from '../net/mac.js';
import type { NodeName } from './node.js';

/**
 * The CIDR of the innermost pool that a policy belongs to: it outlives renamed pools and switched modes.
 * `CIDR hosts` is that of the nodes' own addresses inside the pool: they are never encapsulated.
 */
export type PolicyName = Brand<string, 'PolicyName'>;

/**
 * The policy of blocks whose pool's routes are not ours (BGP's, or nobody's). Nothing is sent to them and nothing for
 * them is taken out of a tunnel; their entries say whose the addresses are, for packets that come from them.
 */
export const unrouted = 'unrouted' as PolicyName;

/** One family of one node: `ipv4/node-a`; `ipv4/node-a ipip` where IPIP reaches it at another address than the rest. */
export type PeerName = Brand<string, 'PeerName'>;

/** The complete state that this node's kernel should be in. What `decide` hands to the datapath. */
export interface Desired {
  readonly node: NodeName;
  /** This node, by family; undefined while it has no address of that family (then nothing is encapsulated). */
  readonly self: Readonly<Record<Family, Self | undefined>>;
  readonly policies: ReadonlyMap<PolicyName, Policy>;
  readonly pools: ReadonlyMap<Cidr, PoolEntry>;
  readonly blocks: ReadonlyMap<Cidr, Owner>;
  readonly peers: ReadonlyMap<PeerName, Peer>;
  readonly sources: ReadonlyMap<Address, Source>;
  /** externalNodesList: who else may send us what. */
  readonly externals: ReadonlyMap<Cidr, Source>;
  readonly routes: ReadonlyMap<Cidr, Route>;
}

export interface Self {
  readonly address: Address;
  readonly prefixLength: number;
  readonly vtepMac: Mac;
  /**
   * Addresses that replies to this node's own traffic come back to, and to what it masquerades. Those of the other
   * family are here where its pools travel over this one and the node has no address of it.
   */
  readonly tunnelAddresses: readonly Address[];
}

/** What a pool's packets get, by where the peer is; always = both alike, cross-subnet = sameSubnet none. */
export interface Policy {
  readonly sameSubnet: EncapName | 'none';
  readonly otherSubnet: EncapName | 'none';
  /** Encapsulations that may carry this pool's addresses to us. */
  readonly accepted: readonly EncapName[];
  /** Family of the outer headers that this pool's packets travel in. */
  readonly underlay: Family;
}

export interface PoolEntry {
  /** Prefix lengths of the blocks that this pool's addresses can lie in, longest first. */
  readonly blockLengths: readonly number[];
}

/** Who has the addresses of a block (or of one borrowed address). */
export interface Owner {
  readonly peer: PeerName | 'self';
  /** A key of `policies`, or `unrouted`. */
  readonly policy: PolicyName;
}

export interface Peer {
  readonly node: NodeName;
  readonly family: Family;
  readonly address: Address;
  /** Known where the peer is a VTEP: it has a tunnel address of this family. */
  readonly vtepMac: Mac | undefined;
  readonly sameSubnet: boolean;
  /** It takes UDP over IPv6 without a checksum (RFC 6935): it runs encapd, or udp6zerocsumrx. */
  readonly zeroChecksum: boolean;
}

export interface Source {
  readonly peer: PeerName | 'external';
  readonly accepted: readonly EncapName[];
}

/** A kernel route for a whole pool, to the next hop that is nobody. */
export interface Route {
  /** Source address for this node's own packets, where a tunnel address is known. */
  readonly source: Address | undefined;
  /** FelixConfiguration's MTU for the pool's encapsulation; 0: underlay MTU less `overheadBytes`. */
  readonly mtu: number;
  /** Bytes of outer headers that the pool's packets may get: the most of all its modes. */
  readonly overheadBytes: number;
}
