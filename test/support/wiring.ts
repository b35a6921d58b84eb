import { writeFileSync } from 'node:fs';
import { inNamespace } from 'libbpf-ts';
import { nobody as nobodies, nobodyMac } from '../../src/datapath/nexthop.js';
import { families } from '../../src/net/address.js';
import { addressIn, overlayNames, overlays, type OverlayName } from './overlays.js';
import { batchIn } from './spaces.js';
import { nodes } from './world.js';

// Two nodes on one wire, each with a workload in a namespace of its own, as routes, links and addresses.

export type Side = 'a' | 'b';

/** Namespaces of one side. */
export interface Spaces {
  readonly node: string;
  readonly workload: string;
}

const ethernetMtu = 1500;

/** What the uplinks are: ends of the wire itself, or what is made of such ends. */
export type Underlay = 'veth' | 'vlan' | 'bond' | 'bridge';

/** Joins the two nodes by their uplinks. A bond has two wires. */
export function wireNodes(a: Spaces, b: Spaces, underlay: Underlay = 'veth'): void {
  const { a: nodeA, b: nodeB } = nodes;
  if (underlay === 'veth') {
    batchIn(a.node, [
      `link add uplink address ${nodeA.uplinkMac} type veth peer name uplink ` +
        `address ${nodeB.uplinkMac} netns ${b.node}`,
    ]);
    return;
  }
  const wires = underlay === 'bond' ? ['wire0', 'wire1'] : ['wire0'];
  batchIn(
    a.node,
    wires.map((wire) => `link add ${wire} type veth peer name ${wire} netns ${b.node}`),
  );
  for (const [{ node }, { uplinkMac }] of [
    [a, nodeA],
    [b, nodeB],
  ] as const)
    batchIn(node, [
      linkOf[underlay].replace('MAC', uplinkMac),
      ...(underlay === 'vlan' ? [] : wires.map((wire) => `link set ${wire} master uplink`)),
      ...wires.map((wire) => `link set ${wire} up`),
    ]);
}

const linkOf: Readonly<Record<Exclude<Underlay, 'veth'>, string>> = {
  vlan: 'link add link wire0 name uplink address MAC type vlan id 42',
  bond: 'link add uplink address MAC type bond mode active-backup miimon 20',
  bridge: 'link add uplink address MAC type bridge',
};

/** Gives a node its addresses and its workload, which has an address in every pool. */
export function wireWorkload({ node, workload }: Spaces, side: Side): void {
  const { underlay, underlay6 } = nodes[side];
  inNamespace(`/run/netns/${node}`, () => {
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
  });
  batchIn(node, [
    `address add ${underlay}/24 dev uplink`,
    `address add ${underlay6}/64 dev uplink nodad`,
    'link set lo up',
    'link set uplink up',
    `link add cali0 type veth peer name eth0 netns ${workload}`,
    'link set cali0 up',
    ...overlayNames.map((name) => end(name, side, 1, 'cali0')),
  ]);
  batchIn(workload, [
    `link set eth0 up mtu ${ethernetMtu}`,
    ...overlayNames.map((name) => end(name, side, 5, 'eth0')),
    ...overlayNames.map((name) => `route add ${fromWorkload(name, side)}`),
  ]);
}

/** Leads the pools to the programs: by NOBODY's neighbour entry, and by routes. */
export function leadToPrograms(node: string): void {
  batchIn(node, [
    ...families.map(
      (family) => `neigh add ${nobodies[family]} lladdr ${nobodyMac} dev uplink nud permanent`,
    ),
    ...overlayNames.map((name) => `route add ${toNobody(name)}`),
  ]);
}

/** Gives the uplink and the workload's link another MTU, and the pools what that leaves them. */
export function resize({ node, workload }: Spaces, side: Side, mtu: number): void {
  batchIn(node, [
    `link set uplink mtu ${mtu}`,
    `link set cali0 mtu ${mtu}`,
    ...overlayNames.map((name) => `route replace ${toNobody(name, mtu)}`),
  ]);
  batchIn(workload, [
    `link set eth0 mtu ${mtu}`,
    ...overlayNames.map((name) => `route replace ${fromWorkload(name, side, mtu)}`),
  ]);
}

function end(name: OverlayName, side: Side, host: 1 | 5, device: string): string {
  const isIpv4 = overlays[name].family === 'ipv4';
  const address = `${addressIn(name, side, host)}/${isIpv4 ? 24 : 64}`;
  return `address add ${address} dev ${device}${isIpv4 ? '' : ' nodad'}`;
}

/** A pool's route on a node. */
function toNobody(name: OverlayName, underlayMtu = ethernetMtu): string {
  const { family, pool, mtu } = overlays[name];
  const left = underlayMtu - ethernetMtu + mtu;
  return `${pool} via ${nobodies[family]} dev uplink onlink mtu ${left}`;
}

/** A pool's route in a workload. */
function fromWorkload(name: OverlayName, side: Side, underlayMtu = ethernetMtu): string {
  const { pool, mtu } = overlays[name];
  return `${pool} via ${addressIn(name, side, 1)} mtu ${underlayMtu - ethernetMtu + mtu}`;
}
