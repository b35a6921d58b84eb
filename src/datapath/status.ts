import { Link, Program, type MapInfo } from 'libbpf-ts';
import { existsSync } from 'node:fs';
import { EncapError } from '../errors.js';
import { filterOn } from './clsact.js';
import { firstPeer, type CutterEntry, type PeerEntry, type PeerIndex } from './entry.js';
import type { Folders } from './folders.js';
import { generations, type Generation } from './generation.js';
import { workloadPin } from './attach.js';
import { directionOf, directions, functionOf, type ProgramName } from './load.js';
import { mapNames, openMaps, type MapName } from './maps.js';
import type { MapTables } from './plan.js';
import { readState, type State } from './state.js';
import { cutters } from './tables/cutters.js';
import { workloads } from './tables/workloads.js';
import { heldBlocks, mapTables } from './tables/index.js';
import { readStrangers, type Stranger } from './strangers.js';
import { readPeerTraffic, readVerdicts, type PeerTraffic, type VerdictCount } from './traffic.js';

/** What runs on this node, read from the kernel alone: no agent is needed. */
export interface Status {
  readonly generation: string;
  readonly programs: readonly ProgramStatus[];
  readonly maps: readonly MapStatus[];
  readonly peers: readonly PeerStatus[];
  /** In slots or not. */
  readonly blocks: number;
  readonly verdicts: readonly VerdictCount[];
  /** Who sent tunnel packets that were dropped as unknown_peer, the last one first. */
  readonly strangers: readonly Stranger[];
  /** What the programs know of the cutter; undefined: there is none. */
  readonly cutter: CutterEntry | undefined;
  /** What the last agent wrote down; undefined when its file is gone. */
  readonly state: State | undefined;
}

export interface ProgramStatus {
  readonly program: ProgramName;
  readonly id: number;
  readonly tag: string;
  readonly loadedAt: Date;
  readonly instructions: number;
  readonly runCount: bigint;
  readonly runTimeNs: bigint;
  /** Interface that it is attached to; undefined when someone took it off. */
  readonly attachedTo: number | undefined;
  readonly attach: 'tcx' | 'clsact' | undefined;
}

export interface MapStatus {
  readonly name: MapName;
  readonly info: MapInfo;
  /** Entries in use; undefined for counters. */
  readonly entries: number | undefined;
}

export interface PeerStatus extends PeerEntry {
  readonly index: PeerIndex;
  /** `ipv4/node-b`; undefined when the state file does not know it. */
  readonly name: string | undefined;
  readonly blocks: number;
  readonly traffic: PeerTraffic;
}

/** Reads the pins of this node; DATAPATH_ABSENT where there are none. */
export function readStatus(folders: Folders): Status {
  const state = readState(folders.run);
  const generation = currentGeneration(folders, state);
  using opened = openMaps(generation);
  const tables = mapTables(opened.maps);
  const blockCounts = new Map<PeerIndex, number>();
  for (const { peer } of heldBlocks(opened.maps).values())
    blockCounts.set(peer, (blockCounts.get(peer) ?? 0) + 1);
  const [cutter] = cutters(opened.maps.cutters).entries().values();
  const build = generation.builds().find((name) => name === state?.build) ?? generation.builds()[0];
  const placed = (name: ProgramName, index: number | undefined): ProgramStatus =>
    programStatus(name, { generation, build: build ?? '', index });
  const uplink = state?.uplink.index;
  const ends = [...workloads(opened.maps.workloads).entries().values()].map(
    (workload) => workload.interface,
  );
  return {
    generation: generation.name,
    programs: [
      ...(cutter === undefined ? [] : [placed('cutter', cutter.out)]),
      ...directions.map((direction) => placed(direction, uplink)),
      placed('backstop', uplink),
      ...[...new Set(ends)].map((index) => placed('workload', index)),
    ],
    cutter,
    maps: mapNames.map((name) => ({
      name,
      info: opened.maps[name].info,
      entries: hasTable(tables, name) ? tables[name].entries().size : undefined,
    })),
    peers: [...tables.peers.entries()]
      .filter(([index]) => index >= firstPeer)
      .map(([index, peer]) => ({
        ...peer,
        index,
        name: state?.peers[index],
        blocks: blockCounts.get(index) ?? 0,
        traffic: readPeerTraffic(opened.maps.peer_traffic, index),
      })),
    blocks: [...blockCounts.values()].reduce((sum, count) => sum + count, 0),
    verdicts: readVerdicts(opened.maps.verdicts, state?.verdicts ?? {}),
    strangers: readStrangers(opened.maps.strangers),
    state,
  };
}

function hasTable(tables: MapTables, name: MapName): name is MapName & keyof MapTables {
  return Object.hasOwn(tables, name);
}

/** The one that packets meet; DATAPATH_ABSENT where there is none. */
export function currentGeneration({ pins }: Folders, state: State | undefined): Generation {
  const pinned = generations(pins);
  const complete = pinned.filter((generation) => generation.maps().length === mapNames.length);
  const found =
    complete.find(({ name }) => name === state?.generation) ??
    complete.find((generation) => existsSync(generation.link('egress'))) ??
    complete[0];
  if (found !== undefined) return found;
  throw new EncapError('cannot read the datapath: there is none on this node', {
    code: 'DATAPATH_ABSENT',
    why: whyNone(pins, pinned),
    hint: 'start the agent: encap run',
  });
}

function whyNone(pins: string, pinned: readonly Generation[]): string {
  const [first] = pinned;
  if (first === undefined) return `nothing is pinned in ${pins}`;
  const there = new Set(first.maps());
  return `${first.folder} lacks the maps ${mapNames.filter((name) => !there.has(name)).join(', ')}`;
}

/** Where to look for a program: its pins, and the interface that it should be on. */
interface Place {
  readonly generation: Generation;
  readonly build: string;
  readonly index: number | undefined;
}

function programStatus(program: ProgramName, place: Place): ProgramStatus {
  const { generation, build } = place;
  using opened = Program.open(generation.program(build, functionOf(program)));
  const { id, tag, loadedAt, verifiedInstructions, runCount, runTimeNs } = opened.info;
  return {
    program,
    id,
    tag,
    loadedAt,
    instructions: verifiedInstructions,
    runCount,
    runTimeNs,
    ...placeOf(program, id, place),
  };
}

function placeOf(
  program: ProgramName,
  programId: number,
  { generation, index }: Place,
): Pick<ProgramStatus, 'attachedTo' | 'attach'> {
  const pin = generation.link(
    program === 'workload' && index !== undefined ? workloadPin(index) : program,
  );
  if (existsSync(pin)) {
    using link = Link.open(pin);
    const { ifindex, programId: there } = link.info;
    if (ifindex !== 0 && there === programId) return { attachedTo: ifindex, attach: 'tcx' };
  }
  const direction = directionOf(program);
  if (index !== undefined && filterOn(program, { ifindex: index, direction }) === programId)
    return { attachedTo: index, attach: 'clsact' };
  return { attachedTo: undefined, attach: undefined };
}
