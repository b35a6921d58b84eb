import * as z from 'zod';
import type { Values } from '../metric.js';
import { exchange, iperf3, smallestPayload, type Path } from './generator.js';

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
  const options = ['-u', '-b', '0', '-l', String(smallestPayload), '-P', String(flows)];
  return udpOf(await run(path, options, seconds, signal));
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
      words: [iperf3.command, '-s', '-1', '--forceflush', '-B', path.server.address],
      ready: /listening/,
    },
    [iperf3.command, '-c', path.server.address, ...common, ...options],
    seconds,
    signal,
  );
}
