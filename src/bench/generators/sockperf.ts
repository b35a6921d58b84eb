import { stripVTControlCharacters } from 'node:util';
import type { MetricName } from '../metric.js';
import { askAt, type Place } from '../place.js';
import {
  exchange,
  smallestPayload,
  sockperf,
  type Path,
  type Server,
  type Words,
} from './generator.js';
import type { Measured } from './iperf3.js';

const port = '11111';
/** Where a run was interrupted, the server's end was closed first: the kernel keeps its port for a minute. */
const reuse = '--uc-reuseaddr';

/** One message of 64 bytes over TCP after the other: how long each takes to be answered. */
export async function roundTrips(
  path: Path,
  seconds: number,
  signal?: AbortSignal,
): Promise<Measured> {
  const message = ['--tcp', '-m', '64', '--full-rtt', '-t', String(seconds)];
  const client = clientOf(path, 'ping-pong', message);
  return roundTripsOf(await exchange(path, serverOf(path, '--tcp'), client, seconds, signal));
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

/** Datagrams of 64 bytes (with Ethernet), as fast as they go, of one flow. Its sender does nothing else. */
export async function datagrams(
  path: Path,
  seconds: number,
  signal?: AbortSignal,
  flow: readonly string[] = [],
): Promise<Measured> {
  const options = [...flow, '-m', String(smallestPayload), '-t', String(seconds)];
  const client = clientOf(path, 'throughput', options);
  const before = await receivedAt(path.server.place);
  const said = await exchange(path, serverOf(path), client, seconds, signal);
  return floodOf(said, (await receivedAt(path.server.place)) - before, path.polls);
}

/** A flow is known by its ports: that which is answered first is that which is measured then. */
const answeredFlow = ['--client_port', '11113'];
/** Conntrack takes a flow of datagrams for answered (ASSURED) at its first answer once it is two seconds old. */
const untilAnswered = 3;

/** The same, of a flow that `answer` has prepared. */
export async function answeredDatagrams(
  path: Path,
  seconds: number,
  signal?: AbortSignal,
): Promise<Measured> {
  return datagrams(path, seconds, signal, answeredFlow);
}

/** Has conntrack hold the flow of `answeredDatagrams` as answered: it does so for two minutes then. */
export async function answer(path: Path, signal?: AbortSignal): Promise<void> {
  const few = ['-m', String(smallestPayload), '--mps', '10', '-t', String(untilAnswered)];
  const client = clientOf(path, 'ping-pong', [...answeredFlow, ...few]);
  await exchange(path, serverOf(path), client, untilAnswered, signal);
}

/** Reads `Total of 569929 messages sent in 2.000 sec`. Whoever polls works all the time: of that no CPU time is told. */
export function floodOf(text: string, received: number, polls: boolean): Measured {
  const [, sent, seconds] = /Total of (\d+) messages sent in ([\d.]+) sec/.exec(text) ?? [];
  if (sent === undefined) throw new Error(`sockperf told of no messages:\n${text}`);
  if (!(received > 0)) throw new Error(`nothing arrived of what sockperf sent:\n${text}`);
  return {
    values: {
      packetsPerSecond: received / Number(seconds),
      // it sends a few more before, to warm up
      lostShare: Math.max(0, 1 - received / Number(sent)),
    },
    ...(polls ? {} : { packets: received }),
  };
}

/** Datagrams that sockets there have been given so far (InDatagrams, RFC 4113). */
async function receivedAt(place: Place): Promise<number> {
  return inDatagrams(await askAt(place, ['cat', '/proc/net/snmp']));
}

/** Of /proc/net/snmp: two lines, names and values. */
export function inDatagrams(snmp: string): number {
  const [names = [], values = []] = snmp
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf('InDatagrams')]);
}

function serverOf(path: Path, ...options: readonly string[]): Server {
  const where = ['-i', path.server.address, '-p', port, reuse];
  return {
    words: [sockperf.command, 'server', ...where, ...polling(path), ...options],
    ready: /using recvfrom|Block/i,
  };
}

function clientOf(path: Path, mode: string, options: readonly string[]): Words {
  const where = ['-i', path.server.address, '-p', port, '--client_ip', path.client.address];
  return [sockperf.command, mode, ...where, ...polling(path), ...options];
}

function polling({ polls }: Path): readonly string[] {
  return polls ? ['--nonblocked'] : [];
}
