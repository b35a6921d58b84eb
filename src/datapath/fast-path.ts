import type { Netlink } from 'libbpf-ts';
import { isDeepStrictEqual } from 'node:util';
import type { Desired } from '../model/desired.js';
import type { Settings } from '../model/settings.js';
import { hasFlowLookup, jiffiesPerSecond, readConntrack, type Conntrack } from './conntrack.js';
import type { ShortcutEntry, WorkloadEntry } from './entry.js';
import { step, type Step } from './reconcile.js';
import type { Address } from '../net/address.js';
import type { Table } from './table.js';
import type { Underlay } from './underlay.js';
import type { Uplink } from './uplink.js';
import { rulesInForce } from './netfilter.js';
import { noWorkloads, readWorkloads, type Workloads } from './workloads.js';

export type FastPathMode = Settings['fastPath'];

/** The tables of the programs that shortcuts need. */
export interface ShortcutTables {
  readonly workloads: Table<Address, WorkloadEntry>;
  readonly shortcuts: Table<number, ShortcutEntry>;
}

/** The shortcuts that there are in a round. */
export interface FastPath {
  /** What is in force: `never` where it can't be what the settings say. */
  readonly mode: FastPathMode;
  readonly workloads: Workloads;
  readonly conntrack: Conntrack | undefined;
  /** Why packets, or some of them, take the stack all the same; undefined: nothing is amiss. */
  readonly missing: string | undefined;
  /** `always`: rules of the host that count for nothing for the packets that go past it. */
  readonly bypassed: string | undefined;
}

const none: FastPath = {
  mode: 'never',
  workloads: noWorkloads,
  conntrack: undefined,
  missing: undefined,
  bypassed: undefined,
};

/** Finds out in each round what shortcuts there can be, and what they have to know. */
export class FastPaths {
  #hasLookup = false;
  #second: number | undefined;
  #before: FastPath = none;

  look(netlink: Netlink, desired: Desired, wanted: FastPathMode): FastPath {
    // once there it stays: our programs hold it
    this.#hasLookup ||= wanted !== 'never' && hasFlowLookup();
    this.#before = this.#hasLookup ? looked(netlink, desired, wanted) : lacking(wanted);
    return this.#before;
  }

  /** Whether a workload whose MAC was not known has one now, for all that a neighbour's address tells. */
  awaits(address: string): boolean {
    return this.#before.workloads.awaited.has(address);
  }

  /** Whether a workload is behind an interface. */
  beginsAt(index: number): boolean {
    return this.#before.workloads.places.some((place) => place.index === index);
  }

  get isOn(): boolean {
    return this.#before.mode !== 'never';
  }

  /** Whether conntrack was set otherwise since: nothing else tells. */
  hasNews(): boolean {
    const { mode, conntrack } = this.#before;
    return mode === 'guarded' && !isDeepStrictEqual(readConntrack(), conntrack);
  }

  /** The way to what the programs have to know. */
  steps(
    table: ShortcutTables,
    fastPath: FastPath,
    uplink: Uplink | undefined,
    underlay: Underlay | undefined,
  ): readonly Step[] {
    const entry =
      fastPath.mode === 'never' || uplink === undefined || underlay === undefined
        ? undefined
        : this.#entry(fastPath, uplink, underlay);
    const desired = new Map(entry === undefined ? [] : [[0, entry] as const]);
    return [
      step(table.workloads, fastPath.workloads.entries, table.workloads.entries()),
      step(table.shortcuts, desired, table.shortcuts.entries()),
    ];
  }

  #entry({ mode, conntrack }: FastPath, uplink: Uplink, { routes }: Underlay): ShortcutEntry {
    const mtus = [...routes.values()].flatMap((route) =>
      route.type === 'unicast' ? [route.mtu ?? uplink.mtu] : [],
    );
    const second = mode === 'guarded' ? (this.#second ??= jiffiesPerSecond()) : 0;
    return {
      uplink: uplink.index,
      uplinkMtu: uplink.mtu,
      routeMtu: Math.min(uplink.mtu, ...mtus),
      tcpTimeout: conntrack?.isLiberal === true ? conntrack.tcpSeconds * second : 0,
      udpTimeout: conntrack === undefined ? 0 : conntrack.udpSeconds * second,
      second,
    };
  }
}

function lacking(wanted: FastPathMode): FastPath {
  if (wanted === 'never') return none;
  const missing = 'no bpf_skb_ct_lookup in this kernel (Linux 5.18, with nf_conntrack loaded)';
  return { ...none, missing };
}

function looked(netlink: Netlink, desired: Desired, wanted: FastPathMode): FastPath {
  if (wanted === 'never') return none;
  const found = readWorkloads(netlink, desired.pools.keys());
  if (wanted === 'always')
    return {
      mode: wanted,
      workloads: found,
      conntrack: undefined,
      missing: undefined,
      bypassed: rulesInForce(),
    };
  const conntrack = readConntrack();
  const missing = whyNotAll(conntrack);
  return { mode: wanted, workloads: found, conntrack, missing, bypassed: undefined };
}

function whyNotAll(conntrack: Conntrack | undefined): string | undefined {
  if (conntrack === undefined) return 'nf_conntrack is not loaded: modprobe nf_conntrack';
  return conntrack.isLiberal
    ? undefined
    : 'TCP takes the stack: its window moves unseen, so sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1';
}
