import type * as Prometheus from 'prom-client';
import type { Counter, Gauge, Registry } from 'prom-client';
import { release } from 'node:os';
import { readCounters } from '../../datapath/counters.js';
import type { Traffic } from '../../datapath/traffic.js';
import { stages, type Vitals } from '../vitals.js';
import { checks, extras, findings, missingExtras } from './checks.js';

export interface MetricsOptions {
  readonly vitals: Vitals;
  readonly isIntact: () => boolean;
  readonly version: string;
  readonly attach: string;
  /** Lines of the log that nobody took in time. */
  readonly droppedLines: () => number;
  /** Blocks in the hash; undefined: not known now. */
  readonly hashedBlocks: () => number | undefined;
}

/** Seconds: from single blocks to a start with a million of them. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The figures of an agent and its datapath, in Prometheus' text format; the kernel is read when they are asked for. */
export class Metrics {
  isPerPeer = true;
  readonly #registry: Registry;
  readonly #options: MetricsOptions;
  readonly #gauges: Readonly<Record<GaugeName, Gauge>>;
  readonly #counters: Readonly<Record<CounterName, Counter>>;

  private constructor(prom: typeof Prometheus, options: MetricsOptions) {
    const registers = [(this.#registry = new prom.Registry())];
    this.#options = options;
    // The event loop is looked at by a timer: 10 times a second costs nothing that can be seen.
    prom.collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 100 });
    const made = <Kind, Name extends string>(
      of: Readonly<Record<Name, About>>,
      make: (about: {
        name: string;
        help: string;
        labelNames: string[];
        registers: Registry[];
      }) => Kind,
    ): Record<Name, Kind> =>
      Object.fromEntries(
        Object.entries<About>(of).map(([name, [help, ...labelNames]]) => [
          name,
          make({ name, help, labelNames, registers }),
        ]),
      ) as Record<Name, Kind>;
    this.#gauges = made(gauges, (about) => new prom.Gauge(about));
    this.#counters = made(counters, (about) => new prom.Counter(about));
    const duration = new prom.Histogram({
      name: 'encap_reconcile_duration_seconds',
      help: 'How long rounds took: of single blocks that changed, or of everything (whole)',
      labelNames: ['kind'],
      buckets,
      registers,
    });
    for (const kind of ['blocks', 'whole']) duration.zero({ kind });
    options.vitals.onRound(({ stage, tookMs }) => {
      if (stage !== 'decide')
        duration.observe({ kind: stage === 'blocks' ? 'blocks' : 'whole' }, tookMs / 1000);
    });
  }

  /** prom-client is loaded by those alone who want figures. */
  static async open(options: MetricsOptions): Promise<Metrics> {
    return new Metrics(await import('prom-client'), options);
  }

  /** What Content-Type to send it with. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    for (const metric of [...Object.values(this.#gauges), ...Object.values(this.#counters)])
      metric.reset();
    this.#ofAgent();
    this.#ofDatapath();
    return this.#registry.metrics();
  }

  #ofAgent(): void {
    const { vitals, isIntact, version, attach, droppedLines } = this.#options;
    const { errors, source, counts } = vitals;
    this.#set('encap_build_info', { version, kernel: release(), attach }, 1);
    for (const stage of stages)
      this.#count('encap_reconcile_errors_total', { stage }, errors[stage]);
    const found = findings(vitals, isIntact());
    for (const check of checks) this.#set('encap_degraded', { check }, found.has(check) ? 1 : 0);
    const missing = missingExtras(vitals);
    for (const extra of extras)
      this.#set('encap_missing', { extra }, missing.includes(extra) ? 1 : 0);
    this.#set('encap_source_up', { source: source.name }, source.isUp ? 1 : 0);
    if (source.lastMs !== undefined)
      this.#set(
        'encap_source_last_event_timestamp_seconds',
        { source: source.name },
        source.lastMs / 1000,
      );
    this.#count('encap_log_lines_dropped_total', {}, droppedLines());
    if (counts === undefined) return;
    this.#set('encap_config_pools', {}, counts.pools);
    this.#set('encap_config_blocks', {}, counts.blocks);
    this.#set('encap_config_peers', {}, counts.peers);
  }

  #ofDatapath(): void {
    const { round } = this.#options.vitals;
    if (round === undefined) return;
    const { uplink, image, overlayMtus } = round;
    this.#set('encap_uplink_info', { interface: uplink.name, index: String(uplink.index) }, 1);
    this.#set('encap_mtu_bytes', { kind: 'underlay' }, uplink.mtu);
    for (const [pool, mtu] of overlayMtus)
      this.#set('encap_mtu_bytes', { kind: 'overlay', pool }, mtu);

    const { verdicts, capacities, programs, ...read } = readCounters(
      round,
      this.isPerPeer ? 'by peer' : 'in sum',
    );
    for (const [map, capacity] of capacities) this.#set('encap_map_capacity', { map }, capacity);
    const { sources, externals, peers, policies, pools } = image;
    for (const [map, { size }] of Object.entries({ sources, externals, peers, policies, pools }))
      this.#set('encap_map_entries', { map }, size);
    const blocks = this.#options.hashedBlocks();
    if (blocks !== undefined) this.#set('encap_map_entries', { map: 'blocks' }, blocks);
    for (const { verdict, kind, ...programsOf } of verdicts)
      for (const program of ['egress', 'ingress'] as const) {
        const { packets, bytes } = programsOf[program];
        const [name, label] = verdictMetrics[kind];
        this.#count(name, { [label]: verdict, program }, packets);
        if (kind === 'carried' && !this.isPerPeer) this.#carried(verdict, { packets, bytes });
      }
    for (const [name, traffic] of read.peers) {
      const [family = '', peer = name] = name.split('/');
      for (const [direction, word] of directions)
        this.#traffic({ direction, peer, family }, traffic[word]);
    }
    for (const [program, { count, ns }] of programs) {
      this.#count('encap_program_runs_total', { program }, count);
      this.#count('encap_program_run_seconds_total', { program }, Number(ns) / 1e9);
    }
  }

  /** The sum over all peers is what the programs counted by verdict. */
  #carried(verdict: string, traffic: Traffic): void {
    const direction = directions.find(([, word]) => word === verdict)?.[0];
    if (direction !== undefined) this.#traffic({ direction }, traffic);
  }

  #traffic(labels: Labels, { packets, bytes }: Traffic): void {
    this.#count('encap_packets_total', labels, packets);
    this.#count('encap_bytes_total', labels, bytes);
  }

  #set(name: GaugeName, labels: Labels, value: number): void {
    this.#gauges[name].set(labels, value);
  }

  /** Exact up to 2^53, which is a century of 10 Gbit/s in bytes. */
  #count(name: CounterName, labels: Labels, value: number | bigint): void {
    this.#counters[name].inc(labels, Number(value));
  }
}

type Labels = Readonly<Record<string, string>>;

/** What a metric is, and its labels. */
type About = readonly [help: string, ...labels: string[]];

/** Words of the label, and of the counters. */
const directions = [
  ['encap', 'encapsulated'],
  ['decap', 'decapsulated'],
  ['direct', 'direct'],
] as const;

const verdictMetrics = {
  carried: ['encap_carried_packets_total', 'how'],
  pass: ['encap_passed_packets_total', 'reason'],
  drop: ['encap_drops_total', 'reason'],
} as const;

const gauges = {
  encap_build_info: [
    'Version of the agent, of the kernel, and how programs are attached',
    'version',
    'kernel',
    'attach',
  ],
  encap_uplink_info: ['The interface to the other nodes', 'interface', 'index'],
  encap_mtu_bytes: ['MTU of the underlay, and of the route to each pool', 'kind', 'pool'],
  encap_map_entries: ['Entries that the agent keeps in a map', 'map'],
  encap_map_capacity: ['Entries that a map has room for', 'map'],
  encap_config_pools: ['Pools that this node routes'],
  encap_config_blocks: ['Blocks and borrowed addresses that this node knows'],
  encap_config_peers: ['Other nodes, each family for itself'],
  encap_source_up: [
    'Whether the last reading of the source was a whole world, and it can be followed',
    'source',
  ],
  encap_source_last_event_timestamp_seconds: ['When the source last told of a change', 'source'],
  encap_degraded: ['Whether a check finds something wrong; the log says what', 'check'],
  encap_missing: ['Whether the node does without something, at a price; the log says why', 'extra'],
} as const satisfies Record<string, About>;

const counters = {
  encap_packets_total: ['Packets to and from other nodes', 'direction', 'peer', 'family'],
  encap_bytes_total: [
    'Bytes of their frames, as the programs met them',
    'direction',
    'peer',
    'family',
  ],
  encap_carried_packets_total: [
    'Packets that the programs sent on their way, by what they did',
    'how',
    'program',
  ],
  encap_passed_packets_total: [
    'Packets that were not theirs, by how they knew',
    'reason',
    'program',
  ],
  encap_drops_total: ['Packets that they dropped or answered, by why', 'reason', 'program'],
  encap_reconcile_errors_total: ['Rounds that failed, by how far they came', 'stage'],
  encap_program_runs_total: ['Runs of a program, while kernel.bpf_stats_enabled is 1', 'program'],
  encap_program_run_seconds_total: [
    'Time in a program, while kernel.bpf_stats_enabled is 1',
    'program',
  ],
  encap_log_lines_dropped_total: ['Lines of the log that nobody took in time'],
} as const satisfies Record<string, About>;

type GaugeName = keyof typeof gauges;
type CounterName = keyof typeof counters;

/** Every metric of ours. */
export const metricNames: readonly string[] = [
  ...Object.keys(gauges),
  ...Object.keys(counters),
  'encap_reconcile_duration_seconds',
];
