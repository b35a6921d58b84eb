import { EncapError } from '../errors.js';
import type { Peer, PeerName, PolicyName, Policy, Owner } from '../model/desired.js';
import type { Address } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import {
  firstPeer,
  noPolicy,
  samePolicy,
  type Indexed,
  type PeerEntry,
  type PeerIndex,
  type PolicyIndex,
} from './entry.js';

/** Hands out free places of an array map: an index that was freed rests until all the others had their turn. */
export class Places {
  readonly #first: number;
  readonly #end: number;
  readonly #table: string;
  #next: number;

  constructor(table: string, first: number, end: number) {
    this.#table = table;
    this.#first = first;
    this.#end = end;
    this.#next = first;
  }

  take(used: Set<number>): number {
    for (let tried = this.#first; tried < this.#end; tried += 1) {
      const place = this.#next;
      this.#next = place + 1 < this.#end ? place + 1 : this.#first;
      if (used.has(place)) continue;
      used.add(place);
      return place;
    }
    throw new EncapError(`cannot put another entry in ${this.#table}: all ${this.#end} are taken`, {
      code: 'TABLE_FULL',
      hint: 'the agent makes larger tables beside these and swaps them in when it tries again',
    });
  }
}

/** What a peer was written as in the last round: lets a node keep its index when its address changes. */
export type Remembered = ReadonlyMap<
  PeerName,
  { readonly index: PeerIndex; readonly address: Address }
>;

/** The index of each peer: the one that it has in the kernel, else a free one. */
export function peerIndices(
  peers: ReadonlyMap<PeerName, Peer>,
  actual: Indexed,
  remembered: Remembered,
  places: Places,
): Map<PeerName, PeerIndex> {
  const indices = new Map<PeerName, PeerIndex>();
  const claimed = new Set<PeerIndex>();
  const claim = (name: PeerName, index: PeerIndex | undefined): void => {
    if (index === undefined || claimed.has(index) || indices.has(name)) return;
    claimed.add(index);
    indices.set(name, index);
  };

  for (const name of peers.keys()) {
    const memory = remembered.get(name);
    if (memory !== undefined && actual.peers.get(memory.index)?.underlay === memory.address)
      claim(name, memory.index);
  }
  if (indices.size < peers.size) {
    const byAddress = indicesByAddress(actual);
    const claimWhere = (isIt: (there: PeerEntry, peer: Peer) => boolean): void => {
      for (const [name, peer] of peers) {
        if (indices.has(name)) continue;
        const there = byAddress.get(peer.address) ?? [];
        claim(name, there.find(([index, entry]) => !claimed.has(index) && isIt(entry, peer))?.[0]);
      }
    };
    // Two nodes may be said to have one address: each has an entry of its own.
    claimWhere(({ vtepMac }, peer) => vtepMac === peer.vtepMac);
    claimWhere(() => true);
  }

  const used = new Set([...claimed, ...peersInUse(actual)]);
  for (const name of peers.keys()) if (!indices.has(name)) indices.set(name, places.take(used));
  return indices;
}

function indicesByAddress({
  peers,
}: Indexed): ReadonlyMap<Address, (readonly [PeerIndex, PeerEntry])[]> {
  const found = new Map<Address, (readonly [PeerIndex, PeerEntry])[]>();
  for (const [index, entry] of peers) {
    if (isSelf(index)) continue;
    const others = found.get(entry.underlay);
    if (others === undefined) found.set(entry.underlay, [[index, entry]]);
    else others.push([index, entry]);
  }
  return found;
}

/** The index of each policy: the one that most of its blocks have in the kernel, else an unclaimed equal one, else a free one. */
export function policyIndices(
  policies: ReadonlyMap<PolicyName, Policy>,
  blocks: ReadonlyMap<Cidr, Owner>,
  actual: Indexed,
  places: Places,
): Map<PolicyName, PolicyIndex> {
  const indices = new Map<PolicyName, PolicyIndex>();
  const claimed = new Set<PolicyIndex>();
  for (const { name, index } of votes(policies, blocks, actual)) {
    if (claimed.has(index) || indices.has(name)) continue;
    claimed.add(index);
    indices.set(name, index);
  }

  const voted = new Set([...actual.blocks.values()].map(({ policy }) => policy));
  for (const [name, policy] of policies) {
    if (indices.has(name)) continue;
    for (const [index, there] of actual.policies) {
      if (claimed.has(index) || voted.has(index) || !samePolicy(there, policy)) continue;
      claimed.add(index);
      indices.set(name, index);
      break;
    }
  }

  const used = new Set([...claimed, ...voted, ...actual.policies.keys()]);
  for (const name of policies.keys()) if (!indices.has(name)) indices.set(name, places.take(used));
  return indices;
}

function isSelf(index: PeerIndex): boolean {
  return index < firstPeer;
}

function peersInUse({ peers, blocks, sources }: Indexed): Set<PeerIndex> {
  const used = new Set(peers.keys());
  for (const { peer } of blocks.values()) used.add(peer);
  for (const { peer } of sources.values()) used.add(peer);
  return used;
}

interface Vote {
  readonly name: PolicyName;
  readonly index: PolicyIndex;
  count: number;
}

function votes(
  policies: ReadonlyMap<PolicyName, Policy>,
  blocks: ReadonlyMap<Cidr, Owner>,
  actual: Indexed,
): Vote[] {
  const counted = new Map<string, Vote>();
  for (const [cidr, { policy: name }] of blocks) {
    const index = actual.blocks.get(cidr)?.policy;
    if (index === undefined || index === noPolicy || !policies.has(name)) continue;
    const key = `${index} ${name}`;
    const vote = counted.get(key) ?? { name, index, count: 0 };
    vote.count += 1;
    counted.set(key, vote);
  }
  return [...counted.values()].sort((a, b) => b.count - a.count);
}
