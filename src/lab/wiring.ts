import { namespaceOf } from './state.js';
import { segmentOf, type LabNode, type Topology, type Workload } from './topology.js';

/** What one namespace of a lab needs, in the order in which it is done. */
export interface Wiring {
  readonly namespace: string;
  readonly sysctls: Readonly<Record<string, number>>;
  /** Sysctls of interfaces that `links` makes. */
  readonly interfaceSysctls: Readonly<Record<string, number>>;
  /** Lines of `ip -batch` that make links, also the far ends in other namespaces. */
  readonly links: readonly string[];
  /** Lines of `ip -batch` for addresses and routes, when all links are there. */
  readonly addresses: readonly string[];
}

/** Pure: everything that makes a topology, namespace by namespace. */
export function wiringOf(lab: string, topology: Topology): readonly Wiring[] {
  return [
    routerWiring(lab, topology),
    ...topology.nodes.flatMap((node) => [
      nodeWiring(lab, topology, node),
      ...node.workloads.map((workload) => workloadWiring(lab, node, workload)),
    ]),
  ];
}

/** The router: a bridge for each segment, a port for each node, forwarding between them. */
function routerWiring(lab: string, { segments, nodes }: Topology): Wiring {
  return {
    namespace: namespaceOf(lab, 'router'),
    sysctls: { ...noIpv6, 'net/ipv4/ip_forward': 1 },
    interfaceSysctls: {},
    links: segments.flatMap(({ name, router }) => {
      const here = nodes.filter(({ segment }) => segment === name);
      return router === undefined
        ? cable(here.map((node) => namespaceOf(lab, node.name)))
        : [
            `link add name ${name} type bridge stp_state 0 mcast_snooping 0`,
            `link set dev ${name} up`,
            ...here.flatMap((node) => [
              `link add name ${node.name} type veth peer name eth0 netns ${namespaceOf(lab, node.name)}`,
              `link set dev ${node.name} master ${name} up`,
            ]),
          ];
    }),
    addresses: segments.flatMap(({ name, router, prefixLength }) =>
      router === undefined ? [] : [`address add ${router}/${prefixLength} dev ${name}`],
    ),
  };
}

/** One veth pair; each of the two namespaces has an end of it as eth0. */
function cable([one, other]: readonly string[]): readonly string[] {
  if (one === undefined || other === undefined) throw new TypeError('a cable has two ends');
  return [`link add name eth0 netns ${one} type veth peer name eth0 netns ${other}`];
}

/** A node: its uplink eth0, strict reverse path check, and one cali* interface for each workload. */
function nodeWiring(lab: string, topology: Topology, node: LabNode): Wiring {
  const { router, prefixLength } = segmentOf(topology, node);
  return {
    namespace: namespaceOf(lab, node.name),
    sysctls: { ...noIpv6, 'net/ipv4/ip_forward': 1, 'net/ipv4/conf/all/rp_filter': 1 },
    ...workloadPorts(lab, topology, node, node.workloads),
    addresses: [
      'link set dev lo up',
      `address add ${node.address}/${prefixLength} dev eth0`,
      'link set dev eth0 up',
      // also for 169.254.1.1: nobody answers by proxy for what has no route
      `route add default ${router === undefined ? 'scope link' : `via ${router}`} dev eth0`,
      ...workloadRoutes(node.workloads),
    ],
  };
}

/**
 * Calico's wiring of a workload, the node's side: the veth answers ARP for 169.254.1.1 by proxy,
 * one /32 route leads to it.
 */
export function workloadPorts(
  lab: string,
  { workloadMtu }: Topology,
  node: LabNode,
  workloads: readonly Workload[],
): Pick<Wiring, 'links' | 'interfaceSysctls'> {
  return {
    links: workloads.flatMap(({ name }) => [
      `link add name cali${name} mtu ${workloadMtu} address ee:ee:ee:ee:ee:ee type veth ` +
        `peer name eth0 mtu ${workloadMtu} netns ${workloadNamespace(lab, node, name)}`,
      `link set dev cali${name} up`,
    ]),
    interfaceSysctls: Object.fromEntries(
      workloads.flatMap(({ name }) => [
        [`net/ipv4/conf/cali${name}/proxy_arp`, 1],
        [`net/ipv4/neigh/cali${name}/proxy_delay`, 0],
      ]),
    ),
  };
}

export function workloadRoutes(workloads: readonly Workload[]): readonly string[] {
  return workloads.map(({ name, address }) => `route add ${address}/32 dev cali${name} scope link`);
}

/** Calico's wiring of a workload, its own side: a /32 and a link-local gateway that nobody owns. */
export function workloadWiring(lab: string, node: LabNode, { name, address }: Workload): Wiring {
  return {
    namespace: workloadNamespace(lab, node, name),
    sysctls: noIpv6,
    interfaceSysctls: {},
    links: [],
    addresses: [
      'link set dev lo up',
      `address add ${address}/32 dev eth0`,
      'link set dev eth0 up',
      'route add 169.254.1.1 dev eth0 scope link',
      'route add default via 169.254.1.1 dev eth0',
    ],
  };
}

export function workloadNamespace(lab: string, node: LabNode, workload: string): string {
  return namespaceOf(lab, `${node.name}-${workload}`);
}

/** The lab is IPv4: without this every capture is full of router solicitations. */
const noIpv6 = { 'net/ipv6/conf/all/disable_ipv6': 1, 'net/ipv6/conf/default/disable_ipv6': 1 };
