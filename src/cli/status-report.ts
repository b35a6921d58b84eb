import { Netlink } from 'libbpf-ts';
import { holder } from '../agent/lock.js';
import type { Fault } from '../model/fault.js';
import { cutterNames } from '../datapath/cutter.js';
import { foldersOf } from '../datapath/folders.js';
import { Generation } from '../datapath/generation.js';
import type { State } from '../datapath/state.js';
import { readStatus, type PeerStatus, type ProgramStatus } from '../datapath/status.js';
import { networkTables } from '../datapath/tables/index.js';
import type { TunnelReport } from '../datapath/takeover.js';
import type { Stranger } from '../datapath/strangers.js';
import type { Traffic, VerdictCount } from '../datapath/traffic.js';
import { faultsOf } from './health.js';
import { routedPools, waysByPeer } from './map-dump.js';
import { checkAccess } from './pinned.js';

/** All that `encap status` says; text and JSON are made from it. */
export interface StatusReport {
  readonly apiVersion: 'encap/v1';
  readonly kind: 'Status';
  readonly verdict: 'OK' | 'DEGRADED';
  readonly faults: readonly Fault[];
  /** What one should know, and is no fault. */
  readonly notes: readonly string[];
  readonly node: string | null;
  readonly agent: { readonly pid: number; readonly startedAt: string | null } | null;
  readonly uplink: State['uplink'] | null;
  readonly attach: 'tcx' | 'clsact' | null;
  /** Names of its ends; null: there is none, and `notes` says why. */
  readonly cutter: typeof cutterNames | null;
  /** The interface that has received VXLAN packets merged; null: they are not, and where they should be `notes` says why. */
  readonly merger: string | null;
  /** Calico's own tunnel devices, and who has their packets. */
  readonly kernelTunnels: readonly TunnelReport[];
  /** Packets between workloads that went past the host's stack, and those that could not; null: fastPath is never. */
  readonly fastPath: {
    readonly mode: 'guarded' | 'always';
    readonly past: number;
    readonly through: number;
  } | null;
  /** VNI and UDP port that the loaded programs send and accept. */
  readonly vxlan: State['vxlan'] | null;
  /** Which object runs, and why this one. */
  readonly object: State['object'] | null;
  readonly pools: readonly { readonly cidr: string; readonly mtu: number | null }[];
  readonly blocks: number;
  readonly peers: readonly ReportedPeer[];
  readonly verdicts: readonly ReportedVerdict[];
  /** Who sent tunnel packets and is no node, the last one first. */
  readonly strangers: readonly Stranger[];
  readonly programs: readonly ReportedProgram[];
}

interface Counter {
  readonly packets: number;
  readonly bytes: number;
}

export interface ReportedPeer {
  readonly name: string;
  readonly address: string;
  readonly subnet: 'same' | 'other';
  /** vxlan, ipip, direct; several where its blocks are of several pools. */
  readonly how: readonly string[];
  readonly blocks: number;
  readonly vtepMac: string | null;
  readonly sent: Counter;
  readonly received: Counter;
}

export interface ReportedVerdict {
  readonly verdict: string;
  readonly kind: VerdictCount['kind'];
  readonly egress: Counter;
  readonly ingress: Counter;
}

export interface ReportedProgram extends Omit<
  ProgramStatus,
  'runCount' | 'runTimeNs' | 'attachedTo' | 'attach'
> {
  readonly attachedTo: number | null;
  readonly attach: 'tcx' | 'clsact' | null;
  /** Counted only while the kernel counts (sysctl kernel.bpf_stats_enabled). */
  readonly runCount: number;
  readonly runTimeNs: number;
}

/** Reads the pins, the routes and the state file of this node. */
export async function statusReport(env: NodeJS.ProcessEnv): Promise<StatusReport> {
  const folders = foldersOf(env);
  checkAccess(folders.pins);
  const status = readStatus(folders);
  const { state, programs, verdicts, peers } = status;
  const generation = new Generation(folders.pins, status.generation);
  const pools = routedPools(generation);
  using netlink = Netlink.open();
  const routes = [...networkTables(netlink).routes.entries().values()];
  const said = { notCarried: state?.notCarried ?? {}, faults: state?.faults ?? [] };
  const faults = faultsOf({ programs, verdicts, peers, pools, routes, said });
  const pid = await holder(folders.run);
  const ways = waysByPeer(generation);
  return {
    apiVersion: 'encap/v1',
    kind: 'Status',
    verdict: faults.length === 0 ? 'OK' : 'DEGRADED',
    faults,
    notes: notesOf(state, pid),
    node: state?.node ?? null,
    agent: pid === undefined ? null : { pid, startedAt: state?.startedAt ?? null },
    uplink: state?.uplink ?? null,
    attach: programs.find(({ attach }) => attach !== undefined)?.attach ?? null,
    cutter: status.cutter === undefined ? null : cutterNames,
    merger: state?.merger ?? null,
    kernelTunnels: state?.kernelTunnels ?? [],
    fastPath: state?.fastPath === undefined ? null : fastPathOf(state.fastPath, verdicts),
    vxlan: state?.vxlan ?? null,
    object: state?.object ?? null,
    pools: pools.map((cidr) => ({
      cidr,
      mtu:
        routes
          .filter(({ destination }) => destination === cidr)
          .map((route) => (route.type === 'unicast' ? route.mtu : undefined))
          .find((mtu) => mtu !== undefined) ?? null,
    })),
    blocks: status.blocks,
    peers: peers.map((peer) => reportedPeer(peer, ways.get(peer.index) ?? [])),
    verdicts: verdicts.map(({ verdict, kind, egress, ingress }) => ({
      verdict,
      kind,
      egress: counterOf(egress),
      ingress: counterOf(ingress),
    })),
    strangers: status.strangers,
    programs: programs.map(reportedProgram),
  };
}

function notesOf(state: State | undefined, pid: number | undefined): string[] {
  return [
    ...(state === undefined
      ? ['the state file is gone: names are not known until an agent runs']
      : []),
    ...(pid === undefined
      ? ['no agent is running: traffic goes on, changes are not followed (sudo encap run)']
      : []),
    ...(state?.noCutter === undefined
      ? []
      : [
          `there is no cutter (${state.noCutter}): workloads’ own tunnels are dropped where they leave work to the NIC`,
        ]),
    ...(state?.noMerger === undefined
      ? []
      : [
          `received VXLAN packets are not merged (${state.noMerger}): they cost more where the wire carries them one by one`,
        ]),
    ...(state?.kernelTunnels ?? [])
      .filter(({ how }) => how === 'carries')
      .map(
        ({ name, routes }) =>
          `two encapsulators: ${name} carries what ${routes} routes lead to; to take over: encap run --replace-kernel-tunnels, else --coexist (NodeConfig kernelTunnels)`,
      ),
    ...(state?.slow === undefined ? [] : [`fastPath: ${state.slow}`]),
    ...(state?.bypassed === undefined
      ? []
      : [
          `fastPath: always bypasses ${state.bypassed}: policy and Services do not hold for workloads (guarded asks conntrack)`,
        ]),
  ];
}

/** Of both directions. */
function fastPathOf(
  mode: 'guarded' | 'always',
  verdicts: readonly VerdictCount[],
): StatusReport['fastPath'] {
  const packets = (...names: readonly string[]): number =>
    verdicts
      .filter(({ verdict }) => names.includes(verdict))
      .reduce((sum, { egress, ingress }) => sum + Number(egress.packets + ingress.packets), 0);
  return {
    mode,
    past: packets('shortcut_out', 'shortcut_in'),
    through: packets('encapsulated', 'direct', 'decapsulated'),
  };
}

function reportedPeer(peer: PeerStatus, how: readonly string[]): ReportedPeer {
  const { index, name, underlay, sameSubnet, blocks, vtepMac, traffic } = peer;
  return {
    name: name?.replace(/^ipv[46]\//, '') ?? `peer ${index}`,
    address: underlay,
    subnet: sameSubnet ? 'same' : 'other',
    how,
    blocks,
    vtepMac: vtepMac ?? null,
    sent: counterOf(traffic.encapsulated, traffic.direct),
    received: counterOf(traffic.decapsulated),
  };
}

function reportedProgram(program: ProgramStatus): ReportedProgram {
  return {
    ...program,
    attachedTo: program.attachedTo ?? null,
    attach: program.attach ?? null,
    runCount: Number(program.runCount),
    runTimeNs: Number(program.runTimeNs),
  };
}

/** JSON has no 64-bit integers: exact up to 2^53, which is a century of 10 Gbit/s in bytes. */
function counterOf(...traffics: readonly Traffic[]): Counter {
  const total = (member: keyof Traffic): number =>
    Number(traffics.reduce((sum, traffic) => sum + traffic[member], 0n));
  return { packets: total('packets'), bytes: total('bytes') };
}
