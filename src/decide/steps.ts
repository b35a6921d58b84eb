import { encapsulations, type EncapName } from '../encap/index.js';
import type { Settings } from '../model/settings.js';
import { addressBits, familyOf, type Address } from '../net/address.js';
import { cidrOf } from '../net/cidr.js';
import { mtuSetting } from './mtu.js';
import { crossesFamilies, type Overlay } from './overlay.js';
import type { Outer } from './outer.js';
import { knowsUplink } from './reach.js';
import type { Sender } from './sender.js';
import type { Scene, Verdict } from './verdict.js';
import { familyNames } from './words.js';

/** One question on a packet's way, and its answer. */
export interface Step {
  readonly title: 'source' | 'destination' | 'mode' | 'subnet' | 'outer' | 'mac' | 'size';
  readonly text: string;
}

interface Packet {
  readonly destination: Address;
  readonly source: Address | undefined;
  readonly sender: Sender | undefined;
  /** Of the IP packet; undefined: nobody said. */
  readonly sizeBytes: number | undefined;
  readonly verdict: Verdict;
  readonly outer: Outer | undefined;
}

/** One that gets outer headers. */
interface Carried extends Packet {
  readonly outer: Outer;
}

/** How a decision came about, for people to read. */
export function stepsOf(packet: Packet, scene: Scene): readonly Step[] {
  const { source, verdict, outer } = packet;
  const steps: Step[] = [];
  if (source !== undefined)
    steps.push({ title: 'source', text: sourceText(source, packet, scene) });
  steps.push({ title: 'destination', text: destinationText(packet, scene) });
  const overlay = overlayOf(packet.destination, verdict, scene);
  const { action } = verdict;
  if (overlay === undefined || action === 'none' || action === 'local') return steps;
  steps.push({ title: 'mode', text: modeText(overlay, scene) });
  if (overlay.crossSubnet)
    steps.push({ title: 'subnet', text: subnetText(overlay, packet, scene) });
  if (action === 'direct' && packet.sizeBytes !== undefined) {
    const text = directSizeText(packet.sizeBytes, overlay, scene);
    if (text !== undefined) steps.push({ title: 'size', text });
  }
  if (action === 'direct' || outer === undefined) return steps;
  steps.push({ title: 'outer', text: outerText(action, overlay, { ...packet, outer }, scene) });
  if (encapsulations[action].carriesEthernet)
    steps.push({ title: 'mac', text: macText(outer, packet) });
  steps.push({ title: 'size', text: sizeText(action, overlay, { ...packet, outer }, scene) });
  return steps;
}

function sourceText(source: Address, { verdict, sender }: Packet, scene: Scene): string {
  const { locals, decision, self } = scene;
  const local = locals.get(source);
  const place = placeText(source, scene);
  if (local === 'tunnel-address') return `${source} is this node's tunnel address`;
  if (local !== undefined) return `${source} is a local workload${place}`;
  const host = decision.trace.hostAddresses.get(source);
  if (host === self)
    return `${source} is an address of this node${forwardedText(source, verdict, scene)}`;
  const whose = host === undefined ? `no workload of this node${place}` : `an address of ${host}`;
  const fate = sender === 'spoofed' ? 'is dropped (SRC_SPOOF)' : 'is taken all the same';
  return `${source} is ${whose}: a forwarded packet from it ${fate}`;
}

/** What this node masquerades for a Service has its tunnel address where it is encapsulated, and IPv4. */
function forwardedText(
  source: Address,
  { action }: Verdict,
  { decision: { desired } }: Scene,
): string {
  if (action === 'none' || action === 'local') return '';
  const family = familyOf(source);
  const { address, tunnelAddresses = [] } = desired.self[family] ?? {};
  if (source === address && (family === 'ipv6' || action === 'direct')) return '';
  const [tunnelAddress] = tunnelAddresses;
  const masqueraded =
    tunnelAddress === undefined
      ? 'there is no tunnel address to masquerade to'
      : `what is masqueraded has the tunnel address ${tunnelAddress}`;
  return `: a forwarded packet from it is dropped (SRC_SPOOF)${family === 'ipv4' ? `, ${masqueraded}` : ''}`;
}

function destinationText({ destination, verdict }: Packet, scene: Scene): string {
  const { reason } = verdict;
  const place = placeText(destination, scene);
  switch (reason) {
    case 'host-ip':
      return `${destination} is an address of ${String(verdict.peer)}: never encapsulated, or the outer packet would be again`;
    case 'local-workload':
      return `${destination} is a local workload${place}`;
    case 'borrowed':
      return `${destination} is a local workload with an address that this node borrowed${place}`;
    case 'tunnel-address':
      return `${destination} is this node's own tunnel address${place}`;
    case 'blackhole':
      return `${destination} is unused, in a block of this node${place}: dropped`;
    case 'no-route':
      return `${destination}${place}: ${whyNoRoute(destination, scene)}`;
    case 'always':
    case 'different-subnet':
    case 'own-subnet-unknown':
    case 'same-subnet':
    case 'never':
      return `${destination} is on ${String(verdict.peer)}${place}`;
  }
}

/** `, pool default (10.244.0.0/16), block 10.244.3.0/26 of node-c` */
function placeText(address: Address, { decision: { trace }, find }: Scene): string {
  const pool = trace.overlays.match(address)?.value.pool;
  if (pool === undefined) return ', in no pool';
  const inPool = `, pool ${pool.name} (${pool.cidr})`;
  const block = find(address)?.block?.cidr;
  if (block === undefined) return inPool;
  const claim = trace.claims.get(block);
  if (claim === undefined) return inPool;
  switch (claim.by) {
    case 'block':
      return `${inPool}, block ${block} of ${claim.node}`;
    case 'allocation':
      return `${inPool}, allocated to ${claim.node} outside its blocks`;
    case 'workload':
      return `${inPool}, workload of ${claim.node}`;
    case 'tunnel-address':
      return `${inPool}, tunnel address of ${claim.node}`;
  }
}

function whyNoRoute(address: Address, { decision: { trace } }: Scene): string {
  const overlay = trace.overlays.match(address)?.value;
  if (overlay === undefined) return 'an address outside all pools is not ours to route';
  if (overlay.idle !== undefined) return overlay.idle;
  for (let length: number = addressBits[familyOf(address)]; length >= 0; length -= 1) {
    const cidr = cidrOf(address, length);
    const because = trace.unrouted.get(cidr);
    if (because !== undefined)
      return `${cidr} is of ${String(trace.claims.get(cidr)?.node)}, but ${because}`;
  }
  return 'no block holds it, so nobody has it';
}

/** The pool whose mode counts is that around the block, which may be wider than that around the address. */
export function overlayOf(
  destination: Address,
  verdict: Verdict,
  { decision: { trace } }: Scene,
): Overlay | undefined {
  return trace.overlays.match(verdict.block ?? destination)?.value;
}

function modeText(overlay: Overlay, { inventory: { settings } }: Scene): string {
  const { pool, encap, crossSubnet, underlay } = overlay;
  const own = `IPPool ${pool.name}`;
  if (encap === undefined || encap === 'none') return `never encapsulated (${own})`;
  const over = crossesFamilies(overlay)
    ? `, ${familyNames[familyOf(pool.cidr)]} over ${familyNames[underlay]} (NodeConfig)`
    : '';
  const mode = `${encap} ${crossSubnet ? 'CrossSubnet' : 'Always'}`;
  const isOwn =
    pool.mode.when !== 'never' &&
    pool.mode.encap === encap &&
    (pool.mode.when === 'cross-subnet') === crossSubnet;
  const off = switchedOff(encap, overlay, settings);
  const felix =
    off === undefined ? '' : `; FelixConfiguration ${off} is false, of the device that is replaced`;
  return `${mode} (${own}${isOwn ? '' : ' and the pools around it'})${over}${felix}`;
}

/** What Felix was told not to carry, and we do. */
function switchedOff(
  encap: EncapName,
  { pool }: Overlay,
  { vxlanEnabled, ipipEnabled }: Settings,
): 'vxlanEnabled' | 'ipipEnabled' | undefined {
  if (familyOf(pool.cidr) === 'ipv6') return undefined;
  if (encap === 'vxlan' && vxlanEnabled === false) return 'vxlanEnabled';
  return encap === 'ipip' && ipipEnabled === false ? 'ipipEnabled' : undefined;
}

function subnetText(overlay: Overlay, { destination, verdict }: Packet, scene: Scene): string {
  const { self, decision } = scene;
  const inner = familyOf(destination);
  if (crossesFamilies(overlay))
    return `${familyNames[inner]} packets have no next hop on ${familyNames[overlay.underlay]}: encapsulated wherever they go`;
  const hosts = decision.trace.hosts[inner];
  const local = hosts.get(self);
  const own = local?.interfaceAddress;
  if (own === undefined) return `the subnet of ${self} is not known: encapsulated wherever it goes`;
  if (!knowsUplink(overlay, local))
    return `${self} has no address to tunnel from, so its interface is not known: encapsulated wherever it goes`;
  const peer = hosts.get(verdict.peer ?? self)?.interfaceAddress?.address ?? verdict.via;
  const same = verdict.action === 'direct';
  return `${self} ${own.address}/${own.prefixLength} ${same ? 'contains' : 'does not contain'} ${String(verdict.peer)} ${String(peer)}: ${same ? 'same subnet, sent as it is' : 'different subnets, encapsulated'}`;
}

function outerText(
  encap: EncapName,
  { underlay }: Overlay,
  { verdict, outer }: Carried,
  { inventory: { settings }, decision: { desired } }: Scene,
): string {
  const way = `${outer.source ?? 'an address that this node does not have yet'} > ${outer.destination}`;
  const header = headerText(settings);
  switch (encap) {
    case 'ipip':
      return `${way} protocol 4${header}`;
    case 'ip6ip':
      return `${way} protocol 41${header}`;
    case 'vxlan': {
      const udp = `udp 49152-65535 > ${settings.vxlanPort} vni ${settings.vxlanVni}`;
      const peer = [...desired.peers.values()].find(
        ({ node, family }) => node === verdict.peer && family === underlay,
      );
      const checksum = peer?.zeroChecksum === true ? 'without' : 'with';
      return `${way} ${udp}${underlay === 'ipv6' ? ` ${checksum} checksum` : ''}${header}`;
    }
  }
}

/** What a NodeConfig changes of outer headers. */
function headerText({ outerTtl, dscp }: Settings): string {
  const parts = [
    ...(outerTtl === 'inherit' ? ['TTL as inside'] : outerTtl === 64 ? [] : [`TTL ${outerTtl}`]),
    ...(typeof dscp === 'object' ? [`DSCP ${dscp.pipe}`] : []),
  ];
  return parts.map((part) => `, ${part}`).join('');
}

function macText({ vxlan }: Outer, { verdict }: Packet): string {
  return `inner ${vxlan?.sourceMac ?? 'not known yet'} > ${String(vxlan?.destinationMac)} (VTEP of ${String(verdict.peer)})`;
}

function sizeText(
  encap: EncapName,
  { pool }: Overlay,
  { outer: { bytes }, sizeBytes }: Carried,
  { inventory: { settings } }: Scene,
): string {
  const set = mtuSetting(encap, familyOf(pool.cidr), settings);
  const limit = set === 0 ? `the underlay's MTU less ${bytes}` : `${set} (FelixConfiguration)`;
  const text = `${bytes} bytes of outer headers; the packet inside may have ${limit}`;
  if (sizeBytes === undefined) return text;
  const most = set === 0 ? settings.underlay.mtu - bytes : set;
  return `${text}; ${sizeBytes} + ${bytes} = ${sizeBytes + bytes} bytes${fitText(sizeBytes, most)}`;
}

/** `most` below 1: the underlay's MTU is not known. */
function fitText(sizeBytes: number, most: number): string {
  if (most <= 0) return '';
  return sizeBytes <= most ? ', which fits' : `, which is ${sizeBytes - most} too many`;
}

/** A pool has one route for all nodes: where some of them are encapsulated to, it has their MTU. */
function directSizeText(
  sizeBytes: number,
  { pool }: Overlay,
  { decision, inventory: { settings } }: Scene,
): string | undefined {
  const route = decision.desired.routes.get(pool.cidr);
  if (route === undefined || (route.mtu === 0 && route.overheadBytes === 0)) return undefined;
  const limit =
    route.mtu === 0 ? `the underlay's MTU less ${route.overheadBytes}` : String(route.mtu);
  const most = route.mtu === 0 ? settings.underlay.mtu - route.overheadBytes : route.mtu;
  const text = `no outer headers, but the pool's route, which is that of encapsulated packets too, takes ${limit}`;
  return `${text}; ${sizeBytes} bytes${fitText(sizeBytes, most)}`;
}
