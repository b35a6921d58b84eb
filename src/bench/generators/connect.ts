import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { exchange, type End, type Path } from './generator.js';
import type { Measured } from './iperf3.js';

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
    { words: endpointAt(path.server, 'serve', path.server.address), ready: /ready/ },
    endpointAt(path.client, path.client.address, path.server.address, String(seconds)),
    seconds,
    signal,
  );
  return connectionsOf(text);
}

/** Our endpoint's program is given as an argument: there may be no file of ours where it runs. */
function endpointAt({ place }: End, ...args: readonly string[]): [string, ...string[]] {
  const program = readFileSync(new URL('./connect-endpoint.js', import.meta.url), 'utf8');
  return [place.node, '--input-type=module', '-e', program, 'connect-endpoint', ...args];
}

export function connectionsOf(json: string): Measured {
  const { connections, seconds } = report.parse(JSON.parse(json));
  return { values: { connectionsPerSecond: connections / seconds } };
}
