import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { inNamespace, open, u32, type BpfMap, type BpfObject, type Program } from 'libbpf-ts';
import * as abi from '../../src/datapath/abi.js';
import { configOf, probe, type Config } from '../../src/datapath/config.js';
import { datapathObject } from './object.js';
import { fill, nodes, tablesOf, type NodeName, type Tables } from './world.js';

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
  readonly namespace: string;
  readonly uplink: number;
  readonly object: BpfObject;
  readonly verdictNames: ReadonlyMap<number, string>;
  readonly #programs: Readonly<Record<Direction, Program>>;
  readonly #verdicts: BpfMap<number, VerdictTraffic>;
  readonly #name: string;
  #seen: readonly Count[] | undefined;

  constructor(node: NodeName = 'a', changes: Partial<Config> = {}) {
    this.#name = `bp2-${process.pid}-${(made += 1)}`;
    this.namespace = `/run/netns/${this.#name}`;
    process.once('exit', this.#remove);
    addUplink(this.#name, nodes[node].uplinkMac);
    this.uplink = indexOf(this.#name, 'uplink');

    this.config = { ...configOf(settings, probe()), ...changes };
    this.object = open(datapathObject()).setGlobal('config', abi.config, this.config).load();
    this.tables = tablesOf(this.object);
    fill(this.tables, node);
    this.#programs = {
      egress: this.object.program('encapd_egress'),
      ingress: this.object.program('encapd_ingress'),
    };
    this.#verdicts = this.object.map('verdicts', u32, abi.verdictTraffic);
    this.verdictNames = new Map(
      [...(this.object.btf.enum('verdict') ?? [])].map(([name, value]) => [value, name]),
    );
  }

  /** Runs one packet and says which counter moved: one only, by one packet and its bytes. */
  run(direction: Direction, frame: Uint8Array, origin: Origin = {}): Outcome {
    const before = this.#seen ?? this.counts();
    const result = this.quickly(direction, frame, origin);
    const after = this.counts();
    this.#seen = after;
    const moved = after.filter(({ packets }, place) => packets !== before[place]?.packets);
    const [only] = moved;
    if (only === undefined || moved.length > 1)
      throw new Error(
        `counted as ${moved.map(({ verdict }) => verdict).join(' and ') || 'nothing'}`,
      );
    const old = before.find((count) => count === before[after.indexOf(only)]);
    const packets = only.packets - (old?.packets ?? 0n);
    const bytes = only.bytes - (old?.bytes ?? 0n);
    if (only.direction !== direction || packets !== 1n || bytes !== BigInt(frame.length))
      throw new Error(
        `${only.direction} ${only.verdict} counted ${packets} packets, ${bytes} bytes`,
      );
    const action = actionOf(only.verdict);
    if (result.returnValue !== action)
      throw new Error(`${only.verdict} returned ${result.returnValue}, not ${action}`);
    return {
      verdict: only.verdict,
      packet: result.packet,
      mark: result.context?.mark ?? 0,
    };
  }

  /** Runs one packet without looking at the counters. */
  quickly(
    direction: Direction,
    frame: Uint8Array,
    { from, mark, gsoSize, repeat = 1 }: Origin = {},
  ) {
    this.#seen = undefined;
    const ingressIfindex = { local: 0, pod: 7, uplink: this.uplink }[from ?? 'local'];
    const context = {
      ifindex: this.uplink,
      ...(ingressIfindex === 0 ? {} : { ingressIfindex }),
      ...(mark === undefined ? {} : { mark }),
      ...(gsoSize === undefined ? {} : { gsoSize }),
    };
    const result = inNamespace(this.namespace, () =>
      this.#programs[direction].run(frame, { context, repeat }),
    );
    return { ...result, returnValue: result.returnValue | 0 }; // tc's actions are signed
  }

  /** Sends a frame that BPF_PROG_TEST_RUN refuses through the hook itself; answers its verdict. */
  send(direction: Direction, frame: Uint8Array): string {
    const hook = { kind: 'tcx', ifindex: this.uplink, direction } as const;
    const before = this.#seen ?? this.counts();
    this.#seen = undefined;
    using link = inNamespace(this.namespace, () => this.#programs[direction].attach(hook));
    sendFrame(this.namespace, direction === 'egress' ? 'uplink' : 'wire', frame);
    link.detach();
    return this.counts()
      .filter(({ packets }, place) => packets !== before[place]?.packets)
      .map(({ verdict }) => verdict)
      .join(' and ');
  }

  /** All counters, summed over the CPUs. */
  counts(): readonly Count[] {
    return [...this.verdictNames].flatMap(([index, verdict]) => {
      const cpus = index < this.#verdicts.info.maxEntries ? this.#verdicts.getPerCpu(index) : [];
      return (['egress', 'ingress'] as const).map((direction) => ({
        direction,
        verdict,
        packets: sum(cpus, (cpu) => cpu[direction].packets),
        bytes: sum(cpus, (cpu) => cpu[direction].bytes),
      }));
    });
  }

  /** One peer's counters, summed over the CPUs. */
  peerTraffic(peer: number): PeerTraffic {
    const cpus = this.object.map('peer_traffic', u32, abi.peerTraffic).getPerCpu(peer);
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

export type Direction = 'egress' | 'ingress';

/** One of the programs' counters. */
export interface Count {
  readonly direction: Direction;
  readonly verdict: string;
  readonly packets: bigint;
  readonly bytes: bigint;
}

type PeerTraffic = ReturnType<(typeof abi.peerTraffic)['decode']>;
type VerdictTraffic = ReturnType<(typeof abi.verdictTraffic)['decode']>;

let made = 0;

const settings = {
  vxlanVni: 4096,
  vxlanPort: 4789,
  allowVxlanFromWorkloads: false,
  allowIpipFromWorkloads: false,
} as Parameters<typeof configOf>[0];

/** What tc is told: TC_ACT_REDIRECT, TC_ACT_SHOT or TC_ACT_UNSPEC. */
function actionOf(verdict: string): number {
  if (verdict === 'ENCAPSULATED' || verdict === 'DIRECT') return 7;
  return verdict.startsWith('DROP_') ? 2 : -1;
}

/** Node has no packet sockets. */
function sendFrame(namespace: string, device: string, frame: Uint8Array): void {
  const script = [
    'import contextlib, socket, sys',
    's = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)',
    's.bind((sys.argv[1], 0))',
    'with contextlib.suppress(OSError):', // ENOBUFS: the program dropped it
    '    s.send(bytes.fromhex(sys.argv[2]))',
  ].join('\n');
  const python = ['python3', '-c', script, device, Buffer.from(frame).toString('hex')];
  execFileSync('nsenter', [`--net=${namespace}`, ...python]);
}

/** PACKET_HOST is what a frame to the device's own MAC is: so the device needs the corpus' MAC. */
function addUplink(name: string, mac: string): void {
  execFileSync('ip', ['netns', 'add', name]);
  const link = ['link', 'add', 'uplink', 'address', mac, 'type', 'veth', 'peer', 'name', 'wire'];
  execFileSync('ip', ['-n', name, ...link]);
  // no neighbour discovery: all that the counters see is what a test sends
  inNamespace(`/run/netns/${name}`, () => {
    for (const end of ['uplink', 'wire'])
      writeFileSync(`/proc/sys/net/ipv6/conf/${end}/disable_ipv6`, '1');
  });
  for (const end of ['uplink', 'wire'])
    execFileSync('ip', ['-n', name, 'link', 'set', end, 'up', 'mtu', '1500']);
}

function indexOf(namespace: string, device: string): number {
  const shown = execFileSync('ip', ['-n', namespace, '-j', 'link', 'show', device]);
  const [link] = JSON.parse(shown.toString()) as { ifindex: number }[];
  if (link === undefined) throw new Error(`${namespace} has no ${device}`);
  return link.ifindex;
}

function sum<T>(items: readonly T[] | undefined, of: (item: T) => bigint): bigint {
  return (items ?? []).reduce((total, item) => total + of(item), 0n);
}
