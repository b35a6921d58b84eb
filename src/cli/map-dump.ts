import { BpfMap, u32, type MapInfo } from 'libbpf-ts';
import * as abi from '../datapath/abi.js';
import {
  externalPeer,
  firstPeer,
  noPolicy,
  type PeerEntry,
  type SlotRange,
  type SourceEntry,
} from '../datapath/entry.js';
import type { Generation } from '../datapath/generation.js';
import type { MapName, RawMap } from '../datapath/maps.js';
import { memlockOf } from '../datapath/memlock.js';
import { hasLonger, peerIn, SlotLines } from '../datapath/slot.js';
import type { HeldBlocks } from '../datapath/slots.js';
import type { State } from '../datapath/state.js';
import { arrayTable } from '../datapath/tables/array.js';
import { cutters } from '../datapath/tables/cutters.js';
import { shortcuts } from '../datapath/tables/shortcuts.js';
import { workloads } from '../datapath/tables/workloads.js';
import { heldBlocks } from '../datapath/tables/index.js';
import { slots as slotTable } from '../datapath/tables/slots.js';
import { readPathMtus } from '../datapath/path-mtu.js';
import { readStrangers } from '../datapath/strangers.js';
import { readPeerTraffic, readVerdicts, type Traffic } from '../datapath/traffic.js';
import { EncapError } from '../errors.js';
import type { Policy } from '../model/desired.js';
import { compareCidrs, type Cidr } from '../net/cidr.js';
import { PrefixTable } from '../net/prefix-table.js';

type Cell = string | number | null;

/** Entries of a map as people read them: flat, one member for each column. */
export interface Dump {
  readonly columns: readonly string[];
  readonly items: readonly Readonly<Record<string, Cell>>[];
}

/** A map as `encap map list` shows it. */
export interface ListedMap extends Pick<
  MapInfo,
  'id' | 'name' | 'type' | 'keySize' | 'valueSize' | 'maxEntries'
> {
  readonly entries: number;
  /** Kernel memory, in bytes; null where the kernel does not say. */
  readonly memlockBytes: number | null;
  readonly pin: string;
}

/** How full a map is. */
export interface MapStats extends Pick<ListedMap, 'name' | 'type' | 'memlockBytes'> {
  /** null: what is read from it is gone from it. */
  readonly entries: number | null;
  /** Entries; of a ring buffer bytes. */
  readonly capacity: number;
  /** 0 to 1. */
  readonly fill: number | null;
}

/** The pinned maps; entries of an array are those that are not all zero. */
export function listMaps(generation: Generation): readonly ListedMap[] {
  return [...generation.maps()].sort().map((name) => {
    const pin = generation.map(name);
    using map = BpfMap.open(pin);
    const { id, type, keySize, valueSize, maxEntries } = map.info;
    const [entries, memlockBytes] = [entriesOf(map), memlockOf('map').get(id) ?? null];
    return { name, type, entries, maxEntries, id, keySize, valueSize, memlockBytes, pin };
  });
}

/** Pure: the same maps, by how full they are. */
export function statsOf(maps: readonly ListedMap[]): readonly MapStats[] {
  return maps.map(({ name, type, entries, maxEntries: capacity, memlockBytes }) =>
    type === 'ringbuf'
      ? { name, type, entries: null, capacity, fill: null, memlockBytes }
      : { name, type, entries, capacity, fill: entries / capacity, memlockBytes },
  );
}

function entriesOf(map: RawMap): number {
  if (map.info.type === 'ringbuf') return 0;
  const isArray = map.info.type.includes('array');
  const isPerCpu = map.info.type.startsWith('percpu');
  let count = 0;
  for (const key of map.keys()) {
    if (!isArray) count += 1;
    else {
      const values = isPerCpu ? (map.getPerCpu(key) ?? []) : [map.get(key)];
      if (values.some((value) => value?.some((byte) => byte !== 0) === true)) count += 1;
    }
  }
  return count;
}

/** The entries of one map, with the names that the state file has for indices. */
export function dumpMap(name: MapName, generation: Generation, state: State | undefined): Dump {
  using maps = new Opened(generation);
  const items = readers[name](maps, namesOf(state));
  return { columns: columns[name], items };
}

/** How packets go to each peer: one way for each policy of its blocks, none where it has no block. */
export function waysByPeer(generation: Generation): ReadonlyMap<number, readonly string[]> {
  using maps = new Opened(generation);
  const peers = peersIn(maps);
  const policies = policiesIn(maps);
  const ways = new Map<number, Set<string>>();
  for (const { peer, policy } of blocksIn(maps).values()) {
    if (policy === noPolicy) continue;
    const { how } = wayTo(peers.get(peer), peer, policies.get(policy));
    ways.set(peer, (ways.get(peer) ?? new Set()).add(how));
  }
  return new Map([...ways].map(([peer, hows]) => [peer, [...hows].sort()]));
}

/** Pools that need a route: those with a block that packets may be sent to. */
export function routedPools(generation: Generation): readonly Cidr[] {
  using maps = new Opened(generation);
  const pools = new PrefixTable(maps.get('pools').typed(abi.poolKey, abi.pool).readAll());
  const routed = [...blocksIn(maps)]
    .filter(([, { policy }]) => policy !== noPolicy)
    .map(([block]) => pools.match(block)?.cidr);
  return [...new Set(routed)].filter((pool) => pool !== undefined).sort(compareCidrs);
}

const columns: Readonly<Record<MapName, readonly string[]>> = {
  blocks: ['block', 'node', 'how', 'nextHop', 'pool'],
  pools: ['pool', 'blockLengths', 'slots'],
  slots: ['slot', 'node', 'longer'],
  peers: ['index', 'node', 'address', 'subnet', 'vtepMac'],
  policies: ['index', 'pool', 'sameSubnet', 'otherSubnet', 'accepted', 'underlay'],
  sources: ['source', 'node', 'accepted'],
  externals: ['source', 'node', 'accepted'],
  verdicts: ['verdict', 'kind', 'egressPackets', 'egressBytes', 'ingressPackets', 'ingressBytes'],
  peer_traffic: [
    'index',
    'node',
    'encapsulatedPackets',
    'encapsulatedBytes',
    'decapsulatedPackets',
    'decapsulatedBytes',
    'directPackets',
    'directBytes',
  ],
  path_mtus: ['index', 'node', 'mtu', 'secondsLeft'],
  strangers: ['address', 'packets', 'secondsAgo'],
  cutters: ['in', 'out', 'uplink'],
  workloads: ['workload', 'interface', 'mtu', 'mac', 'hostMac'],
  shortcuts: ['uplink', 'uplinkMtu', 'routeMtu', 'tcpTimeout', 'udpTimeout', 'second'],
  tracers: ['rate', 'source', 'destination', 'either', 'protocol', 'port'],
  traced: ['limited', 'lost'],
  decisions: [],
};

type Reader = (maps: Opened, names: Names) => Dump['items'];

const readers: Readonly<Record<MapName, Reader>> = {
  blocks: (maps, names) => {
    const peers = peersIn(maps);
    const policies = policiesIn(maps);
    return [...blocksIn(maps)]
      .map(([block, { peer, policy }]) => ({
        block,
        node: names.peer(peer),
        ...(policy === noPolicy
          ? { how: 'not routed', nextHop: null, pool: null }
          : {
              ...wayTo(peers.get(peer), peer, policies.get(policy)),
              pool: names.policy(policy),
            }),
      }))
      .sort((a, b) => compare(a.block, b.block));
  },
  pools: (maps) =>
    maps
      .get('pools')
      .typed(abi.poolKey, abi.pool)
      .readAll()
      .map(([pool, { blockLengths, slots }]) => ({
        pool,
        blockLengths: blockLengths.map((length) => `/${length}`).join(' '),
        slots: slots === undefined ? null : slotsText(slots),
      })),
  slots: (maps, names) =>
    [...new SlotLines(slotTable(maps.get('slots')).entries())].map(([number, slot]) => ({
      slot: number,
      node: names.peer(peerIn(slot)),
      longer: hasLonger(slot) ? 'yes' : null,
    })),
  peers: (maps, names) =>
    [...peersIn(maps)].map(([index, { underlay, vtepMac, sameSubnet }]) => ({
      index,
      node: names.peer(index),
      address: underlay,
      subnet: isSelf(index) ? 'self' : sameSubnet ? 'same' : 'other',
      vtepMac: vtepMac ?? null,
    })),
  policies: (maps, names) =>
    [...policiesIn(maps)].map(([index, { sameSubnet, otherSubnet, accepted, underlay }]) => ({
      index,
      pool: names.policy(index),
      sameSubnet,
      otherSubnet,
      accepted: accepted.join(' '),
      underlay,
    })),
  sources: (maps, names) =>
    sourceRows(maps.get('sources').typed(abi.sourceKey, abi.source).readAll(), names),
  externals: (maps, names) =>
    sourceRows(maps.get('externals').typed(abi.poolKey, abi.source).readAll(), names),
  verdicts: (maps, names) =>
    readVerdicts(maps.get('verdicts'), names.verdicts).map(
      ({ verdict, kind, egress, ingress }) => ({
        verdict,
        kind,
        ...counted('egress', egress),
        ...counted('ingress', ingress),
      }),
    ),
  peer_traffic: (maps, names) =>
    [...peersIn(maps).keys()]
      .filter((index) => !isSelf(index))
      .map((index) => {
        const { encapsulated, decapsulated, direct } = readPeerTraffic(
          maps.get('peer_traffic'),
          index,
        );
        return {
          index,
          node: names.peer(index),
          ...counted('encapsulated', encapsulated),
          ...counted('decapsulated', decapsulated),
          ...counted('direct', direct),
        };
      }),
  path_mtus: (maps, names) =>
    readPathMtus(maps.get('path_mtus')).map(({ index, mtu, secondsLeft }) => ({
      index,
      node: names.peer(index),
      mtu,
      secondsLeft: Math.round(secondsLeft),
    })),
  strangers: (maps) =>
    readStrangers(maps.get('strangers')).map(({ secondsAgo, ...one }) => ({
      ...one,
      secondsAgo: Math.round(secondsAgo),
    })),
  cutters: (maps) =>
    [...cutters(maps.get('cutters')).entries().values()].map((entry) => ({ ...entry })),
  workloads: (maps) =>
    [...workloads(maps.get('workloads')).entries()]
      .map(([workload, entry]) => ({ workload, ...entry }))
      .sort((a, b) => compare(a.workload, b.workload)),
  shortcuts: (maps) =>
    [...shortcuts(maps.get('shortcuts')).entries().values()].map((entry) => ({ ...entry })),
  tracers: (maps) =>
    [...maps.get('tracers').typed(u32, abi.tracer).values()]
      .filter(({ until }) => until !== 0n)
      .map(({ rate, source, destination, either, protocol, port }) => ({
        rate,
        source: source ?? null,
        destination: destination ?? null,
        either: either ?? null,
        protocol,
        port,
      })),
  traced: (maps) =>
    [...maps.get('traced').typed(u32, abi.traced).values()].map(({ limited, lost }) => ({
      limited: Number(limited),
      lost: Number(lost),
    })),
  decisions: () => {
    throw new EncapError('cannot dump decisions: what is read from a ring buffer is gone from it', {
      code: 'USAGE',
      hint: 'follow them with encap trace',
    });
  },
};

/** `/26 0-1023`: blocks of this length have these slots. */
function slotsText({ length, first, count }: SlotRange): string {
  return `/${length} ${first}-${first + count - 1}`;
}

function counted(name: string, { packets, bytes }: Traffic): Record<string, Cell> {
  return { [`${name}Packets`]: Number(packets), [`${name}Bytes`]: Number(bytes) };
}

function sourceRows(
  entries: readonly (readonly [string, SourceEntry])[],
  names: Names,
): Dump['items'] {
  return entries
    .map(([source, { peer, accepted }]) => ({
      source,
      node: peer === externalPeer ? 'external' : names.peer(peer),
      accepted: accepted.join(' '),
    }))
    .sort((a, b) => compare(a.source, b.source));
}

/** What the egress program does with a packet to one of this peer's blocks. */
function wayTo(
  peer: PeerEntry | undefined,
  index: number,
  policy: Policy | undefined,
): { readonly how: string; readonly nextHop: string | null } {
  if (isSelf(index)) return { how: 'local', nextHop: null };
  if (peer === undefined || policy === undefined) return { how: 'dropped', nextHop: null };
  const encap = peer.sameSubnet ? policy.sameSubnet : policy.otherSubnet;
  return { how: encap === 'none' ? 'direct' : encap, nextHop: peer.underlay };
}

function isSelf(index: number): boolean {
  return index < firstPeer;
}

function blocksIn(maps: Opened): HeldBlocks {
  return heldBlocks({
    blocks: maps.get('blocks'),
    slots: maps.get('slots'),
    pools: maps.get('pools'),
  });
}

function peersIn(maps: Opened): ReadonlyMap<number, PeerEntry> {
  return arrayTable('peers', maps.get('peers'), abi.peer, Object.is).entries();
}

function policiesIn(maps: Opened): ReadonlyMap<number, Policy> {
  return arrayTable('policies', maps.get('policies'), abi.policy, Object.is).entries();
}

interface Names {
  readonly peer: (index: number) => string;
  readonly policy: (index: number) => string;
  readonly verdicts: Readonly<Record<string, string>>;
}

/** Names by index; without a state file the indices themselves. */
function namesOf(state: State | undefined): Names {
  const peers = new Map(Object.entries(state?.peers ?? {}));
  const policies = new Map(Object.entries(state?.policies ?? {}));
  return {
    peer: (index) =>
      isSelf(index)
        ? (state?.node ?? 'self')
        : (peers.get(String(index))?.replace(/^ipv[46]\//, '') ?? `peer ${index}`),
    policy: (index) => policies.get(String(index)) ?? `policy ${index}`,
    verdicts: state?.verdicts ?? {},
  };
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** Pinned maps, each opened when it is first asked for. */
class Opened implements Disposable {
  readonly #generation: Generation;
  readonly #maps = new Map<string, RawMap>();

  constructor(generation: Generation) {
    this.#generation = generation;
  }

  get(name: MapName): RawMap {
    const map = this.#maps.get(name) ?? BpfMap.open(this.#generation.map(name));
    this.#maps.set(name, map);
    return map;
  }

  [Symbol.dispose](): void {
    for (const map of this.#maps.values()) map[Symbol.dispose]();
  }
}
