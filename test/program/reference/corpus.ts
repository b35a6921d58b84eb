import type { EncapName } from '../../../src/encap/index.js';
import type {
  Owner,
  Peer,
  PeerName,
  Policy,
  PolicyName,
  PoolEntry,
  Self,
  Source,
} from '../../../src/model/desired.js';
import type { NodeName } from '../../../src/model/node.js';
import { families, familyOf, type Address, type Family } from '../../../src/net/address.js';
import type { Cidr } from '../../../src/net/cidr.js';
import { blockOf, borrowed, nodes, pools, type NodeName as Letter } from '../../support/world.js';
import type { Tables } from './world.js';

const letters = ['a', 'b', 'c'] as const;

/** A pool as the corpus' fixture lists them. */
export type PoolRow = { readonly cidr: string; readonly policy: Policy };

/** The corpus' world, and more pools, as a node of it should be told. */
export function tablesOf(here: Letter, more: readonly PoolRow[] = []): Tables {
  const all = [...pools, ...more];
  return {
    node: nodeOf(here),
    self: { ipv4: selfOf(here, 'ipv4'), ipv6: selfOf(here, 'ipv6') },
    policies: new Map(all.map(({ cidr, policy }) => [cidr as PolicyName, policy])),
    pools: new Map(all.map((pool) => [pool.cidr as Cidr, entryOf(pool)])),
    blocks: new Map([...all.flatMap((pool) => blocksOf(pool, here)), borrowedBlock(here)]),
    peers: new Map(peersOf(here)),
    sources: new Map(sourcesOf(here)),
    externals: new Map(),
  };
}

/** A node of the corpus by its name in the cluster. */
export function nodeOf(letter: Letter): NodeName {
  return `node-${letter}` as NodeName;
}

function entryOf({ cidr }: PoolRow): PoolEntry {
  if (cidr === pools[0].cidr) return { blockLengths: [32, 26] };
  return { blockLengths: [familyOf(cidr) === 'ipv4' ? 26 : 122] };
}

function selfOf(here: Letter, family: Family): Self | undefined {
  const address = underlayOf(here, family);
  return (
    address && { address, prefixLength: 24, vtepMac: nodes[here].vtepMac, tunnelAddresses: [] }
  );
}

function blocksOf({ cidr, policy }: PoolRow, here: Letter): (readonly [Cidr, Owner])[] {
  return letters
    .filter((letter) => underlayOf(letter, policy.underlay) !== undefined)
    .map((letter) => [
      blockOf(cidr, letter),
      { peer: ownerOf(letter, here, policy.underlay), policy: cidr as PolicyName },
    ]);
}

function borrowedBlock(here: Letter): readonly [Cidr, Owner] {
  const [{ cidr }] = pools;
  const owner = ownerOf('b', here, 'ipv4');
  return [`${borrowed}/32` as Cidr, { peer: owner, policy: cidr as string as PolicyName }];
}

function* peersOf(here: Letter): Generator<[PeerName, Peer]> {
  for (const [letter, family, address] of others(here)) {
    const { subnet, vtepMac } = nodes[letter];
    yield [
      peerName(letter, family),
      {
        node: nodeOf(letter),
        family,
        address,
        vtepMac,
        sameSubnet: subnet === nodes[here].subnet,
        zeroChecksum: false,
      },
    ];
  }
}

function* sourcesOf(here: Letter): Generator<[Address, Source]> {
  for (const [letter, family, address] of others(here))
    yield [address, { peer: peerName(letter, family), accepted: accepted[family] }];
}

/** IPv4 alone knows IPv4 in IP. */
const accepted: Readonly<Record<Family, readonly EncapName[]>> = {
  ipv4: ['ipip', 'vxlan', 'ip6ip'],
  ipv6: ['vxlan', 'ip6ip'],
};

function* others(here: Letter): Generator<readonly [Letter, Family, Address]> {
  for (const letter of letters)
    for (const family of families) {
      const address = underlayOf(letter, family);
      if (letter !== here && address !== undefined) yield [letter, family, address];
    }
}

function underlayOf(letter: Letter, family: Family): Address | undefined {
  return family === 'ipv4' ? nodes[letter].underlay : nodes[letter].underlay6;
}

function ownerOf(letter: Letter, here: Letter, underlay: Family): PeerName | 'self' {
  return letter === here ? 'self' : peerName(letter, underlay);
}

function peerName(letter: Letter, family: Family): PeerName {
  return `${family}/${nodeOf(letter)}` as PeerName;
}
