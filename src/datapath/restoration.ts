import type { EncapName } from '../encap/index.js';
import { EncapError } from '../errors.js';
import type { Policy } from '../model/desired.js';
import type { TunnelEnds } from '../model/tunnel-ends.js';
import { families, familyOf, type Address, type Family } from '../net/address.js';
import { contains, isHost, type Cidr } from '../net/cidr.js';
import type { Mac } from '../net/mac.js';
import {
  firstPeer,
  type BlockEntry,
  type PeerEntry,
  type PeerIndex,
  type PolicyIndex,
} from './entry.js';
import type { KernelTunnelName } from './kernel-tunnel.js';
import type { KernelRoute } from './underlay.js';

/** What is known of a node when its kernel tunnels are to be made again. */
export interface Known {
  readonly ends: TunnelEnds;
  readonly peers: ReadonlyMap<PeerIndex, PeerEntry>;
  readonly policies: ReadonlyMap<PolicyIndex, Policy>;
  readonly blocks: Iterable<readonly [Cidr, BlockEntry]>;
  /** Our own, in main. */
  readonly routes: readonly KernelRoute[];
}

/** What Felix would have on the node. */
export interface Restoration {
  readonly tunnels: readonly TunnelPlan[];
  /** Of blocks that are reached as they are. */
  readonly direct: readonly BlockRoute[];
  readonly local: readonly Cidr[];
}

/** A route of a block, to a next hop. */
export interface BlockRoute {
  readonly destination: Cidr;
  readonly gateway: Address;
}

/** One device, and all that leads through it. */
export type TunnelPlan = {
  readonly tunnelAddress: Address;
  readonly mtu: number;
  readonly routes: readonly BlockRoute[];
} & (
  | { readonly name: 'tunl0' }
  | {
      readonly name: Exclude<KernelTunnelName, 'tunl0'>;
      readonly vni: number;
      readonly port: number;
      readonly local: Address;
      readonly mac: Mac;
      readonly peers: readonly FarVtep[];
    }
);

interface FarVtep {
  readonly underlay: Address;
  readonly tunnelAddress: Address;
  readonly mac: Mac;
}

/** Pure: the kernel tunnels that carry what the tables of the programs say; what they could not carry is an error. */
export function restorationOf(known: Known): Restoration {
  const blocks = [...known.blocks];
  const ways = blocks.flatMap((block) => wayOf(block, known));
  const through = (encap: EncapName, family: Family): readonly Way[] =>
    ways.filter((way) => way.encap === encap && familyOf(way.destination) === family);
  return {
    tunnels: [
      ...families.flatMap((family) => vxlanOf(family, through('vxlan', family), known)),
      ...ipipOf(through('ipip', 'ipv4'), known),
    ],
    direct: ways
      .filter(({ encap }) => encap === 'none')
      .map(({ destination, peer }) => ({ destination, gateway: peer.underlay })),
    local: blocks
      .filter(
        ([cidr, { peer, policy }]) =>
          peer < firstPeer && known.policies.has(policy) && !isHost(cidr),
      )
      .map(([cidr]) => cidr),
  };
}

interface Way {
  readonly destination: Cidr;
  readonly peer: PeerEntry;
  readonly encap: EncapName | 'none';
}

function wayOf([destination, block]: readonly [Cidr, BlockEntry], known: Known): readonly Way[] {
  const peer = known.peers.get(block.peer);
  const policy = known.policies.get(block.policy);
  if (block.peer < firstPeer || peer === undefined || policy === undefined) return [];
  const encap = peer.sameSubnet ? policy.sameSubnet : policy.otherSubnet;
  if (encap === 'ip6ip' || (encap !== 'none' && policy.underlay !== familyOf(destination)))
    throw refusal(
      `${destination} goes by ${encap} over ${policy.underlay}`,
      'Calico’s devices know no such way: take beyondCalico out of the NodeConfig of all nodes first',
    );
  return [{ destination, peer, encap }];
}

function vxlanOf(family: Family, ways: readonly Way[], { ends, routes }: Known): TunnelPlan[] {
  if (ways.length === 0) return [];
  const own = family === 'ipv4' ? ends.own.vxlan : ends.own.vxlanV6;
  if (own === undefined)
    throw refusal(
      `this node has no ${family} tunnel address for VXLAN`,
      'see encap get nodes: the Node resource has to say one',
    );
  const peers = new Map(ways.map(({ peer }) => [peer.underlay, farVtep(peer, ends)]));
  return [
    {
      name: family === 'ipv4' ? 'vxlan.calico' : 'vxlan-v6.calico',
      ...{ vni: ends.vni, port: ends.port, local: own.address, mac: own.mac },
      tunnelAddress: own.tunnelAddress,
      mtu: mtuOf(ways, routes),
      peers: [...peers.values()],
      routes: ways.map(({ destination, peer }) => ({
        destination,
        gateway: peers.get(peer.underlay)?.tunnelAddress ?? peer.underlay,
      })),
    },
  ];
}

function farVtep({ underlay, vtepMac }: PeerEntry, { vteps }: TunnelEnds): FarVtep {
  const tunnelAddress = vteps[underlay];
  if (tunnelAddress !== undefined && vtepMac !== undefined)
    return { underlay, tunnelAddress, mac: vtepMac };
  throw refusal(
    `nothing is known of the VTEP at ${underlay}`,
    'let an agent run once with kernelTunnels: replace, so that it writes it down',
  );
}

function ipipOf(ways: readonly Way[], { ends, routes }: Known): TunnelPlan[] {
  if (ways.length === 0) return [];
  const { ipip } = ends.own;
  if (ipip === undefined)
    throw refusal(
      'this node has no tunnel address for IP-in-IP',
      'see encap get nodes: the Node resource has to say one',
    );
  return [
    {
      name: 'tunl0',
      tunnelAddress: ipip.tunnelAddress,
      mtu: mtuOf(ways, routes),
      routes: ways.map(({ destination, peer }) => ({ destination, gateway: peer.underlay })),
    },
  ];
}

/** The smallest of the pools' routes. */
function mtuOf(ways: readonly Way[], routes: readonly KernelRoute[]): number {
  const [{ destination, encap } = never()] = ways;
  const mtus = routes.flatMap((route) =>
    route.type === 'unicast' &&
    route.mtu !== undefined &&
    ways.some(
      (way) =>
        familyOf(way.destination) === familyOf(route.destination) &&
        contains(route.destination, way.destination),
    )
      ? [route.mtu]
      : [],
  );
  if (mtus.length > 0) return Math.min(...mtus);
  throw refusal(
    `there is no route of ours for ${destination} (${encap})`,
    'let an agent put it back first: encap run --once',
  );
}

function never(): never {
  throw new TypeError('a tunnel without a block');
}

/** Before anything was touched. */
export function refusal(why: string, hint: string, cause?: unknown): EncapError {
  return new EncapError('cannot restore the kernel tunnels: nothing was changed', {
    code: 'RESTORE_REFUSED',
    why,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
