import fc from 'fast-check';
import type { EncapName } from '../../../src/encap/index.js';
import type {
  Desired,
  Owner,
  Peer,
  PeerName,
  Policy,
  PolicyName,
  PoolEntry,
  Route,
  Source,
} from '../../../src/model/desired.js';
import type { NodeName } from '../../../src/model/node.js';
import type { Address } from '../../../src/net/address.js';
import type { Cidr } from '../../../src/net/cidr.js';
import type { Mac } from '../../../src/net/mac.js';

/** One pool of a small world: 10.P.0.0/16 with blocks 10.P.B.0/26. */
export interface WorldPool {
  readonly encap: EncapName | 'none';
  readonly crossSubnet: boolean;
  /** Owner of each block: 0 = this node, 1… = another; undefined = nobody. */
  readonly owners: readonly (number | undefined)[];
}

export interface World {
  readonly pools: readonly (WorldPool | undefined)[];
  /** Last octet of each other node's address. */
  readonly nodes: readonly number[];
}

/** A small world as `decide` would hand it over. */
export function desiredOf({ pools, nodes }: World): Desired {
  const peers = new Map<PeerName, Peer>();
  const sources = new Map<Address, Source>();
  const policies = new Map<PolicyName, Policy>();
  const poolEntries = new Map<Cidr, PoolEntry>();
  const blocks = new Map<Cidr, Owner>();
  const routes = new Map<Cidr, Route>();

  const accepted = [...new Set(pools.flatMap((pool) => encapsOf(pool)))];
  nodes.forEach((octet, place) => {
    const name = peerName(place);
    const address = `192.168.1.${octet}` as Address;
    peers.set(name, {
      node: `node-${place}` as NodeName,
      family: 'ipv4',
      address,
      vtepMac: '66:00:00:00:00:01' as Mac,
      sameSubnet: place % 2 === 0,
      zeroChecksum: false,
    });
    sources.set(address, { peer: name, accepted });
  });
  pools.forEach((pool, place) => {
    if (pool === undefined) return;
    const cidr = `10.${place}.0.0/16` as Cidr;
    const policy = cidr as string as PolicyName;
    policies.set(policy, {
      sameSubnet: pool.crossSubnet ? 'none' : pool.encap,
      otherSubnet: pool.encap,
      accepted: encapsOf(pool),
      underlay: 'ipv4',
    });
    poolEntries.set(cidr, { blockLengths: [26] });
    routes.set(cidr, { source: undefined, mtu: 0, overheadBytes: 50 });
    pool.owners.forEach((owner, block) => {
      if (owner === undefined || owner > nodes.length) return;
      blocks.set(`10.${place}.${block}.0/26` as Cidr, {
        peer: owner === 0 ? 'self' : peerName(owner - 1),
        policy,
      });
    });
  });

  return {
    node: 'here' as NodeName,
    self: {
      ipv4: {
        address: '192.168.1.254' as Address,
        prefixLength: 24,
        vtepMac: '66:00:00:00:00:fe' as Mac,
        tunnelAddresses: [],
      },
      ipv6: undefined,
    },
    policies,
    pools: poolEntries,
    blocks,
    peers,
    sources,
    externals: new Map(),
    routes,
  };
}

/** Worlds of up to three pools and four other nodes. */
export const worlds: fc.Arbitrary<World> = fc.record({
  pools: fc.array(
    fc.option(
      fc.record({
        encap: fc.constantFrom('vxlan', 'ipip', 'none'),
        crossSubnet: fc.boolean(),
        owners: fc.array(fc.option(fc.nat(4), { nil: undefined }), { maxLength: 5 }),
      }),
      { nil: undefined },
    ),
    { maxLength: 3 },
  ),
  nodes: fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { maxLength: 4 }),
});

function peerName(place: number): PeerName {
  return `ipv4/node-${place}` as PeerName;
}

function encapsOf(pool: WorldPool | undefined): EncapName[] {
  return pool === undefined || pool.encap === 'none' ? [] : [pool.encap];
}
