import {
  unrouted,
  type Desired,
  type PeerName,
  type Policy,
  type PolicyName,
} from '../model/desired.js';
import type { NodeName } from '../model/node.js';
import { families, familyOf, type Address } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import {
  externalPeer,
  noPolicy,
  selfIndex,
  type BlockEntry,
  type Indexed,
  type PeerEntry,
  type PeerIndex,
  type PolicyIndex,
  type PoolRow,
  type SlotLine,
  type SourceEntry,
} from './entry.js';
import {
  enclosingBlocks,
  HeldBlocks,
  slotPlaces,
  slotPlanOf,
  Slots,
  type FoundSlot,
  type Held,
} from './slots.js';
import { lastPeer, SlotLines, slotOf, withLonger } from './slot.js';
import { peerIndices, policyIndices, type Places, type Remembered } from './indices.js';

/** What the BPF tables should hold: `Desired` with an index for each name. */
export interface Image {
  readonly sources: ReadonlyMap<Address, SourceEntry>;
  readonly externals: ReadonlyMap<Cidr, SourceEntry>;
  readonly peers: ReadonlyMap<PeerIndex, PeerEntry>;
  readonly policies: ReadonlyMap<PolicyIndex, Policy>;
  /** Those that are in no slot. */
  readonly blocks: ReadonlyMap<Cidr, BlockEntry>;
  readonly slots: ReadonlyMap<number, SlotLine>;
  readonly pools: ReadonlyMap<Cidr, PoolRow>;
  readonly names: {
    readonly peers: ReadonlyMap<PeerName, PeerIndex>;
    readonly policies: ReadonlyMap<PolicyName, PolicyIndex>;
  };
}

/** What an image is made beside: what the kernel holds. */
export type Actual = Omit<Indexed, 'blocks'> & Held;

export interface Allocation {
  readonly peers: Places;
  readonly policies: Places;
  readonly remembered: Remembered;
  /** How many slots there are. */
  readonly slots: number;
}

/** Pure but for the places it takes: the same names keep the indices that the kernel has for them. */
export function imageOf(desired: Desired, held: Actual, allocation: Allocation): Image {
  const actual: Indexed = { ...held, blocks: new HeldBlocks(held) };
  const peerOf = peerIndices(desired.peers, actual, allocation.remembered, allocation.peers);
  const policyOf = policyIndices(desired.policies, desired.blocks, actual, allocation.policies);

  const peers = new Map<PeerIndex, PeerEntry>();
  for (const family of families) {
    const self = desired.self[family];
    if (self === undefined) continue;
    const { address: underlay, vtepMac } = self;
    const entry = { family, underlay, vtepMac, sameSubnet: true, zeroChecksum: false };
    peers.set(selfIndex[family], { ...entry, node: selfIndex.ipv4 });
  }
  const nodes = nodeNumbers(desired, peerOf);
  for (const [name, { node, address: underlay, ...peer }] of desired.peers)
    peers.set(found(peerOf, name), { ...peer, underlay, node: found(nodes, node) });

  const policies = new Map<PolicyIndex, Policy>();
  for (const [name, policy] of desired.policies) policies.set(found(policyOf, name), policy);

  const owners = new Map<Cidr, BlockEntry>();
  for (const [cidr, { peer, policy }] of desired.blocks)
    owners.set(cidr, {
      peer: peer === 'self' ? selfIndex[familyOf(cidr)] : found(peerOf, peer),
      policy: policy === unrouted ? noPolicy : found(policyOf, policy),
    });

  const entry = ({
    peer,
    accepted,
  }: { peer: PeerName | 'external' } & Omit<SourceEntry, 'peer'>) => ({
    peer: peer === 'external' ? externalPeer : found(peerOf, peer),
    accepted,
  });
  return {
    sources: new Map([...desired.sources].map(([address, source]) => [address, entry(source)])),
    externals: new Map([...desired.externals].map(([cidr, source]) => [cidr, entry(source)])),
    peers,
    policies,
    ...placed({ desired, owners, policyOf }, held, allocation.slots),
    names: { peers: peerOf, policies: policyOf },
  };
}

interface Unplaced {
  readonly desired: Desired;
  readonly owners: ReadonlyMap<Cidr, BlockEntry>;
  readonly policyOf: ReadonlyMap<PolicyName, PolicyIndex>;
}

/** Each block in a slot of its pool, where that has one for it. */
function placed(
  { desired, owners, policyOf }: Unplaced,
  held: Held,
  room: number,
): Pick<Image, 'blocks' | 'slots' | 'pools'> {
  const slotsOf = slotPlaces(slotPlanOf(desired).shapes, held, room);
  const pools = new Map<Cidr, PoolRow>();
  for (const [cidr, entry] of desired.pools) {
    const place = slotsOf.get(cidr);
    const policy = policyOf.get(cidr as string as PolicyName) ?? noPolicy;
    pools.set(cidr, place === undefined ? entry : { ...entry, slots: { ...place, policy } });
  }
  const places = new Slots(pools);
  const enclosing = enclosingBlocks(desired.pools);
  const blocks = new Map<Cidr, BlockEntry>();
  const slots = new SlotLines();
  const beside: number[] = [];
  for (const [cidr, entry] of owners) {
    const place = places.find(cidr);
    if (isInSlot(entry, place) && !enclosing.has(cidr)) slots.set(place.slot, slotOf(entry.peer));
    else {
      blocks.set(cidr, entry);
      if (place?.isExact === false) beside.push(place.slot);
    }
  }
  for (const number of beside) {
    const slot = slots.get(number);
    if (slot !== 0) slots.set(number, withLonger(slot));
  }
  return { blocks, slots: slots.lines, pools };
}

/** Whether a slot can say all of an entry. */
export function isInSlot(
  { peer, policy }: BlockEntry,
  place: FoundSlot | undefined,
): place is FoundSlot {
  return place?.isExact === true && peer <= lastPeer && policy === place.range.policy;
}

/** A node's number: the least of its entries' indices. */
function nodeNumbers(
  { peers }: Desired,
  peerOf: ReadonlyMap<PeerName, PeerIndex>,
): Map<NodeName, number> {
  const numbers = new Map<NodeName, number>();
  for (const [name, { node }] of peers) {
    const index = found(peerOf, name);
    numbers.set(node, Math.min(index, numbers.get(node) ?? index));
  }
  return numbers;
}

function found<Name extends string>(indices: ReadonlyMap<Name, number>, name: Name): number {
  const index = indices.get(name);
  if (index === undefined)
    throw new TypeError(`the desired state names ${name} but does not have it`);
  return index;
}
