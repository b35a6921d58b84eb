import { encap } from '../agent.js';
import { kernelLines, type KernelLines } from '../kernel-carriers.js';
import { tunnelAddressOf, ways } from '../kernel-vxlan.js';
import {
  segmentNamed,
  segmentOf,
  underlayMtuOf,
  workloadMtuOf,
  type LabNode,
  type LabRouter,
  type Topology,
} from '../topology.js';
import { forwarding, wiringOf, type Wiring } from '../wiring.js';
import { namespaceOf } from '../state.js';

/** The ports of a guest by which commands come, as many as can run at once. */
export const execPorts = ['exec0', 'exec1', 'exec2', 'exec3'] as const;

/** What a guest says when it is as the lab wants it. */
export const readyWords = 'encap-lab: ready';

/** How far it is until then. */
const step = (words: string): string => `echo 'encap-lab: ${words}'`;

/** Where in a guest its agent writes. */
export const agentLog = '/var/log/encap.log';

export interface ScriptOptions {
  readonly lab: string;
  readonly topology: Topology;
  /** Calico resources: a file or folder, by the path that the host and the guest share, or what is to be in a file. */
  readonly resources: { readonly path: string } | { readonly text: string };
  /** The script that serves a guest's ports. */
  readonly serve: string;
}

/** Pure: the bash script that makes a guest one node of a lab: network, workloads, agent or kernel device. */
export function nodeScript(options: ScriptOptions, node: LabNode): string {
  const { lab, topology } = options;
  const mine = namespaceOf(lab, node.name);
  const wirings = wiringOf(lab, topology);
  const workloads = wirings.filter(({ namespace }) => namespace.startsWith(`${mine}-`));
  return script(options, 1, [
    ...workloads.map(({ namespace }) => `ip netns add ${namespace}`),
    `ip link set dev eth0 mtu ${underlayMtuOf(topology, node)}`,
    ...wirings.filter(({ namespace }) => namespace === mine).flatMap((wiring) => wire(wiring)),
    ...workloads.flatMap((wiring) => wire(wiring, `nsenter --net=/run/netns/${wiring.namespace} `)),
    ...(node.carrier === 'encap' ? agent(options, node) : device(topology, node)),
  ]);
}

/** The same for a router: forwarding, and one interface for each of its ports. */
export function routerScript(options: ScriptOptions, router: LabRouter): string {
  const { topology } = options;
  const { ports } = router;
  return script(options, ports.length, [
    ...sysctls({ 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 }),
    ...batch('ip', [
      ...ports.map(
        ({ segment }, index) =>
          `link set dev eth${index} mtu ${segmentNamed(topology, segment).mtu ?? 1500} up`,
      ),
      ...forwarding(topology, router, (port) => `eth${ports.indexOf(port)}`),
    ]),
  ]);
}

function script({ serve }: ScriptOptions, interfaces: number, lines: readonly string[]): string {
  return [
    'set -e',
    'export PATH=/run/vmtest/bin:$PATH', // a modprobe that needs no index of kmod's
    step('the kernel runs'),
    'modprobe -q virtio_net || true', // or it is built in: what is missing is waited for in vain
    `for ((i = 0; i < ${interfaces}; i++)); do until [ -e /sys/class/net/eth$i ]; do sleep 0.05; done; done`,
    `${serve} ${execPorts.join(' ')} &`, // at once: a guest that does not become ready can be looked at
    ...lines,
    `echo '${readyWords}'`,
    'wait',
    '',
  ].join('\n');
}

function wire(wiring: Wiring, enter = ''): readonly string[] {
  return [
    ...sysctls(wiring.sysctls, enter),
    ...batch('ip', wiring.links.filter(isOurs), enter),
    ...batch('ip', wiring.addresses, enter),
    ...sysctls(wiring.interfaceSysctls, enter),
  ];
}

/** The uplink is QEMU's to make. */
function isOurs(link: string): boolean {
  return !link.includes('name eth0 netns');
}

function sysctls(values: Readonly<Record<string, number>>, enter = ''): readonly string[] {
  return Object.entries(values).map(
    ([name, value]) => `${enter}sh -c 'echo ${value} >/proc/sys/${name}'`,
  );
}

function batch(tool: 'ip' | 'bridge', lines: readonly string[], enter = ''): readonly string[] {
  if (lines.length === 0) return [];
  return [`${enter}${tool} -batch - <<'LINES'`, ...lines, 'LINES'];
}

/** An agent that reads its own copy of the resources: what changes here is not seen there. */
function agent({ resources }: ScriptOptions, { name }: LabNode): readonly string[] {
  return [
    'mkdir -p /etc/encap/cluster.d',
    ...('path' in resources
      ? [`find ${quote(resources.path)} -name '*.yaml' -exec cp -t /etc/encap/cluster.d {} +`]
      : [`printf %s ${quote(resources.text)} >/etc/encap/cluster.d/cluster.yaml`]),
    `printf '#!/bin/sh\\nexec %s "$@"\\n' ${quote(encap().join(' '))} >/usr/local/bin/encap`,
    'chmod +x /usr/local/bin/encap',
    step('the network is there, the agent starts'),
    // Also to the guest's own output, which is what an `up` that fails can tell.
    `NO_COLOR=1 encap run -f /etc/encap/cluster.d --node ${name} > >(tee ${agentLog}) 2>&1 &`,
    `until grep -qs '"msg":"ready"' ${agentLog}; do kill -0 $! || { sleep 1; exit 1; }; sleep 0.2; done`,
  ];
}

function device(topology: Topology, node: LabNode): readonly string[] {
  const { ip, bridge } =
    node.carrier === 'kernel-ipip' ? tunl0(topology, node) : kernelLines(topology, node);
  return [
    ...(node.carrier === 'kernel-ipip' ? ['modprobe -q ipip || true'] : []),
    ...batch('ip', ip),
    ...batch('bridge', bridge),
  ];
}

/** Calico's own device: the one that the module makes, for whatever no other takes. */
function tunl0(topology: Topology, node: LabNode): KernelLines {
  const peers = topology.nodes.filter(({ name }) => name !== node.name);
  return {
    ip: [
      `link set dev tunl0 mtu ${workloadMtuOf(topology, node)} up`,
      `address add ${tunnelAddressOf(node)}/32 dev tunl0`,
      ...node.blocks.map(({ cidr }) => `route add blackhole ${cidr} proto 80`),
      ...peers.flatMap((peer) =>
        ways(topology, node, peer).map(
          ({ block, how }) =>
            `route add ${block.cidr} via ${peer.address} dev ${how === 'encapsulated' ? 'tunl0' : 'eth0'} onlink proto 80`,
        ),
      ),
    ],
    bridge: [],
  };
}

/** One word of a shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The addresses of a node's interface, with prefix length. */
export function addressOf(topology: Topology, node: LabNode): string {
  return `${node.address}/${segmentOf(topology, node).prefixLength}`;
}
