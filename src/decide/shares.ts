import type { Owner, PeerName } from '../model/desired.js';
import { families, type Family } from '../net/address.js';
import { cidrOf, hostCidr, networkOf, prefixLengthOf, type Cidr } from '../net/cidr.js';
import type { Decided, Lengths } from './decide.js';

/** How many blocks each peer and each length of a pool's blocks have: with the first and the last, other tables change. */
export class Shares {
  readonly #overlays: Decided['ground']['overlays'];
  readonly #peers: Decided['ground']['peers'];
  readonly #peerCounts: Readonly<Record<Family, number>>;
  readonly #ofPeers = new Map<PeerName | 'self', number>();
  readonly #ofLengths: Lengths;
  /** Peers that are there without any block. */
  readonly #standing: ReadonlySet<string>;
  /** Nodes' own addresses, whose entries say nothing of who claims them. */
  readonly #hosts: ReadonlySet<Cidr>;
  /** Blocks that a pool lies in, or may. */
  readonly #around: ReadonlySet<Cidr>;

  constructor({ decision: { desired, trace }, blocks, ground, lengths }: Decided) {
    this.#overlays = ground.overlays;
    this.#peers = ground.peers;
    this.#peerCounts = { ipv4: ground.peers.ipv4.all().size, ipv6: ground.peers.ipv6.all().size };
    this.#ofLengths = lengths;
    for (const { peer } of blocks.values()) added(this.#ofPeers, peer, 1);
    this.#hosts = new Set([...trace.hostAddresses.keys()].map(hostCidr));
    this.#standing = new Set([
      'self',
      ...[...desired.sources.values()].map(({ peer }) => peer),
      ...[...this.#hosts].map((cidr) => blocks.get(cidr)?.peer ?? 'self'),
    ]);
    const all = new Set([...lengths.values()].flatMap((known) => [...known.keys()]));
    this.#around = new Set(
      [...lengths.keys()].flatMap((pool) =>
        [...all]
          .filter((length) => length < prefixLengthOf(pool))
          .map((length) => cidrOf(networkOf(pool), length)),
      ),
    );
  }

  /** An entry gets another owner; false where other tables change with it. */
  move(cidr: Cidr, before: Owner | undefined, after: Owner | undefined): boolean {
    if (this.#hosts.has(cidr)) return false;
    if (this.#around.has(cidr) && (before === undefined) !== (after === undefined)) return false;
    // The new share first: one that is given up and taken again was never gone.
    if (after !== undefined && !this.#count(cidr, after, 1)) return false;
    if (before !== undefined && !this.#count(cidr, before, -1)) return false;
    return families.every((family) => this.#peers[family].all().size === this.#peerCounts[family]);
  }

  /** False where the share is the first one, or was the last. */
  #count(cidr: Cidr, { peer }: Owner, more: 1 | -1): boolean {
    const pool = this.#overlays.match(cidr)?.value.pool.cidr;
    const lengths = pool === undefined ? undefined : this.#ofLengths.get(pool);
    if (lengths === undefined) return false;
    const least = more === 1 ? 2 : 1;
    const [ofLength, ofPeer] = [
      added(lengths, prefixLengthOf(cidr), more),
      added(this.#ofPeers, peer, more),
    ];
    return ofLength >= least && (ofPeer >= least || this.#standing.has(peer));
  }
}

function added<Key>(counts: Map<Key, number>, key: Key, more: number): number {
  const count = (counts.get(key) ?? 0) + more;
  counts.set(key, count);
  return count;
}
