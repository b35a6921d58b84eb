import { setTimeout as sleep } from 'node:timers/promises';
import { Netlink, query } from 'libbpf-ts';
import type { AddressState, LinkState, NeighbourState, RouteState } from 'libbpf-ts';
import { readdirSync } from 'node:fs';
import { noPolicy, type BlockEntry, type PolicyIndex } from '../datapath/entry.js';
import type { Folders } from '../datapath/folders.js';
import { Generation } from '../datapath/generation.js';
import { openMaps } from '../datapath/maps.js';
import { readPathMtus, type PathMtu } from '../datapath/path-mtu.js';
import { readState, type State } from '../datapath/state.js';
import { readStatus, type PeerStatus, type Status } from '../datapath/status.js';
import { read, readSysctls, type Sysctls } from '../datapath/sysctl.js';
import { heldBlocks, mapTables, networkTables } from '../datapath/tables/index.js';
import { readVerdicts, type VerdictCount } from '../datapath/traffic.js';
import type { KernelRoute } from '../datapath/underlay.js';
import { EncapError } from '../errors.js';
import type { Policy } from '../model/desired.js';
import { compareCidrs, type Cidr } from '../net/cidr.js';
import { PrefixTable } from '../net/prefix-table.js';
import type { Cluster } from './cluster.js';
import { droppingRules, type FirewallRule } from './firewall.js';
import { examineMachine, type Machine } from './machine.js';

/** All that is looked at on a node, read and not yet judged. */
export interface Facts {
  readonly machine: Machine;
  /** Process id. */
  readonly agent: number | undefined;
  readonly state: State | undefined;
  /** What is pinned; or why it could not be read. */
  readonly datapath: Datapath | EncapError;
  readonly network: Network;
  /** undefined: no resources were named, and there are none at the usual place. */
  readonly cluster: Cluster | undefined;
}

/** What the programs go by. */
export interface Datapath {
  readonly status: Status;
  /** Pools that packets are led to. */
  readonly pools: readonly Cidr[];
  readonly blocks: readonly (readonly [Cidr, BlockEntry])[];
  readonly policies: ReadonlyMap<PolicyIndex, Policy>;
  readonly paths: readonly PathMtu[];
  /** Packets that each verdict counted while the doctor looked. */
  readonly growth: ReadonlyMap<string, number>;
  /** Ids of the programs that packets meet before ours, by direction; clsact does not tell. */
  readonly before: Readonly<Record<'egress' | 'ingress', readonly number[]>>;
}

/** The node's network, as the kernel has it. */
export interface Network {
  readonly links: readonly LinkState[];
  readonly addresses: readonly AddressState[];
  readonly neighbours: readonly NeighbourState[];
  /** Of the main table. */
  readonly routes: readonly RouteState[];
  /** Those of ours. */
  readonly ownRoutes: readonly KernelRoute[];
  readonly ownNeighbours: readonly string[];
  /** Of the uplink, where it is known. */
  readonly sysctls: Sysctls | undefined;
  /** net.ipv4.ip_forward: each interface has a switch of its own beside it. */
  readonly ipForward: boolean;
  /** Rules that drop tunnel packets; undefined: there is no nft here to ask. */
  readonly rules: readonly FirewallRule[] | undefined;
}

export interface Place {
  readonly folders: Folders;
  readonly agent: number | undefined;
  readonly cluster: Cluster | undefined;
  /** How long counters are watched. */
  readonly sampleMs: number;
}

/** Reads them; changes nothing. */
export async function examine({ folders, agent, cluster, sampleMs }: Place): Promise<Facts> {
  using netlink = Netlink.open();
  const state = readState(folders.run);
  const [datapath, rules] = await Promise.all([
    readDatapath(folders, sampleMs),
    readRules(state?.vxlan.port ?? 4789),
  ]);
  const { routes: ownRoutes, neighbours: ownNeighbours } = networkTables(netlink);
  return {
    machine: examineMachine(folders.pins),
    agent,
    state,
    datapath,
    cluster,
    network: {
      links: netlink.links(),
      addresses: netlink.addresses(),
      neighbours: netlink.neighbours(),
      routes: netlink.routes().filter(({ table }) => table === mainTable),
      ownRoutes: [...ownRoutes.entries().values()],
      ownNeighbours: [...ownNeighbours.entries().values()].map(({ address }) => address),
      sysctls: state === undefined ? undefined : readSysctls(state.uplink.name),
      ipForward: read('ipv4/ip_forward') === '1',
      rules,
    },
  };
}

const mainTable = 254; // RT_TABLE_MAIN

async function readDatapath(folders: Folders, sampleMs: number): Promise<Datapath | EncapError> {
  try {
    const status = readStatus(folders);
    const generation = new Generation(folders.pins, status.generation);
    using opened = openMaps(generation);
    const { maps } = opened;
    const tables = mapTables(maps);
    const blocks = [...heldBlocks(maps)];
    const inPools = new PrefixTable(tables.pools.entries());
    const routed = blocks
      .filter(([, { policy }]) => policy !== noPolicy)
      .map(([block]) => inPools.match(block)?.cidr);
    const pools = [...new Set(routed)].filter((pool) => pool !== undefined).sort(compareCidrs);
    const growth = await growthOf(status.verdicts, sampleMs, () =>
      readVerdicts(maps.verdicts, status.state?.verdicts ?? {}),
    );
    return {
      status,
      pools,
      blocks,
      policies: tables.policies.entries(),
      paths: readPathMtus(maps.path_mtus),
      growth,
      before: beforeOurs(status),
    };
  } catch (failure) {
    return asError(failure, folders);
  }
}

async function growthOf(
  first: readonly VerdictCount[],
  sampleMs: number,
  again: () => readonly VerdictCount[],
): Promise<ReadonlyMap<string, number>> {
  await sleep(sampleMs);
  const before = new Map(first.map((count) => [count.verdict, totalOf(count)]));
  return new Map(
    again()
      .map((count) => [count.verdict, totalOf(count) - (before.get(count.verdict) ?? 0)] as const)
      .filter(([, packets]) => packets > 0),
  );
}

/** Packets of both directions. */
export function totalOf({ egress, ingress }: VerdictCount): number {
  return Number(egress.packets + ingress.packets);
}

function beforeOurs({ programs }: Status): Datapath['before'] {
  const before = (direction: 'egress' | 'ingress'): readonly number[] => {
    const ours = programs.find(({ program }) => program === direction);
    if (ours?.attach !== 'tcx' || ours.attachedTo === undefined) return [];
    const all = query({ kind: 'tcx', ifindex: ours.attachedTo, direction }).programs;
    const ids = all.map(({ programId }) => programId);
    return ids.slice(0, Math.max(0, ids.indexOf(ours.id)));
  };
  return { egress: before('egress'), ingress: before('ingress') };
}

/** A damaged set of pins is a finding, not the end of the examination. */
function asError(failure: unknown, { pins }: Folders): EncapError {
  if (failure instanceof EncapError) return failure;
  return new EncapError(`cannot read the datapath: ${(failure as Error).message}`, {
    code: isEmpty(pins) ? 'DATAPATH_ABSENT' : 'KERNEL_REFUSED',
    hint: 'start the agent: it makes what is missing',
    cause: failure,
  });
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return true; // not there, or not for us: nothing of it can be used
  }
}

async function readRules(port: number): Promise<readonly FirewallRule[] | undefined> {
  const { execa } = await import('execa');
  // By its path: npm puts another program of that name first.
  const nft = (...words: string[]) =>
    execa('/usr/sbin/nft', words, { reject: false, stderr: 'ignore' });
  const [rules, chains] = await Promise.all([nft('-j', 'list', 'ruleset'), nft('list', 'chains')]);
  return rules.exitCode === 0 && chains.exitCode === 0
    ? droppingRules(rules.stdout, chains.stdout, port)
    : undefined;
}

/** What the programs know, where they are there at all. */
export function datapathOf({ datapath }: Pick<Facts, 'datapath'>): Datapath | undefined {
  return datapath instanceof EncapError ? undefined : datapath;
}

/** `node-b`, whichever family and address of it. */
export function peerName({ name, index }: Pick<PeerStatus, 'name' | 'index'>): string {
  return name?.replace(/^ipv[46]\//, '').split(' ')[0] ?? `peer ${index}`;
}
