import { routesFrom } from './routes.js';
import { namespaceOf } from './state.js';
import {
  isDualStack,
  routersOf,
  segmentNamed,
  segmentOf,
  underlayMtuOf,
  workloadMtuOf,
  type LabNode,
  type LabRouter,
  type RouterPort,
  type Topology,
  type Workload,
} from './topology.js';

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
    ...routersOf(topology).map((router, index) =>
      index === 0 ? firstRouterWiring(lab, topology, router) : routerWiring(lab, topology, router),
    ),
    ...topology.nodes.flatMap((node) => [
      nodeWiring(lab, topology, node),
      ...node.workloads.map((workload) => workloadWiring(lab, topology, node, workload)),
    ]),
  ];
}

/**
 * The first router: a bridge for each segment, also of those that it has no port in, with a port for each node and each
 * other router, so that all that crosses the underlay is seen here; forwarding between those that it has.
 */
function firstRouterWiring(lab: string, topology: Topology, router: LabRouter): Wiring {
  const { segments, nodes } = topology;
  const others = routersOf(topology).slice(1);
  return {
    namespace: namespaceOf(lab, router.name),
    sysctls: { ...ipv6Of(topology), 'net/ipv4/ip_forward': 1 },
    interfaceSysctls: {},
    links: segments.flatMap(({ name, router, mtu = 1500 }) => {
      const here = nodes.filter(({ segment }) => segment === name);
      return router === undefined
        ? cable(topology, here, lab)
        : [
            `link add name ${name} mtu ${mtu} type bridge stp_state 0 mcast_snooping 0`,
            `link set dev ${name} up`,
            ...here.flatMap((node) => {
              const bytes = underlayMtuOf(topology, node);
              const far = `peer name eth0 mtu ${bytes} netns ${namespaceOf(lab, node.name)}`;
              return [
                `link add name ${node.name} mtu ${bytes} type veth ${far}`,
                `link set dev ${node.name} master ${name} up`,
              ];
            }),
            ...others.flatMap((other) =>
              other.ports.flatMap(({ segment }, index) =>
                segment === name ? plug(lab, { other, index, segment, mtu }) : [],
              ),
            ),
            // A bridge follows its smallest port unless it is told.
            `link set dev ${name} mtu ${mtu}`,
          ];
    }),
    addresses: forwarding(topology, router),
  };
}

/** Any other: an interface in each segment of its ports, called as the segment is. */
function routerWiring(lab: string, topology: Topology, router: LabRouter): Wiring {
  return {
    namespace: namespaceOf(lab, router.name),
    sysctls: { ...ipv6Of(topology), 'net/ipv4/ip_forward': 1 },
    interfaceSysctls: {},
    links: [],
    addresses: [
      ...router.ports.map(({ segment }) => `link set dev ${segment} up`),
      ...forwarding(topology, router),
    ],
  };
}

function plug(
  lab: string,
  {
    other,
    index,
    segment,
    mtu,
  }: {
    readonly other: LabRouter;
    readonly index: number;
    readonly segment: string;
    readonly mtu: number;
  },
): readonly string[] {
  const port = `${other.name}-${index}`;
  const far = `peer name ${segment} mtu ${mtu} netns ${namespaceOf(lab, other.name)}`;
  return [
    `link add name ${port} mtu ${mtu} type veth ${far}`,
    `link set dev ${port} master ${segment} up`,
  ];
}

/** A router's addresses, and its routes to the segments behind others. */
export function forwarding(
  topology: Topology,
  { ports }: LabRouter,
  interfaceOf = ({ segment }: RouterPort): string => segment,
): readonly string[] {
  return [
    ...ports.flatMap((port) => {
      const { prefixLength, prefixLength6 } = segmentNamed(topology, port.segment);
      const name = interfaceOf(port);
      return [
        `address add ${port.address}/${prefixLength} dev ${name}`,
        ...(port.address6 === undefined
          ? []
          : [`address add ${port.address6}/${String(prefixLength6)} dev ${name} nodad`]),
      ];
    }),
    ...routesFrom(
      topology,
      ports.map(({ segment }) => segment),
    ),
  ];
}

/** One veth pair; each of the two namespaces has an end of it as eth0. */
function cable(
  topology: Topology,
  [one, other]: readonly LabNode[],
  lab: string,
): readonly string[] {
  if (one === undefined || other === undefined) throw new TypeError('a cable has two ends');
  const end = (node: LabNode): string =>
    `mtu ${underlayMtuOf(topology, node)} netns ${namespaceOf(lab, node.name)}`;
  return [`link add name eth0 ${end(one)} type veth peer name eth0 ${end(other)}`];
}

/** A node: its uplink eth0, strict reverse path check, and one cali* interface for each workload. */
function nodeWiring(lab: string, topology: Topology, node: LabNode): Wiring {
  const { router, prefixLength, router6, prefixLength6 } = segmentOf(topology, node);
  const { address6 } = node;
  return {
    namespace: namespaceOf(lab, node.name),
    sysctls: { ...ipv6Of(topology), 'net/ipv4/ip_forward': 1, 'net/ipv4/conf/all/rp_filter': 1 },
    ...workloadPorts(lab, topology, node, node.workloads),
    addresses: [
      'link set dev lo up',
      `address add ${node.address}/${prefixLength} dev eth0`,
      'link set dev eth0 up',
      // also for 169.254.1.1: nobody answers by proxy for what has no route
      `route add default ${router === undefined ? 'scope link' : `via ${router}`} dev eth0`,
      ...(address6 === undefined
        ? []
        : [`address add ${address6}/${String(prefixLength6)} dev eth0 nodad`]),
      ...(router6 === undefined ? [] : [`route add default via ${router6} dev eth0`]),
      ...routesFrom(topology, [node.segment], router),
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
  topology: Topology,
  node: LabNode,
  workloads: readonly Workload[],
): Pick<Wiring, 'links' | 'interfaceSysctls'> {
  const mtu = workloadMtuOf(topology, node);
  return {
    links: workloads.flatMap(({ name }) => [
      `link add name cali${name} mtu ${mtu} address ee:ee:ee:ee:ee:ee type veth ` +
        `peer name eth0 mtu ${mtu} netns ${workloadNamespace(lab, node, name)}`,
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
  return workloads.flatMap(({ name, address, address6 }) => [
    `route add ${address}/32 dev cali${name} scope link`,
    ...(address6 === undefined ? [] : [`route add ${address6}/128 dev cali${name}`]),
  ]);
}

/** Calico's wiring of a workload, its own side: a /32 and a link-local gateway that nobody owns. */
export function workloadWiring(
  lab: string,
  topology: Topology,
  node: LabNode,
  { name, address, address6 }: Workload,
): Wiring {
  return {
    namespace: workloadNamespace(lab, node, name),
    sysctls: ipv6Of(topology),
    interfaceSysctls: {},
    links: [],
    addresses: [
      'link set dev lo up',
      `address add ${address}/32 dev eth0`,
      'link set dev eth0 up',
      'route add 169.254.1.1 dev eth0 scope link',
      'route add default via 169.254.1.1 dev eth0',
      ...(address6 === undefined
        ? []
        : [
            `address add ${address6}/128 dev eth0 nodad`,
            `route add default via ${workloadGateway6} dev eth0`,
          ]),
    ],
  };
}

/** The link-local address (RFC 4291 appendix A) of ee:ee:ee:ee:ee:ee, the MAC of every cali* interface. */
const workloadGateway6 = 'fe80::ecee:eeff:feee:eeee';

export function workloadNamespace(lab: string, node: LabNode, workload: string): string {
  return namespaceOf(lab, `${node.name}-${workload}`);
}

/** Without IPv6 in the lab it is off: else every capture is full of router solicitations. */
function ipv6Of(topology: Topology): Readonly<Record<string, number>> {
  const keys = ['all', 'default'].map((scope) => `net/ipv6/conf/${scope}`);
  return isDualStack(topology)
    ? Object.fromEntries(
        keys.flatMap((key) => [
          [`${key}/disable_ipv6`, 0],
          [`${key}/forwarding`, 1],
          [`${key}/accept_dad`, 0],
          [`${key}/accept_ra`, 0],
          [`${key}/router_solicitations`, 0],
        ]),
      )
    : Object.fromEntries(keys.map((key) => [`${key}/disable_ipv6`, 1]));
}
