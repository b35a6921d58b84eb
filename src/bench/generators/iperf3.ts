import { z } from 'zod';
import type { Values } from '../metric.js';
import { exchange, iperf3, type Path } from './generator.js';

/** Bytes of a UDP payload that make a frame of 64 bytes: Ethernet and its checksum 18, IPv4 20, UDP 8. */
const smallest = 18;

/** TCP streams from the client to the server; what the receiver counted. */
export async function tcp(
  path: Path,
  streams: number,
  seconds: number,
  signal?: AbortSignal,
): Promise<Measured> {
  return tcpOf(await run(path, ['-P', String(streams)], seconds, signal));
}

/** Datagrams of 64 bytes (with Ethernet), as fast as they go. */
export async function udp(
  path: Path,
  flows: number,
  seconds: number,
  signal?: AbortSignal,
): Promise<Measured> {
  const options = ['-u', '-b', '0', '-l', String(smallest), '-P', String(flows)];
  return udpOf(await run(path, options, seconds, signal));
}

/** Conntrack takes a flow of datagrams for answered (ASSURED) once it is two seconds old and had one answer, which iperf3 gives. */
const untilAnswered = 3;

/** The same, of a flow that conntrack holds as answered. */
export async function answeredUdp(
  path: Path,
  seconds: number,
  signal?: AbortSignal,
): Promise<Measured> {
  // Not -O: iperf3 3.12 takes what is lost in the omitted seconds from what arrives in the others.
  const options = ['-u', '-b', '0', '-l', String(smallest), '-i', '1', '--get-server-output'];
  return answeredUdpOf(await run(path, options, untilAnswered + seconds, signal));
}

/** Values, and by what CPU time is to be divided. */
export interface Measured {
  readonly values: Values;
  readonly bytes?: number;
  readonly packets?: number;
}

/** The part of `iperf3 -J` that is read. */
const tcpReport = z.object({
  end: z.object({
    sum_received: z.object({ bits_per_second: z.number().positive(), bytes: z.number() }),
  }),
});
const udpReport = z.object({
  end: z.object({
    sum: z.object({
      packets: z.number(),
      lost_packets: z.number(),
      seconds: z.number().positive(),
    }),
  }),
});

export function tcpOf(json: string): Measured {
  const { bits_per_second: bitsPerSecond, bytes } = tcpReport.parse(JSON.parse(json)).end
    .sum_received;
  return { values: { bitsPerSecond }, bytes };
}

export function udpOf(json: string): Measured {
  const { packets, lost_packets: lost, seconds } = udpReport.parse(JSON.parse(json)).end.sum;
  const received = packets - lost;
  return {
    values: { packetsPerSecond: received / seconds, lostShare: lost / packets },
    packets: received,
  };
}

const answeredReport = z.object({ server_output_text: z.string() });

/** `[  5]   3.00-4.00   sec  3.1 MBytes  26.1 Mbits/sec  0.002 ms  123/181383 (0.07%)` */
const second = /^\[ *\d+\] +([\d.]+)-([\d.]+) +sec .* (\d+)\/(\d+) \(/gm;

/** Of what the receiver says of each second, those from the time on at which the flow is an answered one. */
export function answeredUdpOf(json: string): Measured {
  const text = answeredReport.parse(JSON.parse(json)).server_output_text;
  const seconds = [...text.matchAll(second)]
    .map(([, start, end, lost, packets]) => ({
      start: Number(start),
      seconds: Number(end) - Number(start),
      lost: Number(lost),
      packets: Number(packets),
    }))
    // what is left over at the end, and the line of the sum, are no seconds
    .filter((one) => one.start > untilAnswered - 0.5 && one.seconds > 0.5 && one.seconds < 1.5);
  const total = (member: 'packets' | 'lost' | 'seconds'): number =>
    seconds.reduce((sum, one) => sum + one[member], 0);
  const [packets, lost] = [total('packets'), total('lost')];
  if (packets === 0)
    throw new Error(`the receiver counted no whole second after the first ${untilAnswered}`);
  return {
    values: { packetsPerSecond: (packets - lost) / total('seconds'), lostShare: lost / packets },
  };
}

async function run(
  path: Path,
  options: readonly string[],
  seconds: number,
  signal?: AbortSignal,
): Promise<string> {
  const from = ['-B', path.client.address];
  const common = [...from, '-t', String(seconds), '-J', '--connect-timeout', '3000'];
  return exchange(
    path,
    {
      server: [iperf3.command, '-s', '-1', '--forceflush', '-B', path.server.address],
      ready: /listening/,
      client: [iperf3.command, '-c', path.server.address, ...common, ...options],
    },
    seconds,
    signal,
  );
}
