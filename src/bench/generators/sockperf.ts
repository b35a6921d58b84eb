import { stripVTControlCharacters } from 'node:util';
import type { MetricName } from '../metric.js';
import { exchange, sockperf, type Path } from './generator.js';
import type { Measured } from './iperf3.js';

const port = '11111';
/** Where a run was interrupted, the server's end was closed first: the kernel keeps its port for a minute. */
const reuse = ['--uc-reuseaddr'];
const message = ['-m', '64', '--full-rtt'];

/** One message of 64 bytes over TCP after the other: how long each takes to be answered. */
export async function roundTrips(
  path: Path,
  seconds: number,
  signal?: AbortSignal,
): Promise<Measured> {
  const where = ['--tcp', '-i', path.server.address, '-p', port];
  const from = ['--client_ip', path.client.address];
  const text = await exchange(
    path,
    {
      server: [sockperf.command, 'server', ...where, ...reuse],
      ready: /using recvfrom|Block/i,
      client: [sockperf.command, 'ping-pong', ...where, ...from, ...message, '-t', String(seconds)],
    },
    seconds,
    signal,
  );
  return roundTripsOf(text);
}

const percentiles = {
  rttP50: '50.000',
  rttP99: '99.000',
  rttP999: '99.900',
} as const satisfies Partial<Record<MetricName, string>>;

/** Reads `---> percentile 50.000 =    4.505`, in microseconds. */
export function roundTripsOf(text: string): Measured {
  const plain = stripVTControlCharacters(text);
  const values = Object.entries(percentiles).map(([name, percentile]) => {
    const [, micros] = new RegExp(`percentile ${percentile} = +([\\d.]+)`).exec(plain) ?? [];
    if (micros === undefined)
      throw new Error(`sockperf told no percentile ${percentile}:\n${plain}`);
    return [name, Number(micros) / 1e6] as const;
  });
  return { values: Object.fromEntries(values) };
}
