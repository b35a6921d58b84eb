import { execFileSync } from 'node:child_process';
import { batchIn, runIn } from './spaces.js';
import type { Underlay } from './wiring.js';
import { nodes } from './world.js';

// Node B with the kernel's own tunnel devices, set up as Felix (and BIRD, for IPIP) would: what our programs
// on A have to agree with.

/** What carries B's end; `zero`: a device told to send and take UDP over IPv6 without a checksum. */
export type KernelPeer = 'kernel vxlan' | 'kernel vxlan, zero' | 'kernel ipip' | 'kernel ip6ip';

/** Leads A's pools into such devices, in B's namespace. */
export function leadToKernel(node: string, peer: KernelPeer): void {
  if (peer === 'kernel ipip') leadToIpip(node);
  else if (peer === 'kernel ip6ip') leadToIp6ip(node);
  else leadToVxlan(node, peer === 'kernel vxlan, zero' ? ' udp6zerocsumtx udp6zerocsumrx' : '');
}

/** Why this kernel can't be such a peer; undefined: it can. */
export function whyNoKernelPeer(peer: KernelPeer): string | undefined {
  for (const type of typesOf[peer]) {
    const why = whyNoDevice(type);
    if (why !== undefined) return why;
  }
  return undefined;
}

const typesOf: Readonly<Record<KernelPeer, readonly DeviceType[]>> = {
  'kernel vxlan': ['vxlan'],
  'kernel vxlan, zero': ['vxlan'],
  'kernel ipip': ['ipip'],
  'kernel ip6ip': ['sit', 'ip6tnl'],
};

/** Devices of tunnels, and the words that `ip link add` needs behind each type. */
const devices = {
  vxlan: 'id 1 dstport 4789',
  ipip: 'local 127.0.0.1',
  sit: 'local 127.0.0.1',
  ip6tnl: 'mode ip6ip6 local ::1',
  geneve: 'id 1 remote 127.0.0.1',
  gre: 'local 127.0.0.1',
  wireguard: '',
} as const;

export type DeviceType = keyof typeof devices;

export const deviceTypes = Object.keys(devices) as readonly DeviceType[];

/** Why this kernel makes no such device; undefined: it does. */
export function whyNoDevice(type: DeviceType): string | undefined {
  return whyNotMade(type, `asked type ${type} ${devices[type]}`);
}

/** Why this kernel makes no such underlay; undefined: it does. */
export function whyNoUnderlay(underlay: Underlay): string | undefined {
  if (underlay === 'veth') return undefined;
  const words = {
    vlan: 'link wire asked type vlan id 1',
    bond: 'asked type bond',
    bridge: 'asked type bridge',
  };
  return whyNotMade(underlay, words[underlay]);
}

/** `words`: what follows `ip link add`, in a namespace that has a veth pair, `wire` and `end`. */
function whyNotMade(type: string, words: string): string | undefined {
  const namespace = `bp2-${process.pid}-asked`;
  execFileSync('ip', ['netns', 'add', namespace]);
  try {
    for (const link of ['wire type veth peer name end', words])
      runIn(namespace, ['ip', 'link', 'add', ...link.split(' ').filter(Boolean)]);
    return undefined;
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    return `this machine makes no ${type} device: ${stderr.trim() || String(cause)}`;
  } finally {
    execFileSync('ip', ['netns', 'delete', namespace]);
  }
}

const { a, b } = nodes;

/** No learning, static entries. */
function leadToVxlan(node: string, zero: string): void {
  batchIn(node, [
    `link add vxlan.calico mtu 1450 address ${b.vtepMac} type vxlan id 4096 dstport 4789 ` +
      `local ${b.underlay} dev uplink nolearning`,
    `link add vxlan-v6.calico mtu 1430 address ${b.vtepMac} type vxlan id 4096 dstport 4789 ` +
      `local ${b.underlay6} dev uplink nolearning${zero}`,
    'link set vxlan.calico up',
    'link set vxlan-v6.calico up',
    `neigh add 10.244.1.0 lladdr ${a.vtepMac} dev vxlan.calico nud permanent`,
    'route add 10.244.1.0/24 via 10.244.1.0 dev vxlan.calico onlink',
    `neigh add fd00:244:0:1:: lladdr ${a.vtepMac} dev vxlan-v6.calico nud permanent`,
    'route add fd00:244:0:1::/64 via fd00:244:0:1:: dev vxlan-v6.calico onlink',
  ]);
  for (const [device, underlay] of [
    ['vxlan.calico', a.underlay],
    ['vxlan-v6.calico', a.underlay6],
  ] as const)
    runIn(node, ['bridge', 'fdb', 'add', a.vtepMac, 'dev', device, 'dst', underlay]);
}

/** tunl0 takes from any and sends to the next hop of the route. */
function leadToIpip(node: string): void {
  // Once its module is there, each namespace has one.
  const found = runIn(node, ['ip', '-br', 'link', 'show']).includes('tunl0');
  batchIn(node, [
    ...(found ? [] : ['link add tunl0 type ipip']),
    'link set tunl0 mtu 1480 up',
    'address add 10.245.2.0/32 dev tunl0',
    `route add 10.245.1.0/24 via ${a.underlay} dev tunl0 onlink`,
  ]);
}

/** One device for each family of the outer headers; without RFC 2473's encapsulation limit, an option of its own. */
function leadToIp6ip(node: string): void {
  batchIn(node, [
    `link add over4 mtu 1480 type sit local ${b.underlay} remote ${a.underlay} ttl 64`,
    `link add over6 mtu 1460 type ip6tnl mode ip6ip6 local ${b.underlay6} remote ${a.underlay6} encaplimit none`,
    'link set over4 up',
    'link set over6 up',
    'route add fd00:251:0:1::/64 dev over4',
    'route add fd00:250:0:1::/64 dev over6',
  ]);
}
