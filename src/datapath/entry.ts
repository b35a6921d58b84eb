import type { EncapName } from '../encap/index.js';
import type { Policy, PoolEntry } from '../model/desired.js';
import type { Address, Family } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import type { Mac } from '../net/mac.js';

/** Place in the peers array; 0 and 1 are this node. */
export type PeerIndex = number;

/** Place in the policies array. */
export type PolicyIndex = number;

/** enum peer_index: this node's two places in `peers`. */
export const selfIndex: Readonly<Record<Family, PeerIndex>> = { ipv4: 0, ipv6: 1 };
/** enum peer_index: the first place of another node. */
export const firstPeer: PeerIndex = 2;
/** enum peer_index: a source that is no node of the cluster. */
export const externalPeer: PeerIndex = 0xffffffff;

/** enum policy_index: of blocks whose pool is not ours to send to. */
export const noPolicy: PolicyIndex = 0xffffffff;

/** SLOTS_OF_A_LINE. */
export const slotsOfALine = 32;

/** struct peer of abi.h, in the field's terms. */
export interface PeerEntry {
  readonly family: Family;
  readonly underlay: Address;
  /** The same number for all entries of one node. */
  readonly node: number;
  readonly vtepMac: Mac | undefined;
  readonly sameSubnet: boolean;
  readonly zeroChecksum: boolean;
}

/** struct block of abi.h. */
export interface BlockEntry {
  readonly peer: PeerIndex;
  readonly policy: PolicyIndex;
}

/** struct slot_line of abi.h: a number for each block, see slot.ts. */
export type SlotLine = Uint16Array;

/** A pool's part of the slots: its blocks of one prefix length, by their place in the pool. */
export interface SlotRange {
  readonly first: number;
  /** A power of two. */
  readonly count: number;
  readonly length: number;
  /** Bits of an address behind the prefix. */
  readonly shift: number;
  /** Of all blocks in it. */
  readonly policy: PolicyIndex;
}

/** struct pool of abi.h. */
export interface PoolRow extends PoolEntry {
  /** undefined: all its blocks are in `blocks`. */
  readonly slots?: SlotRange;
}

/** struct cutter of abi.h: interface indices. */
export interface CutterEntry {
  readonly in: number;
  readonly out: number;
  readonly uplink: number;
}

/** struct workload of abi.h. */
export interface WorkloadEntry {
  /** The host's end of its veth pair. */
  readonly interface: number;
  /** Of that end. */
  readonly mtu: number;
  readonly mac: Mac;
  readonly hostMac: Mac;
}

/** struct shortcut of abi.h. */
export interface ShortcutEntry {
  readonly uplink: number;
  readonly uplinkMtu: number;
  readonly routeMtu: number;
  /** Jiffies; 0: packets of this protocol take the stack. */
  readonly tcpTimeout: number;
  readonly udpTimeout: number;
  /** Jiffies in one. */
  readonly second: number;
}

/** struct source of abi.h. */
export interface SourceEntry {
  readonly peer: PeerIndex;
  readonly accepted: readonly EncapName[];
}

/** Blocks by their CIDR, wherever they are. */
export interface BlockLookup {
  get(cidr: Cidr): BlockEntry | undefined;
  values(): Iterable<BlockEntry>;
}

/** Same encapsulations, in any order. */
export function sameAccepted(a: readonly EncapName[], b: readonly EncapName[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}

export function samePeer(a: PeerEntry, b: PeerEntry): boolean {
  return (
    a.family === b.family &&
    a.underlay === b.underlay &&
    a.node === b.node &&
    a.vtepMac === b.vtepMac &&
    a.sameSubnet === b.sameSubnet &&
    a.zeroChecksum === b.zeroChecksum
  );
}

export function samePolicy(a: Policy, b: Policy): boolean {
  return (
    a.sameSubnet === b.sameSubnet &&
    a.otherSubnet === b.otherSubnet &&
    a.underlay === b.underlay &&
    sameAccepted(a.accepted, b.accepted)
  );
}

export function sameBlock(a: BlockEntry, b: BlockEntry): boolean {
  return a.peer === b.peer && a.policy === b.policy;
}

export function sameLine(a: SlotLine, b: SlotLine): boolean {
  return a.every((slot, place) => slot === b[place]);
}

export function samePool(a: PoolRow, b: PoolRow): boolean {
  return (
    sameRange(a.slots, b.slots) &&
    a.blockLengths.length === b.blockLengths.length &&
    a.blockLengths.every((length, place) => length === b.blockLengths[place])
  );
}

function sameRange(a: SlotRange | undefined, b: SlotRange | undefined): boolean {
  return (
    a?.first === b?.first &&
    a?.count === b?.count &&
    a?.length === b?.length &&
    a?.shift === b?.shift &&
    a?.policy === b?.policy
  );
}

export function sameSource(a: SourceEntry, b: SourceEntry): boolean {
  return a.peer === b.peer && sameAccepted(a.accepted, b.accepted);
}

/** The part of the kernel's state that decides which index a peer and a policy have. */
export interface Indexed {
  readonly peers: ReadonlyMap<PeerIndex, PeerEntry>;
  readonly policies: ReadonlyMap<PolicyIndex, Policy>;
  readonly blocks: BlockLookup;
  readonly sources: ReadonlyMap<Address, SourceEntry>;
}
