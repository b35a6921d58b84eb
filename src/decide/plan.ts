import type { EncapName } from '../encap/index.js';
import { unrouted, type Peer, type Policy } from '../model/desired.js';
import type { Inventory } from '../model/inventory.js';
import type { Node, NodeName } from '../model/node.js';
import { compareAddresses, type Address, type Family } from '../net/address.js';
import { cidrOf, compareCidrs, type Cidr } from '../net/cidr.js';
import type { Mac } from '../net/mac.js';
import { decide, type Decision } from './decide.js';
import { hostOf } from './host.js';
import { overlayMtu } from './mtu.js';
import { crossesFamilies } from './overlay.js';
import type { Action } from './verdict.js';
import { derivedVtepMac, vtepMacOf } from './vtep.js';

/** What a node will be set to: the document of `encap plan`. A null is not known yet. */
export interface PlanDocument {
  readonly node: PlannedNode;
  readonly pools: readonly PlannedPool[];
  readonly blocks: readonly PlannedBlock[];
  readonly peers: readonly PlannedPeer[];
  readonly routes: readonly PlannedRoute[];
  readonly acceptedSources: Readonly<Record<EncapName, readonly (Address | Cidr)[]>>;
}

/** One family of this node. */
export interface PlannedFamily {
  readonly address: Address | null;
  readonly subnet: Cidr | null;
  /** Of VXLAN. */
  readonly tunnelAddress: Address | null;
  readonly vtepMac: Mac;
}

export interface PlannedNode extends PlannedFamily {
  readonly name: NodeName;
  readonly ipipTunnelAddress: Address | null;
  readonly mtu: {
    readonly underlay: number;
    readonly vxlan: number;
    readonly vxlanV6: number;
    readonly ipip: number;
    readonly ip6ip: number;
  };
  readonly ipv6: PlannedFamily;
}

export interface PlannedPool {
  readonly name: string;
  readonly cidr: Cidr;
  /** How its packets go to nodes in this node's subnet, and to the others. */
  readonly sameSubnet: Policy['sameSubnet'];
  readonly otherSubnet: Policy['otherSubnet'];
  /** Family of the outer headers. */
  readonly underlay: Family;
  /** False where nothing is sent to it: `why` says the reason. */
  readonly routed: boolean;
  readonly why?: string;
  readonly blockLengths: readonly number[];
}

export interface PlannedBlock {
  readonly cidr: Cidr;
  readonly node: NodeName;
  readonly action: Action;
  readonly via: Address | null;
  /** metadata.name. */
  readonly pool: string | null;
}

export interface PlannedPeer {
  readonly name: NodeName;
  readonly family: Family;
  readonly address: Address;
  readonly vtepMac: Mac | null;
  readonly tunnelAddress: Address | null;
  readonly sameSubnet: boolean;
  /** VXLAN goes there over IPv6 without a UDP checksum. */
  readonly zeroChecksum: boolean;
}

export interface PlannedRoute {
  readonly destination: Cidr;
  readonly mtu: number;
  readonly source: Address | null;
}

/** The plan for one node whose underlay interface has an MTU. */
export function planOf(
  inventory: Inventory,
  self: NodeName,
  {
    underlayMtu,
    decision = decide(inventory, self),
  }: { readonly underlayMtu: number; readonly decision?: Decision },
): PlanDocument {
  return {
    node: nodeOf(inventory, self, underlayMtu),
    pools: poolsOf(inventory, decision),
    blocks: blocksOf(decision),
    peers: peersOf(decision),
    routes: routesOf(decision, underlayMtu),
    acceptedSources: {
      vxlan: acceptedOf('vxlan', decision),
      ipip: acceptedOf('ipip', decision),
      ip6ip: acceptedOf('ip6ip', decision),
    },
  };
}

function nodeOf({ nodes, settings }: Inventory, self: NodeName, underlayMtu: number): PlannedNode {
  const node = nodes.get(self);
  const mtu = (encap: EncapName, family: Family): number =>
    overlayMtu(encap, family, { settings, underlayMtu });
  return {
    name: self,
    ...familyOfNode(node, self, 'ipv4'),
    ipipTunnelAddress: node?.ipv4.ipipTunnelAddress ?? null,
    mtu: {
      underlay: underlayMtu,
      vxlan: mtu('vxlan', 'ipv4'),
      vxlanV6: mtu('vxlan', 'ipv6'),
      ipip: mtu('ipip', 'ipv4'),
      ip6ip: mtu('ip6ip', 'ipv6'),
    },
    ipv6: familyOfNode(node, self, 'ipv6'),
  };
}

function familyOfNode(node: Node | undefined, self: NodeName, family: Family): PlannedFamily {
  if (node === undefined)
    return {
      address: null,
      subnet: null,
      tunnelAddress: null,
      vtepMac: derivedVtepMac(self, family),
    };
  const { interfaceAddress } = hostOf(node, family);
  return {
    address: interfaceAddress?.address ?? null,
    subnet:
      interfaceAddress === undefined
        ? null
        : cidrOf(interfaceAddress.address, interfaceAddress.prefixLength),
    tunnelAddress: node[family].vxlanTunnelAddress ?? null,
    vtepMac: vtepMacOf(node, family),
  };
}

function poolsOf({ pools }: Inventory, { desired, trace }: Decision): PlannedPool[] {
  return [...pools]
    .sort((a, b) => compareCidrs(a.cidr, b.cidr) || (a.name < b.name ? -1 : 1))
    .flatMap(({ name, cidr }) => {
      const overlay = trace.overlays.match(cidr)?.value;
      // Of two pools with one CIDR, only one counts.
      if (overlay?.pool.name !== name) return [];
      const { encap = 'none', crossSubnet, underlay, idle } = overlay;
      const entry = desired.pools.get(cidr);
      const why = idle ?? (entry === undefined ? 'nobody has a block in it' : undefined);
      return {
        name,
        cidr,
        sameSubnet: crossSubnet && !crossesFamilies(overlay) ? 'none' : encap,
        otherSubnet: encap,
        underlay,
        routed: desired.routes.has(cidr),
        ...(why === undefined ? {} : { why }),
        blockLengths: entry?.blockLengths ?? [],
      };
    });
}

function blocksOf({ desired, trace }: Decision): PlannedBlock[] {
  return [...desired.blocks]
    .sort(([a], [b]) => compareCidrs(a, b))
    .map(([cidr, { peer: name, policy: policyName }]) => {
      const pool = trace.overlays.match(cidr)?.value.pool.name ?? null;
      const isHostAddress = policyName.endsWith(' hosts');
      const isUnrouted = policyName === unrouted;
      if (name === 'self')
        return {
          cidr,
          node: desired.node,
          action: isHostAddress || isUnrouted ? 'none' : 'local',
          via: null,
          pool,
        };
      const peer = desired.peers.get(name);
      if (peer !== undefined && isUnrouted)
        return { cidr, node: peer.node, action: 'none', via: null, pool };
      const policy = desired.policies.get(policyName);
      if (peer === undefined || policy === undefined)
        throw new TypeError(`${cidr} is of a peer or a policy that is not there`);
      const encap = peer.sameSubnet ? policy.sameSubnet : policy.otherSubnet;
      const action = encap !== 'none' ? encap : isHostAddress ? 'none' : 'direct';
      return { cidr, node: peer.node, action, via: isHostAddress ? null : peer.address, pool };
    });
}

function peersOf({ desired: { peers }, trace }: Decision): PlannedPeer[] {
  return [...peers.values()]
    .map((peer) => ({
      name: peer.node,
      family: peer.family,
      address: peer.address,
      vtepMac: peer.vtepMac ?? null,
      tunnelAddress: tunnelAddressOf(peer, trace) ?? null,
      sameSubnet: peer.sameSubnet,
      zeroChecksum: peer.zeroChecksum,
    }))
    .sort((a, b) => compareAddresses(a.address, b.address));
}

/** Of the underlay's family; where that carries the other family alone, of the other. */
function tunnelAddressOf(
  { node, family, vtepMac }: Peer,
  { hosts }: Decision['trace'],
): Address | undefined {
  const vteps = hosts[family].get(node)?.vteps;
  if (vteps === undefined || vtepMac === undefined) return undefined;
  return (vteps[family] ?? vteps.ipv4 ?? vteps.ipv6)?.tunnelAddress;
}

function routesOf({ desired: { routes } }: Decision, underlayMtu: number): PlannedRoute[] {
  return [...routes]
    .sort(([a], [b]) => compareCidrs(a, b))
    .map(([destination, { mtu, overheadBytes, source }]) => ({
      destination,
      mtu: mtu === 0 ? underlayMtu - overheadBytes : mtu,
      source: source ?? null,
    }));
}

function acceptedOf(encap: EncapName, { desired }: Decision): (Address | Cidr)[] {
  const nodes = [...desired.sources]
    .filter(([, { accepted }]) => accepted.includes(encap))
    .map(([address]) => address)
    .sort(compareAddresses);
  const externals = [...desired.externals]
    .filter(([, { accepted }]) => accepted.includes(encap))
    .map(([cidr]) => cidr)
    .sort(compareCidrs);
  return [...nodes, ...externals];
}
