/** A network of nodes and workloads, before any of it is built. */
export interface Topology {
  readonly segments: readonly Segment[];
  readonly nodes: readonly LabNode[];
  /** Calico's VXLAN pool of this topology, for nodes that run the kernel's own device. */
  readonly vxlanMode: 'Always' | 'CrossSubnet' | 'Never';
  /** Bytes that a workload's interface takes: underlay less the largest outer headers. */
  readonly workloadMtu: number;
  /** Folder under examples/ with the Calico resources that describe the same network. */
  readonly manifests: string;
}

/** An underlay subnet: a bridge in the router's namespace, or without a router a cable between its two nodes. */
export interface Segment {
  readonly name: string;
  readonly router?: string;
  readonly prefixLength: number;
}

/**
 * What encapsulates on a node: our agent; the kernel's vxlan or ipip device wired as Calico wires it; one vxlan device
 * that is told by each route where to (collect metadata); or nothing.
 */
export type Carrier =
  'encap' | 'kernel-vxlan' | 'kernel-vxlan-external' | 'kernel-ipip' | 'kernel-direct';

export interface LabNode {
  readonly name: string;
  readonly segment: string;
  readonly address: string;
  readonly block: string;
  /** Source of the node's own packets into the overlay. */
  readonly tunnelAddress: string;
  /** Calico's VTEP MAC of this node name: `f`, then the first five octets of its SHA-1. */
  readonly vtepMac: string;
  readonly carrier: Carrier;
  readonly workloads: readonly Workload[];
}

export interface Workload {
  readonly name: string;
  readonly address: string;
}

/** The segment that a node is plugged into. */
export function segmentOf(topology: Topology, node: LabNode): Segment {
  const segment = topology.segments.find(({ name }) => name === node.segment);
  if (segment === undefined) throw new TypeError(`${node.name} is on no segment: ${node.segment}`);
  return segment;
}

/** The same network, with every node carried by `carrier`. */
export function carriedBy(topology: Topology, carrier: Carrier): Topology {
  return { ...topology, nodes: topology.nodes.map((node) => ({ ...node, carrier })) };
}
