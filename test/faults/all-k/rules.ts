import { existsSync, readdirSync } from 'node:fs';
import { Netlink, query, routeTables } from 'libbpf-ts';
import { noPolicy, selfIndex } from '../../../src/datapath/entry.js';
import type { Folders } from '../../../src/datapath/folders.js';
import { generations, type Generation } from '../../../src/datapath/generation.js';
import { mapNames, openMaps } from '../../../src/datapath/maps.js';
import { heldBlocks, mapTables } from '../../../src/datapath/tables/index.js';
import type { Cidr } from '../../../src/net/cidr.js';
import type { World } from './worlds.js';

/** Our routes, as ip route shows them: `proto 147`. */
const routeProtocol = 147;

/** What node-a has in force, in the words of the worlds. */
interface InForce {
  /** By block, whose address its packets go to. */
  readonly blocks: ReadonlyMap<string, string>;
  /** By pool that the kernel routes to the programs, the MTU of that route. */
  readonly routes: ReadonlyMap<string, number | undefined>;
  /** What remote blocks are sent with, and what is taken from their nodes. */
  readonly sends: ReadonlySet<string>;
  readonly accepts: ReadonlySet<string>;
  /** Against the rules of the order: accept before send, send before route. */
  readonly disorder: readonly string[];
  /** What a restart would miss. */
  readonly lacking: readonly string[];
}

/**
 * Against what must hold at every moment: no block leads to a node that never had it, none is sent in another way
 * than its pool's, nothing is routed to programs that are not there. `worlds`: before a change and behind it.
 */
export function brokenRules(folders: Folders, worlds: readonly World[]): readonly string[] {
  const found = inForce(folders);
  const strays = [...found.blocks].filter(
    ([cidr, address]) => !worlds.some(({ blocks }) => blocks[cidr] === address),
  );
  const ways = [...found.sends].filter((encap) => !worlds.some((world) => world.encap === encap));
  const pools = [...found.routes.keys()].filter((pool) => pool !== worlds[0]?.pool);
  return [
    ...found.disorder,
    ...strays.map(([cidr, address]) => `${cidr} leads to ${address}`),
    ...ways.map((encap) => `sends by ${encap}`),
    ...pools.map((pool) => `routes ${pool}`),
  ];
}

/** What is not yet, or no more, as a world says. */
export function missing(folders: Folders, world: World): readonly string[] {
  const { blocks, routes, sends, accepts, disorder, lacking } = inForce(folders);
  const wanted = Object.entries(world.blocks);
  const only = (found: ReadonlySet<string>): boolean => found.size === 1 && found.has(world.encap);
  return [
    ...disorder,
    ...lacking,
    ...wanted.filter(([cidr, at]) => blocks.get(cidr) !== at).map(([cidr]) => `block ${cidr}`),
    ...[...blocks.keys()].filter((cidr) => world.blocks[cidr] === undefined),
    ...(routes.get(world.pool) === world.mtu
      ? []
      : [`route with mtu ${String(routes.get(world.pool))}`]),
    ...(only(sends) ? [] : [`sends by ${[...sends].join()}`]),
    ...(only(accepts) ? [] : [`accepts ${[...accepts].join()}`]),
  ];
}

function inForce(folders: Folders): InForce {
  using netlink = Netlink.open();
  const routes = new Map(
    netlink
      .routes({ table: routeTables.main, protocol: routeProtocol })
      .filter(({ type }) => type === 'unicast')
      .map(({ destination, mtu }) => [destination, mtu] as const),
  );
  const uplink = netlink.links().find(({ name }) => name === 'eth0')?.index ?? 0;
  const complete = generations(folders.pins).filter(
    (generation) => generation.maps().length === mapNames.length,
  );
  const [generation] = complete;
  if (generation === undefined)
    return {
      blocks: new Map(),
      routes,
      sends: new Set(),
      accepts: new Set(),
      disorder: routes.size === 0 ? [] : ['a route without tables'],
      lacking: ['pins of the tables'],
    };
  using opened = openMaps(generation);
  const { peers, policies, sources, pools } = mapTables(opened.maps);
  const [nodes, modes, allowed] = [peers.entries(), policies.entries(), sources.entries()];
  const blocks = new Map<string, string>();
  const [sends, accepts] = [new Set<string>(), new Set<string>()];
  const disorder: string[] = [];
  for (const [cidr, { peer, policy }] of heldBlocks(opened.maps)) {
    const address = nodes.get(peer)?.underlay;
    blocks.set(cidr, address ?? 'nobody');
    if (peer === selfIndex.ipv4 || policy === noPolicy) continue;
    const mode = modes.get(policy);
    if (mode === undefined) disorder.push(`${cidr} has a policy that is not there`);
    sends.add(mode?.sameSubnet ?? 'none').add(mode?.otherSubnet ?? 'none');
    for (const encap of mode?.accepted ?? []) accepts.add(encap);
    if (address === undefined || !allowed.has(address))
      disorder.push(`${cidr} is sent to a node that nothing is accepted from`);
  }
  const there = pools.entries();
  for (const pool of routes.keys()) {
    if (!there.has(pool as Cidr)) disorder.push(`${pool} is routed, and no pool of the programs`);
    for (const direction of ['ingress', 'egress'] as const)
      if (programsOn(uplink, direction) !== { ingress: 1, egress: 2 }[direction])
        disorder.push(
          `${pool} is routed to ${programsOn(uplink, direction)} programs on ${direction}`,
        );
  }
  return { blocks, routes, sends, accepts, disorder, lacking: lackingPins(generation) };
}

function programsOn(ifindex: number, direction: 'ingress' | 'egress'): number {
  return query({ kind: 'tcx', ifindex, direction }).programs.length;
}

/** One build of the programs, and the links of those on the uplink. */
function lackingPins(generation: Generation): readonly string[] {
  const links = ['ingress', 'egress', 'backstop'].filter(
    (name) => !existsSync(generation.link(name)),
  );
  const builds = generation.builds().map((name) => readdirSync(generation.build(name)).length);
  return [
    ...links.map((name) => `the pin of ${name}`),
    ...(builds.length === 1 ? [] : [`${builds.length} builds are pinned`]),
    ...(builds.every((programs) => programs === 4) ? [] : ['programs are not pinned']),
  ];
}
