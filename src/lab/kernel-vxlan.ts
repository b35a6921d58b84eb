import { addressBits, families, familyOf, type Family } from '../net/address.js';
import type { KernelLines } from './kernel-carriers.js';
import {
  isEncapsulated,
  poolOf,
  workloadMtuOf,
  type LabBlock,
  type LabNode,
  type Topology,
} from './topology.js';

/**
 * Lines of `ip -batch` and `bridge -batch` that make a node as Calico without eBPF does: for each family a vxlan
 * device without learning, one neighbour and one forwarding entry for each peer, a route for each block, and a
 * blackhole for what is unused of the node's own.
 */
export function kernelVxlan(topology: Topology, node: LabNode): KernelLines {
  const each = families.map((family) => ofFamily(topology, node, family));
  return { ip: each.flatMap(({ ip }) => ip), bridge: each.flatMap(({ bridge }) => bridge) };
}

function ofFamily(topology: Topology, node: LabNode, family: Family): KernelLines {
  const own = endOf(node, family);
  const mtu = workloadMtuOf(topology, node);
  const nodad = family === 'ipv6' ? ' nodad' : '';
  const peers = topology.nodes
    .filter(({ name }) => name !== node.name)
    .map((peer) => ({
      end: endOf(peer, family),
      ways: ways(topology, node, peer).filter(({ block }) => familyOf(block.cidr) === family),
    }));
  const tunnelled = peers.filter((peer) => peer.ways.some(({ how }) => how === 'encapsulated'));
  return {
    ip: [
      ...(own.tunnelAddress === undefined
        ? []
        : [
            `link add name ${own.device} address ${own.mac} mtu ${mtu} type vxlan id 4096 dstport 4789 local ${own.underlay} dev eth0 nolearning`,
            `address add ${own.tunnelAddress}/${addressBits[family]} dev ${own.device}${nodad}`,
            `link set dev ${own.device} up`,
          ]),
      ...node.blocks
        .filter(({ cidr }) => familyOf(cidr) === family)
        .map(({ cidr }) => `route add blackhole ${cidr} proto 80`),
      ...tunnelled.map(
        ({ end }) =>
          `neighbour replace ${end.tunnelAddress ?? ''} lladdr ${end.mac} dev ${own.device} nud permanent`,
      ),
      ...peers.flatMap(({ end, ways: all }) =>
        all.map(({ block, how }) =>
          how === 'encapsulated'
            ? `route add ${block.cidr} via ${end.tunnelAddress ?? ''} dev ${own.device} onlink proto 80`
            : `route add ${block.cidr} via ${end.underlay} dev eth0 onlink proto 80`,
        ),
      ),
    ],
    bridge: tunnelled.map(
      ({ end }) => `fdb add ${end.mac} dev ${own.device} dst ${end.underlay} self permanent`,
    ),
  };
}

/** A node as the tunnel of one family meets it. */
interface End {
  readonly device: string;
  readonly mac: string;
  readonly underlay: string;
  /** Absent where no pool of the family is encapsulated. */
  readonly tunnelAddress: string | undefined;
}

function endOf(node: LabNode, family: Family): End {
  const tunnelAddress = node.blocks.find(
    (block) => familyOf(block.cidr) === family && block.tunnelAddress !== undefined,
  )?.tunnelAddress;
  return family === 'ipv4'
    ? { device: 'vxlan.calico', mac: node.vtepMac, underlay: node.address, tunnelAddress }
    : {
        device: 'vxlan-v6.calico',
        mac: node.vtepMac6 ?? '',
        underlay: node.address6 ?? '',
        tunnelAddress,
      };
}

/** Each block of a peer, and how packets for it go there. */
export function ways(
  topology: Topology,
  node: LabNode,
  peer: LabNode,
): readonly { readonly block: LabBlock; readonly how: 'encapsulated' | 'direct' }[] {
  return peer.blocks.map((block) => ({
    block,
    how: isEncapsulated(topology, poolOf(topology, block), [node, peer])
      ? 'encapsulated'
      : 'direct',
  }));
}

/** Of the node's device, whatever encapsulates: the first that there is. */
export function tunnelAddressOf({ name, blocks }: LabNode): string {
  const address = blocks.find(({ tunnelAddress }) => tunnelAddress !== undefined)?.tunnelAddress;
  if (address === undefined) throw new TypeError(`${name} has no tunnel address`);
  return address;
}
