/** What the pools of a test say: the IPv4 pool, and that of IPv6 where the stack has it. */
export interface PoolModes {
  readonly vxlanMode?: string;
  readonly ipipMode?: string;
  /** VXLAN where it is left out. */
  readonly ipv6?: Omit<PoolModes, 'ipv6' | 'beyondCalico' | 'hosts'>;
  /** Of the NodeConfig; without it there is none. */
  readonly beyondCalico?: object;
  /** Last numbers of the nodes' IPv4 addresses: 1 and 2 where it is left out. */
  readonly hosts?: readonly [number, number];
  /** Last part of the nodes' IPv6 tunnel addresses: the first of their block where it is left out. */
  readonly ipv6TunnelHost?: number;
}

/** What the nodes and workloads of a Network have. */
export type Stack = 'ipv4' | 'ipv6' | 'dual-stack';

/** Calico's resources for the two nodes of a Network, 1 and 2: a pool for each family and a block of it on each node. */
export function clusterOf(stack: Stack, modes: PoolModes): readonly object[] {
  const has = { ipv4: stack !== 'ipv6', ipv6: stack !== 'ipv4' };
  const { beyondCalico, hosts = [1, 2], ipv6TunnelHost: host = '' } = modes;
  return [
    ...(has.ipv4 ? [pool('workloads', '10.244.0.0/16', 26, modes)] : []),
    ...(has.ipv6 ? [pool('workloads-ipv6', 'fd00:244::/48', 122, modes.ipv6 ?? vxlan)] : []),
    ...[1, 2].flatMap((number) => {
      const node = number === 1 ? 'node-a' : 'node-b';
      const tunnel = { ipv4: `10.244.${number}.0`, ipv6: `fd00:244:0:${number}::${host}` };
      return [
        resource('Node', node, {
          bgp: {
            ...(has.ipv4
              ? {
                  ipv4Address: `192.168.77.${hosts[number - 1]}/24`,
                  ipv4IPIPTunnelAddr: tunnel.ipv4,
                }
              : {}),
            ...(has.ipv6 ? { ipv6Address: `fd00:77::${number}/64` } : {}),
          },
          ...(has.ipv4 ? { ipv4VXLANTunnelAddr: tunnel.ipv4 } : {}),
          ...(has.ipv6 ? { ipv6VXLANTunnelAddr: tunnel.ipv6 } : {}),
        }),
        ...(has.ipv4 ? [block(`10.244.${number}.0/26`, node)] : []),
        ...(has.ipv6 ? [block(`fd00:244:0:${number}::/122`, node)] : []),
      ];
    }),
    ...(beyondCalico === undefined
      ? []
      : [{ apiVersion: 'encap/v1', kind: 'NodeConfig', beyondCalico }]),
  ];
}

/** A Calico resource. */
export function resource(kind: string, name: string, spec: object): object {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec };
}

const vxlan: PoolModes = { vxlanMode: 'Always' };

function pool(
  name: string,
  cidr: string,
  blockSize: number,
  { vxlanMode = 'Never', ipipMode = 'Never' }: PoolModes,
): object {
  return resource('IPPool', name, { cidr, blockSize, vxlanMode, ipipMode, natOutgoing: false });
}

/** A node that is declared, and not there: `number` is in its addresses. */
export function absentNode(name: string, number: number): object {
  return resource('Node', name, {
    bgp: { ipv4Address: `192.168.77.${number}/24`, ipv4IPIPTunnelAddr: `10.244.${number}.0` },
    ipv4VXLANTunnelAddr: `10.244.${number}.0`,
  });
}

/** A block of 64 addresses: the first is the node's tunnel address, the sixth a workload's. */
export function block(cidr: string, node: string): object {
  return resource('IPAMBlock', cidr.replace(/[.:/]+/g, '-'), {
    cidr,
    affinity: `host:${node}`,
    allocations: Array.from({ length: 64 }, (_, ordinal) =>
      ordinal === 0 || ordinal === 5 ? 0 : null,
    ),
    attributes: [{ handle_id: 'workload', secondary: { node } }],
    unallocated: [],
    strictAffinity: false,
    deleted: false,
  });
}
