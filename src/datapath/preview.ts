import { existsSync } from 'node:fs';
import type { Netlink } from 'libbpf-ts';
import type { Desired } from '../model/desired.js';
import type { Settings } from '../model/settings.js';
import { crossingOf, probe } from './config.js';
import { firstPeer } from './entry.js';
import type { Fault } from './fault.js';
import type { Folders } from './folders.js';
import { generations, type Generation } from './generation.js';
import { Switching, type SwitchTiming } from './switching.js';
import { Places } from './indices.js';
import { directions } from './load.js';
import { mapNames, openMaps } from './maps.js';
import { narrowed, readPathMtus, type PathMtu } from './path-mtu.js';
import { planMaps, planNetwork, type MapTables } from './plan.js';
import type { Change } from './reconcile.js';
import { lookAround } from './surroundings.js';
import type { Table, TableName } from './table.js';
import { mapTables, networkTables } from './tables/index.js';
import { underlayOf } from './underlay.js';
import { uplinkOf } from './uplink.js';

export interface PreviewOptions {
  readonly folders: Folders;
  readonly underlay: Settings['underlay'];
  readonly switching: SwitchTiming;
}

/** What a round would change and complain of, as data. */
export interface Preview {
  readonly changes: readonly Change[];
  readonly faults: readonly Fault[];
}

/** Reads the kernel, writes nothing, loads nothing. */
export function preview(
  desired: Desired,
  { folders, underlay: wanted, switching }: PreviewOptions,
  netlink: Netlink,
): Preview {
  const generation = generations(folders.pins).find((candidate) =>
    mapNames.every((map) => existsSync(candidate.map(map))),
  );
  const uplink = uplinkOf(desired, lookAround(netlink), wanted);
  using opened = openTables(generation);
  const plannedSwitch = new Switching(switching);
  const { image, steps } = planMaps(
    desired,
    opened.tables,
    {
      peers: new Places('peers', firstPeer, 2 ** 32),
      policies: new Places('policies', 0, 2 ** 32),
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
  const links = directions
    .filter((direction) => generation === undefined || !existsSync(generation.link(direction)))
    .map((direction): Change => ({
      table: 'links',
      action: 'put',
      key: `${uplink.name} ${direction}`,
    }));
  const changesOf = (list: typeof steps): Change[] => list.flatMap(({ changes }) => changes);
  return {
    changes: [...changesOf(steps), ...links, ...changesOf(network)],
    faults: [...underlay.notCarried.values(), ...underlay.faults],
  };
}

interface Opened extends Disposable {
  readonly tables: MapTables;
  readonly paths: readonly PathMtu[];
}

function openTables(generation: Generation | undefined): Opened {
  if (generation === undefined)
    return { tables: noTables(), paths: [], [Symbol.dispose]: () => undefined };
  const opened = openMaps(generation);
  return {
    tables: mapTables(opened.maps),
    paths: readPathMtus(opened.maps.path_mtus),
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

/** Of a node without datapath: nothing is there. */
function noTables(): MapTables {
  const empty = <K, V>(name: TableName): Table<K, V> => ({
    name,
    same: () => false,
    entries: () => new Map<K, V>(),
    put: () => undefined,
    remove: () => undefined,
  });
  return {
    sources: empty('sources'),
    externals: empty('externals'),
    peers: empty('peers'),
    policies: empty('policies'),
    blocks: empty('blocks'),
    pools: empty('pools'),
  };
}
