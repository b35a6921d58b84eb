import { kernelVxlan } from './kernel-vxlan.js';
import type { LabNode, Topology } from './topology.js';

/** Lines of `ip -batch` and `bridge -batch` in a node's namespace. */
export interface KernelLines {
  readonly ip: readonly string[];
  readonly bridge: readonly string[];
}

/** What makes the kernel itself carry a node's packets; nothing where our agent does. */
export function kernelLines(topology: Topology, node: LabNode): KernelLines {
  switch (node.carrier) {
    case 'encap':
      return { ip: [], bridge: [] };
    case 'kernel-vxlan':
      return kernelVxlan(topology, node);
    case 'kernel-vxlan-external':
      return { ip: external(topology, node), bridge: [] };
    case 'kernel-ipip':
      return { ip: ipip(topology, node), bridge: [] };
    case 'kernel-direct':
      return { ip: direct(topology, node), bridge: [] };
  }
}

/** One device for all peers, told by each route where a packet goes (ip-route(8), encap ip). */
function external(topology: Topology, node: LabNode): readonly string[] {
  return [
    `link add name vxlan.calico address ${node.vtepMac} mtu ${topology.workloadMtu} type vxlan external dstport 4789 nolearning`,
    `address add ${node.tunnelAddress}/32 dev vxlan.calico`,
    'link set dev vxlan.calico up',
    ...peersOf(topology, node).flatMap((peer) => [
      `neighbour replace ${peer.tunnelAddress} lladdr ${peer.vtepMac} dev vxlan.calico nud permanent`,
      `route add ${peer.block} encap ip id 4096 dst ${peer.address} src ${node.address} via ${peer.tunnelAddress} dev vxlan.calico onlink`,
    ]),
  ];
}

/** As Calico's tunl0: a device without a remote end sends to the next hop of the route. */
function ipip(topology: Topology, node: LabNode): readonly string[] {
  return [
    `link add name ipip.calico mtu ${topology.workloadMtu} type ipip local ${node.address}`,
    `address add ${node.tunnelAddress}/32 dev ipip.calico`,
    'link set dev ipip.calico up',
    ...peersOf(topology, node).map(
      (peer) => `route add ${peer.block} via ${peer.address} dev ipip.calico onlink`,
    ),
  ];
}

function direct(topology: Topology, node: LabNode): readonly string[] {
  return peersOf(topology, node).map((peer) => `route add ${peer.block} via ${peer.address}`);
}

function peersOf({ nodes }: Topology, node: LabNode): readonly LabNode[] {
  return nodes.filter(({ name }) => name !== node.name);
}
