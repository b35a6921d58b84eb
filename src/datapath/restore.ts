import { NetlinkError, routeTables, type LinkState, type Netlink, type RoutePut } from 'libbpf-ts';
import { addressBits, familyOf, type Address } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import type { Folders } from './folders.js';
import { kernelTunnels } from './kernel-tunnel.js';
import { openMaps } from './maps.js';
import { routeProtocol } from './nexthop.js';
import { reconcile, type Change } from './reconcile.js';
import {
  refusal,
  restorationOf,
  type BlockRoute,
  type Restoration,
  type TunnelPlan,
} from './restoration.js';
import { reversePathStep } from './reverse-path.js';
import { readState } from './state.js';
import { currentGeneration } from './status.js';
import { heldBlocks, mapTables, networkTables } from './tables/index.js';
import { mergers } from './tables/mergers.js';
import { readTunnelEnds } from './tunnel-ends.js';
import type { KernelRoute } from './underlay.js';

/** rtm_protocol of Felix's routes: it takes these for its own, and keeps them. */
const felixProtocol = 80;

/** What is there, and what is to be. */
interface Ground {
  readonly restoration: Restoration;
  readonly uplink: Pick<LinkState, 'name' | 'index'>;
  readonly ours: ReadonlyMap<string, KernelRoute>;
}

/** What would be made, as data. */
export function restorable(folders: Folders, netlink: Netlink): readonly Change[] {
  return changesOf(groundOf(folders, netlink).restoration, netlink);
}

/**
 * Makes the node's kernel tunnels whole, as Felix would, out of what the last agent knew: devices first, a block's
 * route last, so that each block's packets turn to a way that is there. We go on taking packets out of tunnels.
 */
export function restore(folders: Folders, netlink: Netlink): readonly Change[] {
  const { restoration, uplink, ours } = groundOf(folders, netlink);
  const changes = changesOf(restoration, netlink);
  const devices = makeDevices(restoration.tunnels, uplink, netlink);
  reconcile([reversePathStep(netlink, folders, 'coexist', uplink)]);
  const { routes } = networkTables(netlink);
  const planned = new Set([
    ...restoration.direct.map(({ destination }) => destination),
    ...restoration.tunnels.flatMap((tunnel) => tunnel.routes.map(({ destination }) => destination)),
  ]);
  // those of narrow paths have the places of Felix's
  routes.remove(
    [...ours]
      .filter(([, route]) => route.type === 'unicast' && planned.has(route.destination))
      .map(([key]) => key),
  );
  for (const [plan, index] of devices) bring(plan, index, netlink);
  const taken = destinationsOfOthers(netlink);
  for (const [plan, index] of devices) lead(plan.routes, index, { netlink, taken });
  lead(restoration.direct, uplink.index, { netlink, taken });
  for (const destination of restoration.local)
    if (!taken.has(destination))
      netlink.putRoute({ destination, type: 'blackhole', protocol: felixProtocol });
  return changes;
}

function groundOf(folders: Folders, netlink: Netlink): Ground {
  const ends = readTunnelEnds(folders.run);
  if (ends === undefined)
    throw refusal(
      `no agent wrote down in ${folders.run} what the devices were like`,
      'an agent with kernelTunnels: replace does: encap run --replace-kernel-tunnels --once; or let Felix make them: without --restore-kernel-tunnels',
    );
  using opened = openMaps(currentGeneration(folders, readState(folders.run)));
  const tables = mapTables(opened.maps);
  const ours = networkTables(netlink).routes.entries();
  const restoration = restorationOf({
    ends,
    peers: tables.peers.entries(),
    policies: tables.policies.entries(),
    blocks: heldBlocks(opened.maps),
    routes: [...ours.values()],
  });
  const links = netlink.links();
  for (const plan of restoration.tunnels) check(plan, links);
  return { restoration, ours, uplink: uplinkOf(ours, links) };
}

/** Where our pool routes lead. */
function uplinkOf(
  ours: ReadonlyMap<string, KernelRoute>,
  links: readonly LinkState[],
): Ground['uplink'] {
  const indices = [...ours.values()].flatMap((route) =>
    route.type === 'unicast' && route.index !== undefined ? [route.index] : [],
  );
  const uplink = links.find(({ index }) => indices.includes(index));
  if (uplink !== undefined) return uplink;
  throw refusal(
    'no route of ours leads anywhere',
    'let an agent put them back first: encap run --replace-kernel-tunnels --once',
  );
}

/** What Felix would delete and make anew is not ours to repair. */
function check(plan: TunnelPlan, links: readonly LinkState[]): void {
  const there = links.find(({ name }) => name === plan.name);
  if (there === undefined) return;
  const isRight =
    there.kind === kernelTunnels[plan.name] &&
    (plan.name === 'tunl0' ||
      (there.vxlan?.vni === plan.vni &&
        there.vxlan.port === plan.port &&
        there.vxlan.local === plan.local &&
        there.mac === plan.mac));
  if (!isRight)
    throw refusal(
      `${plan.name} is there, and not as Calico would have it`,
      `see ip -d link show ${plan.name}; remove it if it is nobody's: ip link delete ${plan.name}`,
    );
}

/** All of them, or none: each needs a module of the kernel. */
function makeDevices(
  plans: readonly TunnelPlan[],
  uplink: Pick<LinkState, 'index'>,
  netlink: Netlink,
): readonly (readonly [TunnelPlan, number])[] {
  const indexOf = (name: string): number | undefined =>
    netlink.links().find((link) => link.name === name)?.index;
  const made: string[] = [];
  try {
    for (const plan of plans)
      if (indexOf(plan.name) === undefined) {
        make(plan, uplink, netlink);
        made.push(plan.name);
      }
  } catch (cause) {
    for (const name of made) netlink.removeLink(indexOf(name) ?? 0);
    if (!(cause instanceof NetlinkError)) throw cause;
    const missing = plans.find(({ name }) => indexOf(name) === undefined);
    const kind = missing === undefined ? 'tunnel' : kernelTunnels[missing.name];
    throw refusal(
      `this kernel makes no ${kind} device: ${cause.message}`,
      `load its module: modprobe ${kind}`,
      cause,
    );
  }
  return plans.map((plan) => [plan, indexOf(plan.name) ?? 0] as const);
}

function make(plan: TunnelPlan, uplink: Pick<LinkState, 'index'>, netlink: Netlink): void {
  if (plan.name !== 'tunl0') {
    const { name, vni, port, local, mac, mtu } = plan;
    netlink.makeVtep({ name, vni, port, local, mac, mtu, parent: uplink.index });
    return;
  }
  try {
    netlink.makeIpip(plan.name);
  } catch (cause) {
    // its module has made it, when it was loaded for this
    if (!(cause instanceof NetlinkError) || cause.code !== 'EEXIST') throw cause;
  }
}

/** Up, with its address, and with all that it must know of the far ends. */
function bring(plan: TunnelPlan, index: number, netlink: Netlink): void {
  const { tunnelAddress: address, mtu } = plan;
  const family = familyOf(address);
  const isUp = netlink.links().some((link) => link.index === index && link.up);
  if (!isUp) netlink.changeLink({ index, mtu });
  if (!netlink.addresses().some((state) => state.index === index && state.address === address))
    netlink.putAddress({
      index,
      address,
      prefixLength: addressBits[family],
      ...(family === 'ipv6' ? { noDad: true } : {}),
    });
  if (!isUp) {
    const table = mergers(netlink); // has the port
    if (plan.name !== 'tunl0') table.remove([...table.entries().keys()]);
    netlink.changeLink({ index, up: true });
  }
  if (plan.name === 'tunl0') return;
  for (const { underlay, tunnelAddress, mac } of plan.peers) {
    netlink.putNeighbour({ index, address: tunnelAddress, mac, state: 'permanent' });
    netlink.putForwarding({ index, mac, to: underlay });
  }
}

/** Routes of blocks, but for those that somebody has made already. */
function lead(
  routes: readonly BlockRoute[],
  index: number,
  { netlink, taken }: { readonly netlink: Netlink; readonly taken: ReadonlySet<string> },
): void {
  for (const { destination, gateway } of routes) {
    if (taken.has(destination)) continue;
    const route = { destination, gateway, index, onlink: true, protocol: felixProtocol };
    if (familyOf(destination) === 'ipv4') netlink.putRoute(route);
    else putBeside(route, netlink);
  }
}

/**
 * IPv6 refuses a gateway that main leads to by another interface, even onlink (ip6_route_check_nh_onlink), and our pool
 * route does: for the moment a route of its own leads to the gateway.
 */
function putBeside(
  route: RoutePut & { readonly gateway: Address; readonly index: number },
  netlink: Netlink,
): void {
  const { gateway, index } = route;
  const way = { destination: `${gateway}/128`, index, protocol: routeProtocol };
  netlink.putRoute(way);
  try {
    netlink.putRoute(route);
  } finally {
    netlink.removeRoute(way);
  }
}

function destinationsOfOthers(netlink: Netlink): ReadonlySet<string> {
  return new Set(
    netlink
      .routes({ table: routeTables.main })
      .filter(({ protocol }) => protocol !== routeProtocol)
      .map(({ destination }) => destination),
  );
}

/** What is to be made: neither devices that are there, nor routes that somebody has made already. */
function changesOf({ tunnels, direct, local }: Restoration, netlink: Netlink): readonly Change[] {
  const taken = destinationsOfOthers(netlink);
  const there = new Set(netlink.links().map(({ name }) => name));
  const put = (table: string, key: string, value?: object): Change => ({
    table,
    action: 'put',
    key,
    ...(value === undefined ? {} : { value }),
  });
  const route = (destination: Cidr, words: string): readonly Change[] =>
    taken.has(destination) ? [] : [put('kernel routes', words)];
  return [
    ...tunnels.flatMap(({ name, routes, ...tunnel }) => [
      ...(there.has(name) ? [] : [put('kernel tunnels', name, saidOf(tunnel))]),
      ...routes.flatMap(({ destination, gateway }) =>
        route(destination, `${destination} via ${gateway} dev ${name}`),
      ),
    ]),
    ...direct.flatMap(({ destination, gateway }) =>
      route(destination, `${destination} via ${gateway}`),
    ),
    ...local.flatMap((destination) => route(destination, `blackhole ${destination}`)),
  ];
}

/** Of its far ends, how many there are. */
function saidOf(tunnel: Omit<TunnelPlan, 'name' | 'routes'>): object {
  return 'peers' in tunnel && Array.isArray(tunnel.peers)
    ? { ...tunnel, peers: tunnel.peers.length }
    : tunnel;
}
