import { BpfMap } from 'libbpf-ts';
import type { Generation } from './generation.js';

/** The maps that user space opens by name. */
export const mapNames = [
  'sources',
  'externals',
  'peers',
  'policies',
  'blocks',
  'slots',
  'pools',
  'verdicts',
  'peer_traffic',
  'path_mtus',
  'strangers',
  'cutters',
  'workloads',
  'shortcuts',
  'tracers',
  'traced',
  'decisions',
] as const;

export type MapName = (typeof mapNames)[number];

export type RawMap = BpfMap<Uint8Array, Uint8Array>;

/** Every map by its name. */
export type Maps = Readonly<Record<MapName, RawMap>>;

/** One handle for each name. */
export function mapsOf(map: (name: MapName) => RawMap): Maps {
  return {
    sources: map('sources'),
    externals: map('externals'),
    peers: map('peers'),
    policies: map('policies'),
    blocks: map('blocks'),
    slots: map('slots'),
    pools: map('pools'),
    verdicts: map('verdicts'),
    peer_traffic: map('peer_traffic'),
    path_mtus: map('path_mtus'),
    strangers: map('strangers'),
    cutters: map('cutters'),
    workloads: map('workloads'),
    shortcuts: map('shortcuts'),
    tracers: map('tracers'),
    traced: map('traced'),
    decisions: map('decisions'),
  };
}

/** The maps that a generation has pinned. */
export function openMaps(generation: Generation): Disposable & { readonly maps: Maps } {
  const opened: RawMap[] = [];
  return {
    maps: mapsOf((name) => {
      const handle = BpfMap.open(generation.map(name));
      opened.push(handle);
      return handle;
    }),
    [Symbol.dispose]: () => {
      for (const handle of opened) handle[Symbol.dispose]();
    },
  };
}
