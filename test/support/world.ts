import type { BpfObject } from 'libbpf-ts';
import {
  block,
  blockKey,
  cutter,
  peer,
  policy,
  pool,
  poolKey,
  slotLine,
  source,
  sourceKey,
} from '../../src/datapath/abi.js';
import { u32 } from 'libbpf-ts';
import { selfIndex } from '../../src/datapath/entry.js';
import type { EncapName } from '../../src/encap/index.js';
import type { Policy } from '../../src/model/desired.js';
import { families, type Address, type Family } from '../../src/net/address.js';
import { prefixLengthOf, type Cidr } from '../../src/net/cidr.js';
import type { Mac } from '../../src/net/mac.js';

/** The three nodes of the packet corpus: A and B share a subnet, C is behind a router and has no IPv6. */
export const nodes = {
  a: {
    underlay: '192.168.1.11' as Address,
    underlay6: 'fd00:1::11' as Address,
    subnet: 1,
    uplinkMac: '02:00:00:00:01:0b' as Mac,
    vtepMac: '66:00:00:00:00:0b' as Mac,
    third: 1,
  },
  b: {
    underlay: '192.168.1.12' as Address,
    underlay6: 'fd00:1::12' as Address,
    subnet: 1,
    uplinkMac: '02:00:00:00:01:0c' as Mac,
    vtepMac: '66:00:00:00:00:0c' as Mac,
    third: 2,
  },
  c: {
    underlay: '192.168.2.13' as Address,
    underlay6: undefined,
    subnet: 2,
    uplinkMac: '02:00:00:00:01:0d' as Mac,
    vtepMac: '66:00:00:00:00:0d' as Mac,
    third: 3,
  },
} as const;

export type NodeName = keyof typeof nodes;

/** A pool and what its packets get. */
export interface PoolRow {
  readonly cidr: string;
  readonly policy: Policy;
}

/** The corpus' pools, and the place of each one's policy. */
export const pools = [
  { cidr: '10.244.0.0/16', policy: always('vxlan') },
  { cidr: '10.245.0.0/16', policy: always('ipip') },
  { cidr: '10.246.0.0/16', policy: crossSubnet('vxlan') },
  { cidr: '10.247.0.0/16', policy: never() },
  { cidr: '10.248.0.0/16', policy: crossSubnet('ipip') },
  { cidr: 'fd00:244::/48', policy: always('vxlan', 'ipv6') },
] as const satisfies readonly PoolRow[];

/** What Calico has no name for: each over the other family, and IPv6 behind protocol 41. */
export const beyondCalico = [
  { cidr: '10.249.0.0/16', policy: always('vxlan', 'ipv6') },
  { cidr: 'fd00:249::/48', policy: always('vxlan', 'ipv4') },
  { cidr: 'fd00:250::/48', policy: always('ip6ip', 'ipv6') },
  { cidr: 'fd00:251::/48', policy: always('ip6ip', 'ipv4') },
  { cidr: 'fd00:246::/48', policy: crossSubnet('vxlan', 'ipv6') },
] as const satisfies readonly PoolRow[];

/** An address of A's block in 10.244.0.0/16 that B uses. */
export const borrowed = '10.244.1.60';

/** Typed views of a loaded object's tables. */
export function tablesOf(object: BpfObject) {
  return {
    pools: object.map('pools', poolKey, pool),
    blocks: object.map('blocks', blockKey, block),
    slots: object.map('slots', u32, slotLine),
    policies: object.map('policies', u32, policy),
    peers: object.map('peers', u32, peer),
    sources: object.map('sources', sourceKey, source),
    externals: object.map('externals', poolKey, source),
    cutters: object.map('cutters', u32, cutter),
  };
}

export type Tables = ReturnType<typeof tablesOf>;

/** A peer's place in the tables of another node: by family, B's and C's IPv4 entries first; a node's own are 0 and 1. */
export function peerIndex(self: NodeName, other: NodeName, family: Family = 'ipv4'): number {
  if (other === self) return selfIndex[family];
  const place = 2 + names.filter((name) => name !== self).indexOf(other);
  return family === 'ipv4' ? place : place + 2;
}

/** A node's block of a pool: x.y.NODE.0/26, or PREFIX:0:NODE::/122. */
export function blockOf(cidr: string, name: NodeName): Cidr {
  const { third } = nodes[name];
  return (
    cidr.includes(':')
      ? cidr.replace(/::\/48$/, `:0:${third}::/122`)
      : cidr.replace(/\.0\.0\/16$/, `.${third}.0/26`)
  ) as Cidr;
}

/** Writes the tables as that node's agent would. */
export function fill(tables: Tables, self: NodeName, more: readonly PoolRow[] = []): void {
  for (const name of names) {
    const { underlay, underlay6, vtepMac, subnet } = nodes[name];
    const sameSubnet = subnet === nodes[self].subnet;
    const node = peerIndex(self, name);
    for (const family of families) {
      const address = family === 'ipv4' ? underlay : underlay6;
      if (address === undefined) continue;
      const index = peerIndex(self, name, family);
      const entry = { family, underlay: address, node, vtepMac, sameSubnet, zeroChecksum: false };
      tables.peers.set(index, entry);
      const accepted: readonly EncapName[] =
        family === 'ipv4' ? ['ipip', 'vxlan', 'ip6ip'] : ['vxlan', 'ip6ip'];
      if (name !== self) tables.sources.set(address, { peer: index, accepted });
    }
  }
  [...pools, ...more].forEach(({ cidr, policy }, place) => {
    tables.policies.set(place, policy);
    const lengths = new Set<number>();
    for (const name of names) {
      if (policy.underlay === 'ipv6' && nodes[name].underlay6 === undefined) continue;
      const block = blockOf(cidr, name);
      lengths.add(prefixLengthOf(block));
      tables.blocks.set(block, { peer: peerIndex(self, name, policy.underlay), policy: place });
    }
    tables.pools.set(cidr as Cidr, { blockLengths: place === 0 ? [32, ...lengths] : [...lengths] });
  });
  tables.blocks.set(`${borrowed}/32` as Cidr, { peer: peerIndex(self, 'b'), policy: 0 });
}

const names = ['a', 'b', 'c'] as const;

function always<E extends EncapName>(encap: E, underlay: Family = 'ipv4') {
  return { sameSubnet: encap, otherSubnet: encap, accepted: [encap], underlay } as const;
}

function crossSubnet<E extends EncapName>(encap: E, underlay: Family = 'ipv4') {
  return { sameSubnet: 'none', otherSubnet: encap, accepted: [encap], underlay } as const;
}

function never() {
  return { sameSubnet: 'none', otherSubnet: 'none', accepted: [], underlay: 'ipv4' } as const;
}
