import { addressToInteger, type Address } from '../net/address.js';
import { contains, readCidr, type Cidr } from '../net/cidr.js';
import { poolOf, segmentOf, type LabBlock, type LabNode, type Topology } from './topology.js';

/** Calico's resources of a topology, as its API has them: pools, nodes, blocks with what is allocated of them. */
export function resourcesOf(topology: Topology): readonly object[] {
  const { pools, nodes } = topology;
  return [
    ...pools.map(({ name, ...spec }) => ({
      apiVersion,
      kind: 'IPPool',
      metadata: { name },
      spec: { ...spec, natOutgoing: false, nodeSelector: 'all()' },
    })),
    ...nodes.map((node) => ({
      apiVersion,
      kind: 'Node',
      metadata: { name: node.name },
      spec: nodeSpec(topology, node),
    })),
    ...nodes.flatMap((node) =>
      node.blocks.map((block) => ({
        apiVersion: 'crd.projectcalico.org/v1',
        kind: 'IPAMBlock',
        metadata: { name: block.cidr.replaceAll(/[./:]+/g, '-') },
        spec: blockSpec(node, block),
      })),
    ),
  ];
}

const apiVersion = 'projectcalico.org/v3';

function nodeSpec(topology: Topology, node: LabNode): object {
  const { prefixLength, prefixLength6 } = segmentOf(topology, node);
  const tunnels = node.blocks.flatMap((block) =>
    block.tunnelAddress === undefined ? [] : [tunnelMember(topology, block)],
  );
  return {
    bgp: {
      ipv4Address: `${node.address}/${prefixLength}`,
      ...(node.address6 === undefined
        ? {}
        : { ipv6Address: `${node.address6}/${String(prefixLength6)}` }),
      ...Object.fromEntries(tunnels.filter(([member]) => member === 'ipv4IPIPTunnelAddr')),
    },
    ...Object.fromEntries(tunnels.filter(([member]) => member !== 'ipv4IPIPTunnelAddr')),
  };
}

/** A tunnel address stands in a member of its own for each family and encapsulation. */
function tunnelMember(topology: Topology, block: LabBlock): readonly [string, string | undefined] {
  const { ipipMode } = poolOf(topology, block);
  if (block.cidr.includes(':')) return ['ipv6VXLANTunnelAddr', block.tunnelAddress];
  return [ipipMode === 'Never' ? 'ipv4VXLANTunnelAddr' : 'ipv4IPIPTunnelAddr', block.tunnelAddress];
}

function blockSpec(node: LabNode, { cidr, tunnelAddress }: LabBlock): object {
  const size = blockLength(cidr);
  const used = [
    ...(tunnelAddress === undefined ? [] : [tunnelAddress]),
    ...node.workloads.flatMap(({ address, address6 }) => [address, address6 ?? []].flat()),
  ].filter((address) => contains(cidr as Cidr, address as Address));
  const ordinals = used.map((address) => ordinalIn(cidr, address));
  const places = Array.from({ length: size }, (_, place) => place);
  return {
    affinity: `host:${node.name}`,
    allocations: places.map((place) => (ordinals.includes(place) ? ordinals.indexOf(place) : null)),
    attributes: ordinals.map(() => ({ secondary: { node: node.name } })),
    cidr,
    strictAffinity: false,
    unallocated: places.filter((place) => !ordinals.includes(place)),
  };
}

function blockLength(cidr: string): number {
  const length = Number(cidr.split('/')[1]);
  return 2 ** ((cidr.includes(':') ? 128 : 32) - length);
}

function ordinalIn(cidr: string, address: string): number {
  const first = readCidr(cidr)?.address;
  if (first === undefined) throw new TypeError(`${cidr} is no CIDR`);
  return Number(addressToInteger(address as Address) - addressToInteger(first));
}
