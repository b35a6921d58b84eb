/** What is measured. Values are in the unit itself (bit/s, s), never in multiples of it. */
export interface Metric {
  readonly title: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  /** How a value is printed. */
  readonly text: (value: number) => string;
}

export const metrics = {
  bitsPerSecond: {
    title: 'throughput',
    unit: 'bit/s',
    better: 'more',
    text: (value) => `${(value / 1e9).toPrecision(3)} Gb/s`,
  },
  packetsPerSecond: {
    title: 'packets received',
    unit: '1/s',
    better: 'more',
    text: (value) => `${(value / 1e3).toPrecision(3)} kpps`,
  },
  lostShare: {
    title: 'packets lost',
    unit: '1',
    better: 'less',
    text: (value) => `${(value * 100).toFixed(1)} %`,
  },
  connectionsPerSecond: {
    title: 'connections',
    unit: '1/s',
    better: 'more',
    text: (value) => `${(value / 1e3).toPrecision(3)} k/s`,
  },
  rttP50: { title: 'round trip p50', unit: 's', better: 'less', text: micros },
  rttP99: { title: 'round trip p99', unit: 's', better: 'less', text: micros },
  rttP999: { title: 'round trip p99.9', unit: 's', better: 'less', text: micros },
  cpuPerGigabyte: {
    title: 'CPU per GB',
    unit: 's/GB',
    better: 'less',
    text: (value) => `${value.toPrecision(3)} s`,
  },
  cpuPerPacket: { title: 'CPU per packet', unit: 's', better: 'less', text: micros },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof metrics;

export const metricNames = Object.keys(metrics) as readonly MetricName[];

/** What one measurement gave. */
export type Values = Readonly<Partial<Record<MetricName, number>>>;

function micros(seconds: number): string {
  const value = seconds * 1e6;
  return `${value < 1000 ? value.toPrecision(3) : value.toFixed(0)} µs`;
}
