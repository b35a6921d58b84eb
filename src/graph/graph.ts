import type { EncapName } from '../encap/index.js';
import { decide } from '../decide/decide.js';
import { unrouted } from '../model/desired.js';
import type { Inventory } from '../model/inventory.js';
import type { Node, NodeName } from '../model/node.js';
import { families, familyOf } from '../net/address.js';
import { cidrOf, compareCidrs, isHost, type Cidr } from '../net/cidr.js';

/** How a packet crosses from one node to another. */
export type How = EncapName | 'direct';

/** Who encapsulates to whom, and with what: a picture before it is drawn. */
export interface Graph {
  /** Nodes by the subnet of their address. */
  readonly subnets: readonly Subnet[];
  readonly edges: readonly Edge[];
  /** Drawn where there are several. */
  readonly routers?: readonly Router[];
}

/** `subnets`: names of those that it joins; of one without nodes there is no `Subnet`. */
export interface Router {
  readonly name: string;
  readonly subnets: readonly string[];
}

/** The subnets that routers join and no node is in. */
export function transits({ subnets, routers = [] }: Graph): readonly string[] {
  const joined = new Set(routers.flatMap((router) => router.subnets));
  return [...joined].filter((name) => !subnets.some((subnet) => subnet.name === name));
}

export interface Subnet {
  readonly name: string;
  readonly nodes: readonly Spot[];
}

/** A node of the cluster, or, of a large one, all of a subnet. */
export interface Spot {
  readonly name: string;
  readonly lines: readonly string[];
}

/** `both`: packets go this way in either direction. Of a spot that stands for many: from and to may be the same. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly how: How;
  readonly both: boolean;
}

/** More nodes than these are drawn subnet by subnet. */
export const mostNodes = 24;

/** Pure: what every node of an inventory decides for the blocks of every other. */
export function graphOf(inventory: Inventory): Graph {
  const nodes = [...inventory.nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const blocks = blocksOf(inventory);
  const ways = nodes.flatMap(({ name }) => waysOf(inventory, name));
  const bySubnet = new Map<string, Node[]>();
  for (const node of nodes) {
    const subnet = subnetOf(node);
    bySubnet.set(subnet, [...(bySubnet.get(subnet) ?? []), node]);
  }
  if (nodes.length > mostNodes) return coarse(bySubnet, ways);
  return {
    subnets: [...bySubnet].map(([name, here]) => ({
      name,
      nodes: here.map((node) => ({
        name: node.name,
        lines: [...addressesOf(node), ...(blocks.get(node.name) ?? [])],
      })),
    })),
    edges: edgesOf(ways),
  };
}

interface Way {
  readonly from: string;
  readonly to: string;
  readonly how: How;
}

/** Each way once, however many blocks go it. */
function waysOf(inventory: Inventory, self: NodeName): readonly Way[] {
  const { policies, peers, blocks } = decide(inventory, self).desired;
  const ways = new Map<string, Way>();
  for (const { peer: name, policy: policyName } of blocks.values()) {
    if (name === 'self' || policyName === unrouted) continue;
    const [peer, policy] = [peers.get(name), policies.get(policyName)];
    if (peer === undefined || policy === undefined) continue;
    const encap = peer.sameSubnet ? policy.sameSubnet : policy.otherSubnet;
    const how = encap === 'none' ? 'direct' : encap;
    ways.set(`${peer.node} ${how}`, { from: self, to: peer.node, how });
  }
  return [...ways.values()];
}

/** Two ways that are each other's answer become one edge. */
function edgesOf(ways: readonly Way[]): readonly Edge[] {
  const keyOf = (from: string, to: string, how: How): string => JSON.stringify([from, to, how]);
  const all = new Set(ways.map(({ from, to, how }) => keyOf(from, to, how)));
  return ways
    .filter(({ from, to, how }) => from <= to || !all.has(keyOf(to, from, how)))
    .map(({ from, to, how }) => ({ from, to, how, both: all.has(keyOf(to, from, how)) }));
}

function coarse(bySubnet: ReadonlyMap<string, readonly Node[]>, ways: readonly Way[]): Graph {
  const subnetOfNode = new Map(
    [...bySubnet].flatMap(([subnet, nodes]) => nodes.map(({ name }) => [String(name), subnet])),
  );
  const between = new Map<string, Way>();
  for (const { from, to, how } of ways) {
    const ends = { from: subnetOfNode.get(from) ?? from, to: subnetOfNode.get(to) ?? to };
    between.set(JSON.stringify([ends, how]), { ...ends, how });
  }
  return {
    subnets: [...bySubnet].map(([name, nodes]) => {
      const [first, last] = [nodes[0]?.name ?? '', nodes.at(-1)?.name ?? ''];
      return { name, nodes: [{ name, lines: [`${nodes.length} nodes`, `${first} to ${last}`] }] };
    }),
    edges: edgesOf([...between.values()]),
  };
}

/** Whole blocks; borrowed addresses are no news of a picture. */
function blocksOf(inventory: Inventory): ReadonlyMap<string, readonly Cidr[]> {
  const blocks = new Map<string, Cidr[]>();
  for (const { cidr, node } of inventory.blocks)
    if (node !== undefined && !isHost(cidr)) blocks.set(node, [...(blocks.get(node) ?? []), cidr]);
  for (const own of blocks.values()) own.sort(compareCidrs);
  return blocks;
}

function addressesOf(node: Node): readonly string[] {
  return families.flatMap((family) => {
    const address = (node[family].bgp ?? node[family].fallback)?.address;
    return address === undefined ? [] : [address];
  });
}

/** Of its IPv4 address, else of its IPv6 one. */
function subnetOf(node: Node): string {
  for (const family of families) {
    const at = node[family].bgp ?? node[family].fallback;
    if (at !== undefined && familyOf(at.address) === family)
      return cidrOf(at.address, at.prefixLength);
  }
  return 'no address';
}
