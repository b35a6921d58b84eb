import { resource } from '../../support/network/cluster.js';

/** Calico's resources, and what node-a must make of them: written by hand. */
export interface World {
  readonly pool: string;
  /** By block, the address of the node that has it. */
  readonly blocks: Readonly<Record<string, string>>;
  readonly encap: 'ipip' | 'vxlan';
  /** Of the pool's route, bytes. */
  readonly mtu: number;
  readonly resources: readonly object[];
}

const nodes = { 'node-a': '192.168.77.1', 'node-b': '192.168.77.2', 'node-c': '192.168.77.3' };

type NodeName = keyof typeof nodes;

/** One block on each node, VXLAN. */
export const before = world('vxlan', 1450, {
  '10.244.1.0/26': 'node-a',
  '10.244.2.0/26': 'node-b',
  '10.244.3.0/26': 'node-c',
});

/** A block moved, another one new, one gone; IPIP, and a setting that is another program. */
export const after = world(
  'ipip',
  1480,
  { '10.244.1.0/26': 'node-a', '10.244.3.0/26': 'node-b', '10.244.4.0/26': 'node-c' },
  [resource('FelixConfiguration', 'default', { allowVXLANPacketsFromWorkloads: true })],
);

function world(
  encap: World['encap'],
  mtu: number,
  blocks: Readonly<Record<string, NodeName>>,
  more: readonly object[] = [],
): World {
  const pool = '10.244.0.0/16';
  const owners = Object.entries(blocks);
  return {
    pool,
    encap,
    mtu,
    blocks: Object.fromEntries([
      ...owners.map(([cidr, node]) => [cidr, nodes[node]]),
      ['10.244.250.0/32', nodes['node-a']], // the tunnel address of node-a itself
    ]) as Record<string, string>,
    resources: [
      resource('IPPool', 'workloads', {
        cidr: pool,
        blockSize: 26,
        vxlanMode: encap === 'vxlan' ? 'Always' : 'Never',
        ipipMode: encap === 'ipip' ? 'Always' : 'Never',
      }),
      ...Object.entries(nodes).map(([name, address], place) =>
        resource('Node', name, {
          bgp: { ipv4Address: `${address}/24`, ipv4IPIPTunnelAddr: `10.244.250.${place}` },
          ipv4VXLANTunnelAddr: `10.244.250.${place}`,
        }),
      ),
      ...owners.map(([cidr, node]) =>
        resource('IPAMBlock', cidr.replace(/[./]/g, '-'), {
          cidr,
          affinity: `host:${node}`,
          allocations: Array.from({ length: 64 }, () => null),
          attributes: [],
          unallocated: Array.from({ length: 64 }, (_, ordinal) => ordinal),
          strictAffinity: false,
          deleted: false,
        }),
      ),
      ...more,
    ],
  };
}
