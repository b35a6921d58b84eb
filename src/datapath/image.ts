import {
  unrouted,
  type Desired,
  type PeerName,
  type Policy,
  type PolicyName,
  type PoolEntry,
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
  type SourceEntry,
} from './entry.js';
import { peerIndices, policyIndices, type Places, type Remembered } from './indices.js';

/** What the BPF tables should hold: `Desired` with an index for each name. */
export interface Image {
  readonly sources: ReadonlyMap<Address, SourceEntry>;
  readonly externals: ReadonlyMap<Cidr, SourceEntry>;
  readonly peers: ReadonlyMap<PeerIndex, PeerEntry>;
  readonly policies: ReadonlyMap<PolicyIndex, Policy>;
  readonly blocks: ReadonlyMap<Cidr, BlockEntry>;
  readonly pools: ReadonlyMap<Cidr, PoolEntry>;
  readonly names: {
    readonly peers: ReadonlyMap<PeerName, PeerIndex>;
    readonly policies: ReadonlyMap<PolicyName, PolicyIndex>;
  };
}

export interface Allocation {
  readonly peers: Places;
  readonly policies: Places;
  readonly remembered: Remembered;
}

/** Pure but for the places it takes: the same names keep the indices that the kernel has for them. */
export function imageOf(desired: Desired, actual: Indexed, allocation: Allocation): Image {
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

  const blocks = new Map<Cidr, BlockEntry>();
  for (const [cidr, { peer, policy }] of desired.blocks)
    blocks.set(cidr, {
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
    blocks,
    pools: desired.pools,
    names: { peers: peerOf, policies: policyOf },
  };
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
