import type { Desired, PeerName, Policy } from '../model/desired.js';
import type { Address } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import type {
  BlockEntry,
  PeerEntry,
  PeerIndex,
  PolicyIndex,
  PoolRow,
  SlotLine,
  SourceEntry,
} from './entry.js';
import { imageOf, type Allocation, type Image } from './image.js';
import type { Remembered } from './indices.js';
import { step, type Step } from './reconcile.js';
import { HeldBlocks, slotChanges, type Held } from './slots.js';
import type { Switching } from './switching.js';
import type { LookedUp, Table } from './table.js';
import type { KernelAddress, KernelNeighbour, KernelRoute, Underlay } from './underlay.js';

/** The tables of the programs. */
export interface MapTables {
  readonly sources: Table<Address, SourceEntry>;
  readonly externals: Table<Cidr, SourceEntry>;
  readonly peers: Table<PeerIndex, PeerEntry>;
  readonly policies: Table<PolicyIndex, Policy>;
  readonly blocks: LookedUp<Cidr, BlockEntry>;
  readonly slots: LookedUp<number, SlotLine>;
  readonly pools: Table<Cidr, PoolRow>;
}

/** The tables of the kernel that lead packets to the programs. */
export interface NetworkTables {
  readonly neighbours: Table<string, KernelNeighbour>;
  readonly addresses: Table<Address, KernelAddress>;
  readonly routes: Table<string, KernelRoute>;
}

/** The way of the maps to `desired`, in safe order, and the indices that the names got. */
export function planMaps(
  desired: Desired,
  tables: MapTables,
  allocation: Allocation,
  switching: Switching,
  nowMs: number,
): { readonly image: Image; readonly steps: readonly Step[] } {
  const actual = {
    sources: tables.sources.entries(),
    externals: tables.externals.entries(),
    peers: tables.peers.entries(),
    policies: tables.policies.entries(),
    blocks: tables.blocks.entries(),
    slots: tables.slots.entries(),
    pools: tables.pools.entries(),
  };
  const image = imageOf(desired, actual, allocation);
  const used = new Set([...new HeldBlocks(actual).values()].map(({ policy }) => policy));
  return {
    image,
    steps: [
      ...stepsBefore(image, tables, { actual, used, switching, nowMs }),
      step(tables.blocks, image.blocks, actual.blocks),
      slotStep(tables.slots, image, actual),
      step(tables.pools, image.pools, actual.pools),
    ],
  };
}

/** The way back to an image whose blocks are all where they belong: whatever else drifted. */
export function planRest(
  image: Rest,
  tables: MapTables,
  switching: Switching,
  nowMs: number,
): readonly Step[] {
  const actual = {
    sources: tables.sources.entries(),
    externals: tables.externals.entries(),
    peers: tables.peers.entries(),
    policies: tables.policies.entries(),
  };
  const used = new Set(image.policies.keys());
  return [
    ...stepsBefore(image, tables, { actual, used, switching, nowMs }),
    step(tables.pools, image.pools, tables.pools.entries()),
  ];
}

/** An image without its blocks. */
export type Rest = Omit<Image, 'blocks' | 'slots'>;

/** What must be there before blocks name it. */
function stepsBefore(
  image: Rest,
  tables: MapTables,
  { actual, used, switching, nowMs }: Before,
): readonly Step[] {
  // When the last pool stops encapsulating nobody is a source any more, and the others may not have heard of it.
  const stays = (address: Address, { peer }: SourceEntry): boolean =>
    image.peers.get(peer)?.underlay === address;
  const sides = { desired: image.sources, actual: actual.sources, stays };
  const sources = switching.accept('sources', sides, nowMs);
  const accepting = switching.accept(
    'policies',
    { desired: image.policies, actual: actual.policies },
    nowMs,
  );
  const sending = switching.send(accepting, actual.policies, used, nowMs);
  const policies = new Map([...sending].filter(([, policy]) => !isZero(policy)));
  return [
    step(tables.sources, sources, actual.sources),
    step(tables.externals, image.externals, actual.externals),
    step(tables.peers, image.peers, actual.peers),
    step(tables.policies, policies, actual.policies),
  ];
}

interface Before {
  readonly actual: Pick<Image, 'sources' | 'externals' | 'peers' | 'policies'>;
  /** Policies that blocks have in the kernel. */
  readonly used: ReadonlySet<PolicyIndex>;
  readonly switching: Switching;
  readonly nowMs: number;
}

/** Lines are written, blocks are told of. */
export function slotStep(
  table: MapTables['slots'],
  desired: Pick<Held, 'slots' | 'pools'>,
  actual: Pick<Held, 'slots' | 'pools'>,
): Step {
  const lines = step(table, desired.slots, actual.slots);
  const numbers = lines.changes.map(({ key }) => Number(key));
  return { ...lines, changes: slotChanges(numbers, desired, actual) };
}

/** The way of routes, neighbours and addresses: behind the maps and the attached programs. */
export function planNetwork(
  underlay: Underlay,
  tables: NetworkTables,
  isDelaying: boolean,
): readonly Step[] {
  const routes = tables.routes.entries();
  return [
    step(tables.neighbours, underlay.neighbours, tables.neighbours.entries()),
    step(tables.addresses, underlay.addresses, tables.addresses.entries()),
    step(tables.routes, isDelaying ? notLarger(underlay.routes, routes) : underlay.routes, routes),
  ];
}

/** While a pool still sends in its old mode, its packets must fit both modes. */
export function notLarger(
  desired: Underlay['routes'],
  actual: ReadonlyMap<string, KernelRoute>,
): Underlay['routes'] {
  return new Map(
    [...desired].map(([key, route]) => {
      const there = actual.get(key);
      return there?.type !== 'unicast' || route.type !== 'unicast'
        ? [key, route]
        : [key, { ...route, mtu: Math.min(route.mtu ?? Infinity, there.mtu ?? Infinity) }];
    }),
  );
}

/** What a round wrote, for the next one: a node whose address changes keeps its index. */
export function remember({ names, peers }: Rest): Remembered {
  const remembered = new Map<PeerName, { index: PeerIndex; address: Address }>();
  for (const [name, index] of names.peers) {
    const address = peers.get(index)?.underlay;
    if (address !== undefined) remembered.set(name, { index, address });
  }
  return remembered;
}

/** An array has no absent entries: the zero policy (never, accepting nothing) is what an unused index reads as. */
function isZero({ sameSubnet, otherSubnet, accepted }: Policy): boolean {
  return sameSubnet === 'none' && otherSubnet === 'none' && accepted.length === 0;
}
