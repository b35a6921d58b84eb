import {
  unrouted,
  type Desired,
  type Owner,
  type Peer,
  type PeerName,
  type Policy,
  type PolicyName,
  type PoolEntry,
  type Route,
} from '../model/desired.js';
import type { Inventory } from '../model/inventory.js';
import type { Node, NodeName } from '../model/node.js';
import { families, familyOf, type Address, type Family } from '../net/address.js';
import { cidrOf, hostCidr, networkOf, prefixLengthOf, type Cidr } from '../net/cidr.js';
import { PrefixTable } from '../net/prefix-table.js';
import { carriagesOf, type Carriage } from './carriage.js';
import { claimsOf, type Claim, type Claims } from './claim.js';
import { hostOf, isKnown, type Host } from './host.js';
import { overlaysOf, type Overlay } from './overlay.js';
import { Peers } from './peers.js';
import { reach, type Reach } from './reach.js';
import { hostPolicyOf, policyOf, poolEntryOf, routeOf } from './routes.js';
import { selfOf } from './self.js';
import { externalsOf, sourcesOf } from './sources.js';
import type { Warning } from './warning.js';

/** The desired state of one node, and how it came about. */
export interface Decision {
  readonly desired: Desired;
  readonly warnings: readonly Warning[];
  readonly trace: Trace;
}

/** What `explain` and `plan` read beside the desired state. */
export interface Trace {
  readonly overlays: PrefixTable<Overlay>;
  readonly claims: ReadonlyMap<Cidr, Claim>;
  /** Why a CIDR that someone has got no entry. */
  readonly unrouted: ReadonlyMap<Cidr, string>;
  /** All nodes' own addresses. */
  readonly hostAddresses: ReadonlyMap<Address, NodeName>;
  readonly hosts: Readonly<Record<Family, ReadonlyMap<NodeName, Host>>>;
}

/** Pure: the same inventory gives the same desired state on any machine. */
export function decide(inventory: Inventory, self: NodeName): Decision {
  return decided(inventory, self).decision;
}

/** A decision, and what it takes to decide for some blocks anew. */
export interface Decided {
  readonly decision: Decision;
  readonly claims: Claims;
  readonly ground: Ground;
  /** The same as the decision's. */
  readonly blocks: Map<Cidr, Owner>;
  readonly lengths: Lengths;
}

/** By pool: the prefix lengths in which an address of it may be found, and how many blocks have each. */
export type Lengths = ReadonlyMap<Cidr, Map<number, number>>;

export function decided(inventory: Inventory, self: NodeName): Decided {
  const { settings, pools } = inventory;
  const { overlays, counting, warnings: poolWarnings } = overlaysOf(pools, settings);
  const claimed = claimsOf(inventory, self);
  const { claims, warnings: claimWarnings } = claimed;
  const nodes = [...inventory.nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const { hostAddresses, warnings: hostWarnings } = hostAddressesOf(nodes);
  const hosts = { ipv4: hostsOf(nodes, 'ipv4'), ipv6: hostsOf(nodes, 'ipv6') };
  const carriages = carriagesOf(counting, settings);
  const peersOf = (family: Family): Peers =>
    new Peers({
      family,
      local: hosts[family].get(self),
      hosts: hosts[family],
      carried: [family, ...carriages.filter(isOver(family)).map(({ inner }) => inner)],
      zeroUdpChecksum: settings.zeroUdpChecksum,
    });
  const peers = { ipv4: peersOf('ipv4'), ipv6: peersOf('ipv6') };

  const ground: Ground = { self, overlays, hosts, peers };
  const owners = ownersOf({ ...ground, claims });
  const lengths = blockLengthsOf(owners.blocks, overlays);
  const tables = tablesOf({ ...owners, ...ground, lengths, hostAddresses, inventory });
  const sources = sourcesOf({
    others: { ipv4: others(hosts.ipv4, self), ipv6: others(hosts.ipv6, self) },
    peers,
    carriages,
  });
  const desired: Desired = {
    node: self,
    self: {
      ipv4: selfOf(inventory.nodes.get(self), 'ipv4', carriages),
      ipv6: selfOf(inventory.nodes.get(self), 'ipv6', carriages),
    },
    ...tables,
    peers: new Map<PeerName, Peer>(families.flatMap((family) => [...peers[family].all()])),
    sources,
    externals: externalsOf(settings.externalNodes, carriages),
  };
  const decision = {
    desired,
    warnings: [...poolWarnings, ...claimWarnings, ...hostWarnings, ...owners.warnings],
    trace: { overlays, claims, unrouted: owners.unrouted, hostAddresses, hosts },
  };
  return { decision, claims: claimed, ground, blocks: owners.blocks, lengths };
}

/** What the owner of a block depends on, beside who has it. */
export interface Ground {
  readonly self: NodeName;
  readonly overlays: PrefixTable<Overlay>;
  readonly hosts: Trace['hosts'];
  readonly peers: Readonly<Record<Family, Peers>>;
}

interface Owners {
  readonly blocks: Map<Cidr, Owner>;
  readonly unrouted: ReadonlyMap<Cidr, string>;
  readonly warnings: readonly Warning[];
}

/** Felix programs a route for each claim in a pool, or none: then the next wider one counts. */
function ownersOf({
  claims,
  ...ground
}: Ground & { readonly claims: ReadonlyMap<Cidr, Claim> }): Owners {
  const blocks = new Map<Cidr, Owner>();
  const unrouted = new Map<Cidr, string>();
  const faults = new Map<string, Cidr[]>();
  const ways: Ways = new Map();
  for (const [cidr, claim] of claims) {
    const found = ownerOf(cidr, claim, ground, ways);
    if ('peer' in found) {
      blocks.set(cidr, found);
      continue;
    }
    const { because, isFault } = found;
    unrouted.set(cidr, because);
    if (!isFault || claim.by === 'tunnel-address') continue;
    const before = faults.get(because);
    if (before === undefined) faults.set(because, [cidr]);
    else before.push(cidr);
  }
  return { blocks, unrouted, warnings: [...faults].map(unroutedWarning) };
}

/** Who gets the packets for a claimed CIDR; the ways that were found before are looked up. */
export function ownerOf(
  cidr: Cidr,
  { node }: Claim,
  { self, overlays, hosts, peers }: Ground,
  ways: Ways,
): Owner | Unrouted {
  const overlay = overlays.match(cidr)?.value;
  if (overlay === undefined) return { because: 'it is in no pool', isFault: true };
  const family = familyOf(cidr);
  if (overlay.idle !== undefined) {
    const address = hosts[family].get(node)?.interfaceAddress?.address;
    if (overlay.encap !== undefined && node === self) return { peer: 'self', policy: unrouted };
    if (overlay.encap !== undefined && address !== undefined)
      return { peer: peers[family].at(node, address), policy: unrouted };
    return { because: overlay.idle, isFault: false };
  }
  // Felix would send to an address that this node borrowed, but whose workload has gone or is yet to come:
  // over IPIP to this node itself, over VXLAN to the block's owner, who sends it back. Here it is ours.
  const policy = overlay.pool.cidr as string as PolicyName;
  if (node === self) return { peer: 'self', policy };
  const known = ways.get(overlay)?.get(node);
  if (known !== undefined) return known;
  const { underlay } = overlay;
  const way = wayTo(node, { overlay, hosts: hosts[underlay], self });
  const owner =
    way.how === 'unreachable'
      ? { because: way.because, isFault: true }
      : { peer: peers[underlay].at(node, way.via), policy };
  const others = ways.get(overlay);
  if (others === undefined) ways.set(overlay, new Map([[node, owner]]));
  else others.set(node, owner);
  return owner;
}

/** Why nobody gets them. */
export interface Unrouted {
  readonly because: string;
  readonly isFault: boolean;
}

/** The same for all that a node has in a pool: worked out once. */
export type Ways = Map<Overlay, Map<NodeName, Owner | Unrouted>>;

function wayTo(
  node: NodeName,
  {
    overlay,
    hosts,
    self,
  }: {
    readonly overlay: Overlay;
    readonly hosts: ReadonlyMap<NodeName, Host>;
    readonly self: NodeName;
  },
): Reach {
  const remote = hosts.get(node);
  return remote === undefined
    ? { how: 'unreachable', because: `there is no node ${node}` }
    : reach(overlay, hosts.get(self), remote);
}

/** The tables that hang together by pool: only pools in which someone has something need a route. */
function tablesOf({
  self,
  blocks,
  overlays,
  hosts,
  lengths,
  hostAddresses,
  peers,
  inventory,
}: Ground &
  Owners & {
    readonly lengths: Lengths;
    readonly hostAddresses: ReadonlyMap<Address, NodeName>;
    readonly inventory: Inventory;
  }): Pick<Desired, 'policies' | 'pools' | 'blocks' | 'routes'> {
  const policies = new Map<PolicyName, Policy>();
  const routes = new Map<Cidr, Route>();
  const local = inventory.nodes.get(self);
  const used = new PrefixTable<Overlay>();
  const searched = new PrefixTable(lengths);
  for (const cidr of lengths.keys()) {
    const overlay = overlays.match(cidr)?.value;
    if (overlay === undefined || overlay.idle !== undefined) continue;
    used.set(cidr, overlay);
    policies.set(
      cidr as string as PolicyName,
      policyOf(overlay, hosts[overlay.underlay].get(self)),
    );
    routes.set(cidr, routeOf(overlay, local, inventory.settings));
  }
  for (const [address, node] of hostAddresses) {
    const found = used.match(address);
    if (found === undefined) continue;
    const family = familyOf(address);
    const host = hosts[family].get(node);
    const policy = `${found.cidr} hosts` as PolicyName;
    policies.set(policy, hostPolicyOf(found.value, hosts[found.value.underlay].get(self)));
    // Host addresses win over the block around them, whoever's it is: packets to a node must not be encapsulated.
    // They have a next hop of their own family, whatever the pool's packets travel over.
    blocks.set(hostCidr(address), {
      peer:
        node === self
          ? 'self'
          : peers[family].at(node, host?.interfaceAddress?.address ?? host?.ipipAddress ?? address),
      policy,
    });
    const known = searched.match(address)?.value;
    if (known !== undefined) noted(known, prefixLengthOf(hostCidr(address)), 0);
  }
  const pools = new Map<Cidr, PoolEntry>();
  for (const [cidr, known] of lengths) pools.set(cidr, poolEntryOf(known.keys()));
  return { policies, pools, blocks, routes };
}

function blockLengthsOf(blocks: ReadonlyMap<Cidr, Owner>, overlays: PrefixTable<Overlay>): Lengths {
  const lengths = new Map<Cidr, Map<number, number>>();
  const all = new Set<number>();
  for (const cidr of blocks.keys()) {
    const pool = overlays.match(cidr)?.value.pool.cidr;
    if (pool === undefined) continue;
    const length = prefixLengthOf(cidr);
    all.add(length);
    const known = lengths.get(pool);
    if (known === undefined) lengths.set(pool, new Map([[length, 1]]));
    else noted(known, length, 1);
  }
  // A pool inside a block: its addresses are found by the block's length, which is shorter than the pool's.
  for (const [pool, own] of lengths)
    for (const length of all)
      if (length < prefixLengthOf(pool) && blocks.has(cidrOf(networkOf(pool), length)))
        noted(own, length, 0);
  return lengths;
}

function noted(lengths: Map<number, number>, length: number, more: number): void {
  lengths.set(length, (lengths.get(length) ?? 0) + more);
}

function hostsOf(nodes: readonly Node[], family: Family): Map<NodeName, Host> {
  return new Map(nodes.map((node) => [node.name, hostOf(node, family)]));
}

function others(hosts: ReadonlyMap<NodeName, Host>, self: NodeName): Map<NodeName, Host> {
  return new Map([...hosts].filter(([name]) => name !== self));
}

function isOver(family: Family): (carriage: Carriage) => boolean {
  return ({ encap, underlay }) => encap === 'vxlan' && underlay === family;
}

/** Nodes come sorted: of two with one address, the lowest name has it. */
function hostAddressesOf(nodes: readonly Node[]): {
  readonly hostAddresses: Map<Address, NodeName>;
  readonly warnings: readonly Warning[];
} {
  const hostAddresses = new Map<Address, NodeName>();
  const warnings: Warning[] = [];
  for (const node of nodes) {
    if (!isKnown(node)) continue;
    for (const address of node.addresses) {
      const holder = hostAddresses.get(address);
      if (holder === undefined) hostAddresses.set(address, node.name);
      else if (holder !== node.name)
        warnings.push({
          subject: `Node ${node.name}`,
          message: `${address} is an address of node ${holder} too, whose name sorts first: it counts as that node's`,
        });
    }
  }
  return { hostAddresses, warnings };
}

function unroutedWarning([because, [first, ...more]]: [string, Cidr[]]): Warning {
  return {
    subject: `IPAMBlock ${String(first)}${more.length === 0 ? '' : ` and ${more.length} more`}`,
    message: `no packet is sent there: ${because}`,
  };
}
