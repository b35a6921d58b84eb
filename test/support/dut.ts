import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { BpfError, inNamespace, u32, type BpfObject, type Program } from 'libbpf-ts';
import { peerTraffic } from '../../src/datapath/abi.js';
import { attachKind } from '../../src/datapath/attach.js';
import type { Config } from '../../src/datapath/config.js';
import { countsOf, sum, type Count, type Direction } from './count.js';
import { load } from './load.js';
import { datapathObject } from './object.js';
import { forwarding, sendFrame } from './raw-frames.js';
import { nodes, type NodeName, type Tables } from './world.js';

/** What became of one packet. */
export interface Outcome {
  /** Name in enum verdict. */
  readonly verdict: string;
  readonly packet: Uint8Array;
  readonly mark: number;
}

/** Where a packet comes from, as the program sees it. */
export interface Origin {
  readonly from?: 'local' | 'pod' | 'uplink';
  readonly mark?: number;
  readonly gsoSize?: number;
  readonly repeat?: number;
}

/** A node's programs with the corpus' tables, on an uplink of its own namespace, run packet by packet. */
export class Dut implements Disposable {
  readonly tables: Tables;
  readonly config: Config;
  readonly object: BpfObject;
  readonly #programs: Readonly<Record<Direction | 'backstop', Program>>;
  readonly #name: string;
  readonly #namespace: string;
  readonly #uplink: number;
  #seen: readonly Count[] | undefined;

  constructor(
    node: NodeName = 'a',
    changes: Partial<Config> = {},
    mtu = 1500,
    file = datapathObject(),
  ) {
    this.#name = `bp2-${process.pid}-${(made += 1)}`;
    this.#namespace = `/run/netns/${this.#name}`;
    process.once('exit', this.#remove);
    addUplink(this.#name, nodes[node].uplinkMac, mtu);
    this.#uplink = indexOf(this.#name, 'uplink');
    const { object, config, tables } = load(node, changes, file);
    this.object = object;
    this.config = config;
    this.tables = tables;
    this.#programs = {
      egress: object.program('encapd_egress'),
      ingress: object.program('encapd_ingress'),
      backstop: object.program('encapd_backstop'),
    };
  }

  /** Runs one packet and says which counter moved: one only, by one packet and its bytes. */
  run(direction: Direction, frame: Uint8Array, origin: Origin = {}): Outcome {
    const before = this.#seen ?? this.counts();
    const { returnValue, packet, context } = this.quickly(direction, frame, origin);
    const after = this.counts();
    this.#seen = after;
    const verdict = onlyMove(before, after, direction, frame.length);
    if (returnValue !== actionOf(verdict))
      throw new Error(`${verdict} returned ${returnValue}, not ${actionOf(verdict)}`);
    return { verdict, packet, mark: context?.mark ?? 0 };
  }

  /** Runs one packet without looking at the counters. */
  quickly(
    program: Direction | 'backstop',
    frame: Uint8Array,
    { from, mark, gsoSize, repeat = 1 }: Origin = {},
  ) {
    this.#seen = undefined;
    const ingressIfindex = { local: 0, pod: 7, uplink: this.#uplink }[from ?? 'local'];
    const context = {
      ifindex: this.#uplink,
      ...(ingressIfindex === 0 ? {} : { ingressIfindex }),
      ...(mark === undefined ? {} : { mark }),
      ...(gsoSize === undefined ? {} : { gsoSize }),
    };
    const result = inNamespace(this.#namespace, () =>
      this.#programs[program].run(frame, { context, repeat }),
    );
    return { ...result, returnValue: result.returnValue | 0 }; // tc's actions are signed
  }

  /** Whether BPF_PROG_TEST_RUN takes packets from there: 5.10's knows of none that was forwarded. */
  canRun({ from = 'local' }: Origin): boolean {
    return from === 'local' || (takesForwarded ??= this.#runsForwarded());
  }

  /** Runs one packet through what is behind the egress program; undefined: passed, and not counted again. */
  runBehind(frame: Uint8Array): string | undefined {
    const before = this.counts();
    const { returnValue, packet } = this.quickly('backstop', frame);
    const after = this.counts();
    if (!isDeepStrictEqual(packet, frame)) throw new Error('the backstop changed the packet');
    const isSame = isDeepStrictEqual(after, before);
    const verdict = isSame ? undefined : onlyMove(before, after, 'egress', frame.length);
    const wanted = verdict === undefined ? -1 : actionOf(verdict);
    if (returnValue !== wanted)
      throw new Error(`${String(verdict)} returned ${returnValue}, not ${wanted}`);
    return verdict;
  }

  /** Sends a frame that BPF_PROG_TEST_RUN refuses through the hook itself; answers its verdict. */
  send(direction: Direction, frame: Uint8Array, { from = 'local', mark = 0 }: Origin = {}): string {
    const hook = { kind: attachKind('auto'), ifindex: this.#uplink, direction } as const;
    const before = this.counts();
    this.#seen = undefined;
    const link = inNamespace(this.#namespace, () => this.#programs[direction].attach(hook));
    try {
      if (from === 'local')
        sendFrame(this.#namespace, direction === 'egress' ? 'uplink' : 'wire', frame);
      else {
        using _forwarding = forwarding(this.#namespace, from, mark);
        sendFrame(this.#namespace, from === 'pod' ? 'workload' : 'wire', frame);
      }
    } finally {
      inNamespace(this.#namespace, () => link.detach()); // a filter is found by its interface
    }
    return onlyMove(before, this.counts(), direction, frame.length, 'sent on');
  }

  /** The verdict of one packet, by whichever way this kernel has for it. */
  verdict(direction: Direction, frame: Uint8Array, origin: Origin = {}): string {
    return this.canRun(origin)
      ? this.run(direction, frame, origin).verdict
      : this.send(direction, frame, origin);
  }

  #runsForwarded(): boolean {
    try {
      this.quickly('egress', new Uint8Array(60), { from: 'pod' });
      return true;
    } catch (error) {
      if (error instanceof BpfError && error.code === 'EINVAL') return false;
      throw error;
    }
  }

  /** All counters, summed over the CPUs. */
  counts(): readonly Count[] {
    return countsOf(this.object);
  }

  /** One peer's counters, summed over the CPUs. */
  trafficOf(peer: number): PeerTraffic {
    const cpus = this.object.map('peer_traffic', u32, peerTraffic).getPerCpu(peer);
    const total = (kind: keyof PeerTraffic) => ({
      packets: sum(cpus, (cpu) => cpu[kind].packets),
      bytes: sum(cpus, (cpu) => cpu[kind].bytes),
    });
    return {
      encapsulated: total('encapsulated'),
      decapsulated: total('decapsulated'),
      direct: total('direct'),
    };
  }

  [Symbol.dispose](): void {
    this.object[Symbol.dispose]();
    process.off('exit', this.#remove);
    this.#remove();
  }

  /** Also when a test ends its process early. */
  readonly #remove = (): void => {
    execFileSync('ip', ['netns', 'delete', this.#name]);
  };
}

type PeerTraffic = ReturnType<(typeof peerTraffic)['decode']>;

let made = 0;

/** Asked once in each test process. */
let takesForwarded: boolean | undefined;

/**
 * The verdict whose counter moved; that one alone, by one packet of that size. What is really sent on passes the hook
 * once more.
 */
function onlyMove(
  before: readonly Count[],
  after: readonly Count[],
  direction: Direction,
  bytes: number,
  then: 'returned' | 'sent on' = 'returned',
): string {
  const moves = after.map((count, place) => ({
    ...count,
    packets: count.packets - (before[place]?.packets ?? 0n),
    bytes: count.bytes - (before[place]?.bytes ?? 0n),
  }));
  const moved = moves.filter(({ packets }) => packets !== 0n);
  const again = moved.find(({ verdict }) => verdict === 'PASS_OWN_TUNNEL');
  const [only, ...others] =
    then === 'sent on' && moved.length === 2 ? moved.filter((move) => move !== again) : moved;
  if (only === undefined || others.length > 0)
    throw new Error(`counted as ${[only, ...others].map((move) => move?.verdict).join(' and ')}`);
  if (only.direction !== direction || only.packets !== 1n || only.bytes !== BigInt(bytes))
    throw new Error(
      `${only.direction} ${only.verdict} counted ${only.packets} packets, ${only.bytes} bytes`,
    );
  return only.verdict;
}

/** What tc is told: TC_ACT_REDIRECT, TC_ACT_SHOT or TC_ACT_UNSPEC. */
function actionOf(verdict: string): number {
  if (/^(ENCAPSULATED|DIRECT|DIRECT_AGAIN|ANSWERED_TOO_BIG|CUT|PIECE)$/.test(verdict)) return 7;
  return verdict.startsWith('DROP_') ? 2 : -1;
}

/** PACKET_HOST is what a frame to the device's own MAC is: so the device needs the corpus' MAC. */
function addUplink(name: string, mac: string, mtu: number): void {
  execFileSync('ip', ['netns', 'add', name]);
  // no neighbour discovery: all that the counters see is what a test sends
  inNamespace(`/run/netns/${name}`, () =>
    writeFileSync('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1'),
  );
  const input = [
    `link add uplink address ${mac} type veth peer name wire`,
    'link add pod type veth peer name workload',
    ...['uplink', 'wire', 'pod', 'workload'].map((end) => `link set ${end} up mtu ${mtu}`),
  ].join('\n');
  execFileSync('ip', ['-n', name, '-batch', '-'], { input });
}

/** A device's index; they are counted in each namespace anew. */
export function indexOf(namespace: string, device: string): number {
  const shown = execFileSync('ip', ['-n', namespace, '-j', 'link', 'show', device]);
  const [link] = JSON.parse(shown.toString()) as { ifindex: number }[];
  if (link === undefined) throw new Error(`${namespace} has no ${device}`);
  return link.ifindex;
}
