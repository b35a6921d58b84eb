import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Netlink } from 'libbpf-ts';
import type { Desired } from '../model/desired.js';
import type { Settings } from '../model/settings.js';
import { crossingOf, probe } from './config.js';
import { firstPeer, type CutterEntry } from './entry.js';
import { FastPaths, type ShortcutTables } from './fast-path.js';
import type { Fault } from '../model/fault.js';
import type { Folders } from './folders.js';
import { generations, type Generation } from './generation.js';
import { Switching, type SwitchTiming } from './switching.js';
import { Places } from './indices.js';
import { readKernelTunnels } from './kernel-tunnel.js';
import { hooksOf } from './attach.js';
import { cutterStep, endsOf } from './cutting.js';
import { mapNames, openMaps } from './maps.js';
import { mergerStep } from './merging.js';
import { narrowed, readPathMtus, type PathMtu } from './path-mtu.js';
import { planMaps, planNetwork, type MapTables } from './plan.js';
import type { Change } from './reconcile.js';
import { reversePathStep } from './reverse-path.js';
import { lookAround } from './surroundings.js';
import type { LookedUp, TableName } from './table.js';
import { cutters } from './tables/cutters.js';
import { mapTables, networkTables, shortcutTables } from './tables/index.js';
import { reportOf, takeoverFaults, takeoverSteps, type TunnelReport } from './takeover.js';
import { underlayOf } from './underlay.js';
import { uplinkOf, type Uplink } from './uplink.js';

export interface PreviewOptions {
  readonly folders: Folders;
  readonly settings: Pick<
    Settings,
    'underlay' | 'receiveMerging' | 'fastPath' | 'kernelTunnels' | 'vxlanPort'
  >;
  readonly switching: SwitchTiming;
}

/** What a round would change and complain of, as data. */
export interface Preview {
  readonly changes: readonly Change[];
  /** What would become of Calico's own tunnel devices. */
  readonly kernelTunnels: readonly TunnelReport[];
  readonly faults: readonly Fault[];
}

/** Reads the kernel, writes nothing, loads nothing. */
export function preview(
  desired: Desired,
  { folders, settings, switching }: PreviewOptions,
  netlink: Netlink,
): Preview {
  const generation = generations(folders.pins).find((candidate) =>
    mapNames.every((map) => existsSync(candidate.map(map))),
  );
  const uplink = uplinkOf(desired, lookAround(netlink), settings.underlay);
  using opened = openTables(generation);
  const plannedSwitch = new Switching(switching);
  const { image, steps } = planMaps(
    desired,
    opened.tables,
    {
      peers: new Places('peers', firstPeer, 2 ** 32),
      policies: new Places('policies', 0, 2 ** 32),
      slots: 2 ** 32,
      remembered: new Map(),
    },
    plannedSwitch,
    0,
  );
  const underlay = narrowed(
    underlayOf(desired, uplink, () => crossingOf(probe())),
    desired,
    { peers: image.names.peers, paths: opened.paths },
    uplink,
  );
  const network = planNetwork(
    underlay,
    networkTables(netlink, underlay.addresses),
    plannedSwitch.isDelaying,
  );
  const carried = [...desired.routes.keys()].filter((pool) => !underlay.notCarried.has(pool));
  const way = settings.kernelTunnels;
  const tunnels = readKernelTunnels(netlink, carried);
  const kernelTunnels = reportOf(tunnels, way);
  const fastPaths = new FastPaths();
  const fastPath = fastPaths.look(netlink, desired, settings.fastPath);
  const links = hooksOf(uplink, noEnds, fastPath.workloads.places)
    .filter(({ pin }) => generation === undefined || !existsSync(generation.link(pin)))
    .map((hook): Change => ({
      table: 'links',
      action: 'put',
      key: `${hook.interface} ${hook.program === 'backstop' ? 'backstop' : hook.direction}`,
    }));
  const changesOf = (list: typeof steps): Change[] => list.flatMap(({ changes }) => changes);
  return {
    kernelTunnels,
    changes: [
      ...reversePathStep(netlink, folders, way, uplink).changes,
      ...cutterStep(netlink).changes,
      ...changesOf(steps),
      ...links,
      ...cutting(netlink, opened.cutter, uplink),
      ...changesOf(network),
      ...changesOf(takeoverSteps(netlink, tunnels, way, underlay)),
      ...changesOf(fastPaths.steps(opened.shortcuts, fastPath, uplink, underlay)),
      ...mergerStep(netlink, desired, settings).changes,
    ],
    faults: [
      ...underlay.notCarried.values(),
      ...underlay.faults,
      ...takeoverFaults(kernelTunnels, uplink),
    ],
  };
}

/** The programs are told of a cutter that is still to be made, or has been since. */
function cutting(netlink: Netlink, told: CutterEntry | undefined, uplink: Uplink): Change[] {
  const ends = endsOf(netlink);
  const isTold = ends !== undefined && isDeepStrictEqual(told, { ...ends, uplink: uplink.index });
  return isTold ? [] : [{ table: 'cutters', action: 'put', key: '0' }];
}

/** Indices come with the interfaces: a preview needs none. */
const noEnds = { in: 0, out: 0 };

interface Opened extends Disposable {
  readonly tables: MapTables;
  readonly shortcuts: ShortcutTables;
  /** What the programs know of the cutter. */
  readonly cutter: CutterEntry | undefined;
  readonly paths: readonly PathMtu[];
}

function openTables(generation: Generation | undefined): Opened {
  if (generation === undefined)
    return {
      tables: noTables(),
      shortcuts: { workloads: noTable('workloads'), shortcuts: noTable('shortcuts') },
      paths: [],
      cutter: undefined,
      [Symbol.dispose]: () => undefined,
    };
  const opened = openMaps(generation);
  return {
    tables: mapTables(opened.maps),
    shortcuts: shortcutTables(opened.maps),
    paths: readPathMtus(opened.maps.path_mtus),
    cutter: cutters(opened.maps.cutters).entries().get(0),
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

/** Of a node without datapath: nothing is there. */
function noTables(): MapTables {
  return {
    sources: noTable('sources'),
    externals: noTable('externals'),
    peers: noTable('peers'),
    policies: noTable('policies'),
    blocks: noTable('blocks'),
    slots: noTable('slots'),
    pools: noTable('pools'),
  };
}

function noTable<K, V>(name: TableName): LookedUp<K, V> {
  return {
    name,
    same: () => false,
    entries: () => new Map<K, V>(),
    get: () => undefined,
    weight: () => 0,
    weigh: () => 0,
    put: () => undefined,
    remove: () => undefined,
  };
}
