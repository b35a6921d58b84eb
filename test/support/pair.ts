import { execFileSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { inNamespace, Netlink, type Link } from 'libbpf-ts';
import { hooksOf, placed } from '../../src/datapath/attach.js';
import { bringCutter, type Cutter } from '../../src/datapath/cutting.js';
import { functionOf } from '../../src/datapath/load.js';
import { countsOf, type Count } from './count.js';
import { indexOf } from './dut.js';
import { leadToKernel, type KernelPeer } from './kernel-devices.js';
import { load, type Loaded } from './load.js';
import { argumentsOf, offloads, type Offloads, type Setting } from './offloads.js';
import { datapathObject } from './object.js';
import { runIn } from './spaces.js';
import * as traffic from './traffic.js';
import * as wiring from './wiring.js';
import type { Side, Underlay } from './wiring.js';
import { beyondCalico, peerIndex } from './world.js';

export type { Side };
/**
 * What B runs. Over IPv6, programs and `kernel vxlan, zero` take UDP without a checksum; the kernel's device
 * with default settings does not, and `programs, summed` are treated as if they did not.
 */
export type Peer = 'programs' | 'programs, summed' | KernelPeer;
export type AttachBy = 'tcx' | 'clsact';
export type Cutting = 'with a cutter' | 'without a cutter';

/**
 * Nodes A and B of the corpus on one wire, each with a workload in a namespace of its own, so that its
 * traffic is forwarded. A runs our programs; B runs them too, or the kernel's own devices.
 */
export class Pair implements Disposable {
  readonly #name = `bp2-${process.pid}-pair${(made += 1)}`;
  readonly #loaded: Partial<Record<Side, Loaded>> = {};
  readonly #links: Link[] = [];

  constructor(
    peer: Peer,
    by: AttachBy,
    cutting: Cutting = 'without a cutter',
    underlay: Underlay = 'veth',
  ) {
    process.once('exit', this.#remove);
    for (const side of sides)
      for (const name of [this.namespace(side), this.workload(side)])
        execFileSync('ip', ['netns', 'add', name]);
    wiring.wireNodes(this.#spaces('a'), this.#spaces('b'), underlay);
    for (const side of sides) wiring.wireWorkload(this.#spaces(side), side);
    const zeroChecksum = peer === 'programs' || peer === 'kernel vxlan, zero';
    this.#attach('a', by, zeroChecksum, cutting);
    if (isKernel(peer)) leadToKernel(this.namespace('b'), peer);
    else this.#attach('b', by, zeroChecksum, cutting);
  }

  namespace(side: Side): string {
    return `${this.#name}-${side}`;
  }

  /** The namespace of the workload x.1.5 (A) or x.2.5 (B). */
  workload(side: Side): string {
    return `${this.#name}-w${side}`;
  }

  /** What the programs of a side counted. */
  counts(side: Side): ReadonlyMap<string, bigint> {
    const loaded = this.#loaded[side];
    const counts: readonly Count[] = loaded === undefined ? [] : countsOf(loaded.object);
    return new Map(
      counts.map(({ direction, verdict, packets }) => [`${direction} ${verdict}`, packets]),
    );
  }

  /** How often the egress program of a side has run, while the kernel counts that. */
  runs(side: Side): number {
    return Number(this.#loaded[side]?.object.program(functionOf('egress')).info.runCount ?? 0n);
  }

  /** Waits until no counter moves any more: closing connections take a moment. */
  async settle(): Promise<void> {
    const now = (): string =>
      sides.flatMap((side) => [...this.counts(side).values()].map(String)).join();
    for (let before = ''; before !== now(); await setTimeout(300)) before = now();
  }

  /** Runs a command on a node or, with `workload`, in its workload; what it said. */
  run(side: Side, where: 'node' | 'workload', ...argv: readonly string[]): string {
    return runIn(this.#spaces(side)[where], argv);
  }

  /** Sets the offloads of the wire's and the workloads' devices. */
  offloads(state: Offloads): void {
    for (const side of sides) {
      this.run(side, 'node', 'ethtool', '-K', 'uplink', ...offloads[state].uplink);
      this.run(side, 'workload', 'ethtool', '-K', 'eth0', ...offloads[state].workload);
    }
  }

  /** Sets ethtool's switches of both uplinks, or of both workloads' links, at both of their ends. */
  set(devices: 'uplinks' | 'workloads', setting: Setting): void {
    const argv = argumentsOf(setting);
    for (const side of sides) {
      if (devices === 'uplinks') this.run(side, 'node', 'ethtool', '-K', 'uplink', ...argv);
      else {
        this.run(side, 'node', 'ethtool', '-K', 'cali0', ...argv);
        this.run(side, 'workload', 'ethtool', '-K', 'eth0', ...argv);
      }
    }
  }

  /** Gives the underlay and the workloads' links another MTU, and the pools what that leaves them. */
  resize(mtu: number): void {
    for (const side of sides) wiring.resize(this.#spaces(side), side, mtu);
  }

  /** Two pings from one workload to the other, of one packet with DF; whether both were answered. */
  pings(from: Side, address: string, ipBytes: number): boolean {
    return traffic.pings(this.workload(from), address, ipBytes);
  }

  /** Sends random bytes over TCP; what both ends hashed. */
  async transfer(from: Side, address: string, bytes: number): Promise<[sent: string, got: string]> {
    return traffic.stream(this.workload(from), this.workload(opposite[from]), address, bytes);
  }

  /** Sends UDP super-packets to port 5202; how many datagrams arrived. */
  async superPackets(
    from: Side,
    address: string,
    count: number,
    sender: 'node' | 'workload' = 'workload',
  ): Promise<number> {
    const source = sender === 'node' ? this.namespace(from) : this.workload(from);
    return traffic.superPackets(source, this.workload(opposite[from]), address, count);
  }

  /** Captures tunnel packets where they arrive, while traffic runs. */
  async capture(at: Side, file: string, meanwhile: () => Promise<unknown>): Promise<void> {
    return traffic.capture(this.namespace(at), file, meanwhile);
  }

  [Symbol.dispose](): void {
    for (const link of this.#links) link[Symbol.dispose]();
    for (const loaded of Object.values(this.#loaded)) loaded.object[Symbol.dispose]();
    process.off('exit', this.#remove);
    this.#remove();
  }

  readonly #remove = (): void => {
    for (const side of sides)
      for (const name of [this.workload(side), this.namespace(side)])
        execFileSync('ip', ['netns', 'delete', name]);
  };

  #spaces(side: Side): wiring.Spaces {
    return { node: this.namespace(side), workload: this.workload(side) };
  }

  /** Loads, attaches, and leads the pools there. */
  #attach(side: Side, by: AttachBy, zeroChecksum: boolean, cutting: Cutting): void {
    const loaded = load(side, { ip6ip: 1 }, datapathObject(), beyondCalico);
    this.#loaded[side] = loaded;
    const other = peerIndex(side, opposite[side], 'ipv6');
    const entry = loaded.tables.peers.get(other);
    if (entry !== undefined) loaded.tables.peers.set(other, { ...entry, zeroChecksum });
    const uplink = indexOf(this.namespace(side), 'uplink');
    const ends = cutting === 'with a cutter' ? this.#cutter(side) : undefined;
    if (ends !== undefined) loaded.tables.cutters.set(0, { ...ends, uplink });
    inNamespace(`/run/netns/${this.namespace(side)}`, () => {
      for (const hook of hooksOf({ name: 'uplink', index: uplink }, ends))
        this.#links.push(loaded.object.program(functionOf(hook.program)).attach(placed(hook, by)));
    });
    wiring.leadToPrograms(this.namespace(side));
  }

  /** As the agent makes it. */
  #cutter(side: Side): Cutter['ends'] {
    using netlink = Netlink.open({ namespace: `/run/netns/${this.namespace(side)}` });
    const { ends, missing } = bringCutter(netlink);
    if (ends === undefined) throw new Error(missing);
    return ends;
  }
}

/** Whether B runs devices of the kernel. */
export function isKernel(peer: Peer): peer is KernelPeer {
  return peer.startsWith('kernel');
}

const sides = ['a', 'b'] as const;

const opposite = { a: 'b', b: 'a' } as const;

let made = 0;
