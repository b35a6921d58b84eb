/** A network of nodes and workloads, before any of it is built. */
export interface Topology {
  readonly segments: readonly Segment[];
  /** Calico's pools of this network. */
  readonly pools: readonly LabPool[];
  readonly nodes: readonly LabNode[];
  /** Absent: one, with a port in every segment that has a router. The first is called `router`. */
  readonly routers?: readonly LabRouter[];
  /** Bytes that every workload's interface takes; absent: each node's underlay less the largest outer headers. */
  readonly workloadMtu?: number;
  /** File or folder with the Calico resources that describe the same network; absent: they are written from it. */
  readonly resources?: string;
}

/** An underlay subnet: a bridge in the first router's namespace, or without a router a cable between its two nodes. */
export interface Segment {
  readonly name: string;
  /** Where its nodes send what is for others: the first router that has a port in it. */
  readonly router?: string;
  readonly prefixLength: number;
  readonly router6?: string;
  readonly prefixLength6?: number;
  /** Default: 1500. */
  readonly mtu?: number;
  /** Of 100 frames to a node of this subnet so many are lost on their way. */
  readonly loss?: number;
}

/** Forwards between the segments of its ports. */
export interface LabRouter {
  readonly name: string;
  readonly ports: readonly RouterPort[];
}

export interface RouterPort {
  readonly segment: string;
  readonly address: string;
  readonly address6?: string;
}

export const modes = ['Always', 'CrossSubnet', 'Never'] as const;

export type Mode = (typeof modes)[number];

/** What Calico's IPPool says; of the two modes one is Never. */
export interface LabPool {
  readonly name: string;
  readonly cidr: string;
  readonly blockSize: number;
  readonly vxlanMode: Mode;
  readonly ipipMode: Mode;
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
  readonly address6?: string;
  /** One of each pool. */
  readonly blocks: readonly LabBlock[];
  /** Calico's VTEP MAC of this node name: `f`, then the first five octets of its SHA-1. */
  readonly vtepMac: string;
  /** The same of its VXLAN over IPv6, where it has that: of the name with `-v6` behind it. */
  readonly vtepMac6?: string;
  readonly carrier: Carrier;
  /** `once`: its agent makes one round and ends, the datapath stays. Absent: it stays and follows the resources. */
  readonly agent?: 'once';
  /** Of its link; default: that of its segment. */
  readonly mtu?: number;
  readonly workloads: readonly Workload[];
}

export interface LabBlock {
  /** Its name. */
  readonly pool: string;
  readonly cidr: string;
  /** Source of the node's own packets into the overlay: of the first pool of each family and encapsulation. */
  readonly tunnelAddress?: string;
}

export interface Workload {
  readonly name: string;
  readonly address: string;
  readonly address6?: string;
}

/** The segment that a node is plugged into. */
export function segmentOf(topology: Topology, node: LabNode): Segment {
  return segmentNamed(topology, node.segment);
}

export function segmentNamed({ segments }: Topology, name: string): Segment {
  const segment = segments.find((one) => one.name === name);
  if (segment === undefined) throw new TypeError(`there is no segment ${name}`);
  return segment;
}

/** The routers of a network: its own, or the one that all segments share. */
export function routersOf({ routers, segments }: Topology): readonly LabRouter[] {
  if (routers !== undefined) return routers;
  const ports = segments.flatMap(({ name: segment, router: address, router6 }): RouterPort[] =>
    address === undefined
      ? []
      : [{ segment, address, ...(router6 === undefined ? {} : { address6: router6 }) }],
  );
  return [{ name: 'router', ports }];
}

/** Bytes that a node's link carries. */
export function underlayMtuOf(topology: Topology, node: LabNode): number {
  return node.mtu ?? segmentOf(topology, node).mtu ?? 1500;
}

/** Bytes that the interfaces of a node's workloads take. */
export function workloadMtuOf(topology: Topology, node: LabNode): number {
  return topology.workloadMtu ?? underlayMtuOf(topology, node) - outerBytes(topology);
}

/** Whether a pool's packets from one node to another get outer headers. */
export function isEncapsulated(
  topology: Topology,
  { vxlanMode, ipipMode }: LabPool,
  [from, to]: readonly [LabNode, LabNode],
): boolean {
  switch (vxlanMode === 'Never' ? ipipMode : vxlanMode) {
    case 'Always':
      return true;
    case 'CrossSubnet':
      return segmentOf(topology, from) !== segmentOf(topology, to);
    case 'Never':
      return false;
  }
}

/** The pool that a block is of. */
export function poolOf({ pools }: Topology, { pool }: LabBlock): LabPool {
  const found = pools.find(({ name }) => name === pool);
  if (found === undefined) throw new TypeError(`a block of no pool: ${pool}`);
  return found;
}

/** Nodes and workloads have addresses of both families. */
export function isDualStack({ nodes }: Topology): boolean {
  return nodes.some(({ address6 }) => address6 !== undefined);
}

/** The same network, with every node carried by `carrier`. */
export function carriedBy(topology: Topology, carrier: Carrier): Topology {
  return { ...topology, nodes: topology.nodes.map((node) => ({ ...node, carrier })) };
}

/** RFC 7348, RFC 2003: what the largest outer headers of its pools take. */
function outerBytes({ pools }: Topology): number {
  return Math.max(
    0,
    ...pools.map(({ cidr, vxlanMode, ipipMode }) => {
      if (vxlanMode !== 'Never') return cidr.includes(':') ? 70 : 50;
      return ipipMode === 'Never' ? 0 : 20;
    }),
  );
}
