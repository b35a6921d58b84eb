/** Addresses of every block: Calico's IPv4 blocks have 16 to 4096; with 16, a million of them fit in 10.0.0.0/8. */
export const hostBits = 4;

/** The first address of all blocks, 10.0.0.0. */
export const firstAddress = 10 * 2 ** 24;

/** A cluster of so many blocks in one pool that is as small as it can be, one block behind the other. */
export interface ScaleWorld {
  readonly blocks: number;
  /** About ten blocks for each node, 5,000 nodes at most. The first is the one that is measured. */
  readonly nodes: number;
  readonly pool: string;
  /** All in one subnet, this one's prefix. */
  readonly underlayPrefix: number;
}

export function worldOf(blocks: number): ScaleWorld {
  const nodes = Math.min(5000, Math.max(3, Math.ceil(blocks / 10)));
  const poolPrefix = blockPrefix - Math.ceil(Math.log2(Math.max(blocks, 2)));
  return { blocks, nodes, pool: `10.0.0.0/${poolPrefix}`, underlayPrefix: 12 };
}

export const blockPrefix = 32 - hostBits;

export function blockCidr(block: number): string {
  return `${ipv4(firstAddress + block * 2 ** hostBits)}/${blockPrefix}`;
}

export function nodeName(node: number): string {
  return `node-${String(node).padStart(4, '0')}`;
}

export function nodeAddress(node: number): string {
  return ipv4(172 * 2 ** 24 + 16 * 2 ** 16 + 1 + node);
}

/** Blocks are dealt out in turn. */
export function ownerOf(block: number, { nodes }: ScaleWorld): number {
  return block % nodes;
}

/** Calico's resources of a cluster, but for the blocks. */
export function clusterResources({ nodes, pool, underlayPrefix }: ScaleWorld): readonly object[] {
  const apiVersion = 'projectcalico.org/v3';
  return [
    {
      apiVersion,
      kind: 'IPPool',
      metadata: { name: 'scale' },
      spec: { cidr: pool, blockSize: blockPrefix, vxlanMode: 'Always', nodeSelector: 'all()' },
    },
    ...Array.from({ length: nodes }, (_, node) => ({
      apiVersion,
      kind: 'Node',
      metadata: { name: nodeName(node) },
      spec: {
        bgp: { ipv4Address: `${nodeAddress(node)}/${underlayPrefix}` },
        // the first of the node's first block
        ipv4VXLANTunnelAddr: ipv4(firstAddress + node * 2 ** hostBits),
      },
    })),
  ];
}

/** A block as Calico's datastore has it, without allocations. */
export function blockResource(block: number, node: number): object {
  const cidr = blockCidr(block);
  const places = Array.from({ length: 2 ** hostBits }, (_, place) => place);
  return {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'IPAMBlock',
    metadata: { name: cidr.replaceAll(/[./]/g, '-') },
    spec: {
      affinity: `host:${nodeName(node)}`,
      allocations: places.map(() => null),
      attributes: [],
      cidr,
      strictAffinity: false,
      unallocated: places,
    },
  };
}

export function ipv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}
