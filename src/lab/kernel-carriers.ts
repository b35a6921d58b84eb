import { kernelVxlan, tunnelAddressOf, ways } from './kernel-vxlan.js';
import { workloadMtuOf, type LabNode, type Topology } from './topology.js';

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
    `link add name vxlan.calico address ${node.vtepMac} mtu ${workloadMtuOf(topology, node)} type vxlan external dstport 4789 nolearning`,
    `address add ${tunnelAddressOf(node)}/32 dev vxlan.calico`,
    'link set dev vxlan.calico up',
    ...peersOf(topology, node).flatMap((peer) => [
      `neighbour replace ${tunnelAddressOf(peer)} lladdr ${peer.vtepMac} dev vxlan.calico nud permanent`,
      ...peer.blocks.map(
        ({ cidr }) =>
          `route add ${cidr} encap ip id 4096 dst ${peer.address} src ${node.address} via ${tunnelAddressOf(peer)} dev vxlan.calico onlink`,
      ),
    ]),
  ];
}

/** As Calico's tunl0: a device without a remote end sends to the next hop of the route. */
function ipip(topology: Topology, node: LabNode): readonly string[] {
  return [
    `link add name ipip.calico mtu ${workloadMtuOf(topology, node)} type ipip local ${node.address}`,
    `address add ${tunnelAddressOf(node)}/32 dev ipip.calico`,
    'link set dev ipip.calico up',
    ...peersOf(topology, node).flatMap((peer) =>
      ways(topology, node, peer).map(
        ({ block, how }) =>
          `route add ${block.cidr} via ${peer.address} dev ${how === 'encapsulated' ? 'ipip.calico' : 'eth0'} onlink`,
      ),
    ),
  ];
}

function direct(topology: Topology, node: LabNode): readonly string[] {
  return peersOf(topology, node).flatMap((peer) =>
    peer.blocks.map(({ cidr }) => `route add ${cidr} via ${peer.address}`),
  );
}

function peersOf({ nodes }: Topology, node: LabNode): readonly LabNode[] {
  return nodes.filter(({ name }) => name !== node.name);
}
