import type { BpfObject } from 'libbpf-ts';
import {
  block,
  blockKey,
  peer,
  policy,
  pool,
  poolKey,
  source,
  sourceKey,
} from '../../src/datapath/abi.js';
import { u32 } from 'libbpf-ts';
import type { Policy } from '../../src/model/desired.js';
import type { Address } from '../../src/net/address.js';
import type { Cidr } from '../../src/net/cidr.js';
import type { Mac } from '../../src/net/mac.js';

/** The three nodes of the packet corpus: A and B share a subnet, C is behind a router. */
export const nodes = {
  a: {
    underlay: '192.168.1.11' as Address,
    subnet: 1,
    uplinkMac: '02:00:00:00:01:0b' as Mac,
    vtepMac: '66:00:00:00:00:0b' as Mac,
    third: 1,
  },
  b: {
    underlay: '192.168.1.12' as Address,
    subnet: 1,
    uplinkMac: '02:00:00:00:01:0c' as Mac,
    vtepMac: '66:00:00:00:00:0c' as Mac,
    third: 2,
  },
  c: {
    underlay: '192.168.2.13' as Address,
    subnet: 2,
    uplinkMac: '02:00:00:00:01:0d' as Mac,
    vtepMac: '66:00:00:00:00:0d' as Mac,
    third: 3,
  },
} as const;

export type NodeName = keyof typeof nodes;

/** The corpus' pools, and the place of each one's policy. */
export const pools = [
  { cidr: '10.244.0.0/16', policy: always('vxlan') },
  { cidr: '10.245.0.0/16', policy: always('ipip') },
  { cidr: '10.246.0.0/16', policy: crossSubnet('vxlan') },
  { cidr: '10.247.0.0/16', policy: { sameSubnet: 'none', otherSubnet: 'none', accepted: [] } },
  { cidr: '10.248.0.0/16', policy: crossSubnet('ipip') },
] as const satisfies readonly { cidr: string; policy: Policy }[];

/** An address of A's block in 10.244.0.0/16 that B uses. */
export const borrowed = '10.244.1.60';

/** Typed views of a loaded object's tables. */
export function tablesOf(object: BpfObject) {
  return {
    pools: object.map('pools', poolKey, pool),
    blocks: object.map('blocks', blockKey, block),
    policies: object.map('policies', u32, policy),
    peers: object.map('peers', u32, peer),
    sources: object.map('sources', sourceKey, source),
    externals: object.map('externals', poolKey, source),
  };
}

export type Tables = ReturnType<typeof tablesOf>;

/** A peer's place in the tables of another node; a node's own is 0. */
export function peerIndex(self: NodeName, other: NodeName): number {
  if (other === self) return 0;
  return 2 + names.filter((name) => name !== self).indexOf(other);
}

/** Writes the tables as that node's agent would. */
export function fill(tables: Tables, self: NodeName): void {
  for (const name of names) {
    const { underlay, vtepMac, subnet } = nodes[name];
    const index = peerIndex(self, name);
    const sameSubnet = subnet === nodes[self].subnet;
    tables.peers.set(index, { family: 'ipv4', underlay, vtepMac, sameSubnet });
    if (name !== self) tables.sources.set(underlay, { peer: index, accepted: ['ipip', 'vxlan'] });
  }
  pools.forEach(({ cidr, policy }, place) => {
    tables.policies.set(place, policy);
    const [prefix] = cidr.split('.0.0/');
    for (const name of names)
      tables.blocks.set(`${prefix ?? ''}.${nodes[name].third}.0/26` as Cidr, {
        peer: peerIndex(self, name),
        policy: place,
      });
    tables.pools.set(cidr as Cidr, { blockLengths: place === 0 ? [32, 26] : [26] });
  });
  tables.blocks.set(`${borrowed}/32` as Cidr, { peer: peerIndex(self, 'b'), policy: 0 });
}

const names = ['a', 'b', 'c'] as const;

function always(encap: 'ipip' | 'vxlan') {
  return { sameSubnet: encap, otherSubnet: encap, accepted: [encap] } as const;
}

function crossSubnet(encap: 'ipip' | 'vxlan') {
  return { sameSubnet: 'none', otherSubnet: encap, accepted: [encap] } as const;
}
