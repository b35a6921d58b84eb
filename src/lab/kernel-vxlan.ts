import type { KernelLines } from './kernel-carriers.js';
import { segmentOf, type LabNode, type Topology } from './topology.js';

/**
 * Lines of `ip -batch` and `bridge -batch` that make a node as Calico without eBPF does: a vxlan
 * device without learning, one neighbour and one forwarding entry for each peer, a route for each
 * block, and a blackhole for what is unused of the node's own.
 */
export function kernelVxlan(topology: Topology, node: LabNode): KernelLines {
  const peers = topology.nodes.filter(({ name }) => name !== node.name);
  const encapsulated = peers.filter((peer) => isEncapsulated(topology, node, peer));
  return {
    ip: [
      `link add name ${device} address ${node.vtepMac} mtu ${topology.workloadMtu} type vxlan id 4096 dstport 4789 local ${node.address} dev eth0 nolearning`,
      `address add ${node.tunnelAddress}/32 dev ${device}`,
      `link set dev ${device} up`,
      `route add blackhole ${node.block} proto 80`,
      ...encapsulated.flatMap((peer) => [
        `neighbour replace ${peer.tunnelAddress} lladdr ${peer.vtepMac} dev ${device} nud permanent`,
        `route add ${peer.block} via ${peer.tunnelAddress} dev ${device} onlink proto 80`,
      ]),
      ...peers
        .filter((peer) => !encapsulated.includes(peer))
        .map((peer) => `route add ${peer.block} via ${peer.address} dev eth0 onlink proto 80`),
    ],
    bridge: encapsulated.map(
      (peer) => `fdb add ${peer.vtepMac} dev ${device} dst ${peer.address} self permanent`,
    ),
  };
}

const device = 'vxlan.calico';

function isEncapsulated(topology: Topology, node: LabNode, peer: LabNode): boolean {
  switch (topology.vxlanMode) {
    case 'Always':
      return true;
    case 'CrossSubnet':
      return segmentOf(topology, node) !== segmentOf(topology, peer);
    case 'Never':
      return false;
  }
}
