import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { exchange, node, type Path } from './generator.js';
import type { Measured } from './iperf3.js';

const endpoint = fileURLToPath(new URL('./connect-endpoint.js', import.meta.url));

const report = z.object({ connections: z.number().positive(), seconds: z.number().positive() });

/**
 * TCP connections, each opened, closed by the server and closed: sixteen at a time. No tool that Debian has does
 * only this: HTTP benchmarks measure a web server along with it.
 */
export async function connections(
  path: Path,
  seconds: number,
  signal?: AbortSignal,
): Promise<Measured> {
  const text = await exchange(
    path,
    {
      server: [node.command, endpoint, 'serve'],
      ready: /ready/,
      client: [node.command, endpoint, path.server.address, String(seconds)],
    },
    seconds,
    signal,
  );
  return connectionsOf(text);
}

export function connectionsOf(json: string): Measured {
  const { connections, seconds } = report.parse(JSON.parse(json));
  return { values: { connectionsPerSecond: connections / seconds } };
}
