import { encapsulations, type EncapName } from '../encap/index.js';
import type { Settings } from '../model/settings.js';
import { addressBits, familyOf, type Address } from '../net/address.js';
import { cidrOf } from '../net/cidr.js';
import { mtuSetting } from './mtu.js';
import { crossesFamilies, type Overlay } from './overlay.js';
import { knowsUplink } from './reach.js';
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
  readonly verdict: Verdict;
}

/** How a decision came about, for people to read. */
export function stepsOf(packet: Packet, scene: Scene): readonly Step[] {
  const { source, verdict } = packet;
  const steps: Step[] = [];
  if (source !== undefined)
    steps.push({ title: 'source', text: sourceText(source, packet, scene) });
  steps.push({ title: 'destination', text: destinationText(packet, scene) });
  const overlay = overlayOf(packet, scene);
  const { action } = verdict;
  if (overlay === undefined || action === 'none' || action === 'local') return steps;
  steps.push({ title: 'mode', text: modeText(overlay) });
  if (overlay.crossSubnet)
    steps.push({ title: 'subnet', text: subnetText(overlay, packet, scene) });
  if (action === 'direct') return steps;
  steps.push({ title: 'outer', text: outerText(action, overlay, packet, scene) });
  if (encapsulations[action].carriesEthernet)
    steps.push({ title: 'mac', text: macText(overlay, packet, scene) });
  steps.push({ title: 'size', text: sizeText(action, overlay, scene) });
  return steps;
}

function sourceText(source: Address, { verdict }: Packet, scene: Scene): string {
  const { locals, decision, self } = scene;
  const local = locals.get(source);
  const place = placeText(source, scene);
  if (local === 'tunnel-address') return `${source} is this node's tunnel address`;
  if (local !== undefined) return `${source} is a local workload${place}`;
  const host = decision.trace.hostAddresses.get(source);
  if (host === self)
    return `${source} is an address of this node${forwardedText(source, verdict, scene)}`;
  const whose = host === undefined ? `no workload of this node${place}` : `an address of ${host}`;
  return `${source} is ${whose}: a forwarded packet from it is dropped (SRC_SPOOF)`;
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
function overlayOf(
  { destination, verdict }: Packet,
  { decision: { trace } }: Scene,
): Overlay | undefined {
  return trace.overlays.match(verdict.block ?? destination)?.value;
}

function modeText(overlay: Overlay): string {
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
  return `${mode} (${own}${isOwn ? '' : ' and the pools around it'})${over}`;
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
  { verdict }: Packet,
  { inventory: { settings }, decision: { desired } }: Scene,
): string {
  const source = desired.self[underlay]?.address;
  const way = `${source ?? 'an address that this node does not have yet'} > ${String(verdict.via)}`;
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

function macText(
  { pool, underlay }: Overlay,
  { verdict }: Packet,
  { decision: { desired, trace } }: Scene,
): string {
  const source = desired.self[underlay]?.vtepMac;
  const peer = verdict.peer === undefined ? undefined : trace.hosts[underlay].get(verdict.peer);
  const mac = peer?.vteps[familyOf(pool.cidr)]?.mac;
  return `inner ${source ?? 'not known yet'} > ${String(mac)} (VTEP of ${String(verdict.peer)})`;
}

function sizeText(encap: EncapName, { pool, underlay }: Overlay, { inventory }: Scene): string {
  const bytes = encapsulations[encap].overheadBytes[underlay];
  const set = mtuSetting(encap, familyOf(pool.cidr), inventory.settings);
  const limit = set === 0 ? `the underlay's MTU less ${bytes}` : `${set} (FelixConfiguration)`;
  return `${bytes} bytes of outer headers; the packet inside may have ${limit}`;
}
