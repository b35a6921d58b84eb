import { connections } from './generators/connect.js';
import { iperf3, node, sockperf, type Path, type Tool } from './generators/generator.js';
import { tcp, udp, type Measured } from './generators/iperf3.js';
import { answer, answeredDatagrams, datagrams, roundTrips } from './generators/sockperf.js';
import type { MetricName } from './metric.js';

/** What two workloads do with each other while it is measured. */
export interface Load {
  readonly title: string;
  readonly tool: Tool;
  /** What it gives; the first is what it is about. */
  readonly metrics: readonly [MetricName, ...MetricName[]];
  readonly run: (path: Path, seconds: number, signal?: AbortSignal) => Promise<Measured>;
  /** What comes before it and is not measured. */
  readonly prepare?: (path: Path, signal?: AbortSignal) => Promise<void>;
}

export const loads = {
  'tcp-1': streams(1),
  'tcp-4': streams(4),
  'tcp-16': streams(16),
  'udp-64': {
    title: 'UDP in frames of 64 bytes, one flow',
    tool: sockperf,
    metrics: ['packetsPerSecond', 'cpuPerPacket', 'lostShare'],
    run: datagrams,
  },
  'udp-64-answered': {
    title: 'UDP in frames of 64 bytes, one flow that conntrack holds as answered',
    tool: sockperf,
    metrics: ['packetsPerSecond', 'cpuPerPacket', 'lostShare'],
    prepare: answer,
    run: answeredDatagrams,
  },
  'udp-64-many': {
    title: 'UDP in frames of 64 bytes, 16 flows',
    tool: iperf3,
    metrics: ['packetsPerSecond', 'cpuPerPacket', 'lostShare'],
    run: (path, seconds, signal) => udp(path, 16, seconds, signal),
  },
  rr: {
    title: '64 bytes over TCP, one request after the other',
    tool: sockperf,
    metrics: ['rttP50', 'rttP99', 'rttP999'],
    run: roundTrips,
  },
  connect: {
    title: 'TCP connections, opened and closed',
    tool: node,
    metrics: ['connectionsPerSecond'],
    run: connections,
  },
} as const satisfies Readonly<Record<string, Load>>;

export type LoadName = keyof typeof loads;

export const loadNames = Object.keys(loads) as readonly LoadName[];

function streams(count: number): Load {
  return {
    title: `TCP, ${count === 1 ? 'one stream' : `${count} streams`}`,
    tool: iperf3,
    metrics: ['bitsPerSecond', 'cpuPerGigabyte'],
    run: (path, seconds, signal) => tcp(path, count, seconds, signal),
  };
}
