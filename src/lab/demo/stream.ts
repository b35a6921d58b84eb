import { execa } from 'execa';
import type { Endpoint } from '../endpoint.js';
import { inside } from '../namespace.js';

/** What became of a stream of echo requests. */
export interface Streamed {
  readonly sent: number;
  readonly answered: number;
}

/** Sends an echo request every 10 ms until something is done. */
export async function pingDuring<T>(
  from: Endpoint,
  to: Endpoint,
  run: () => Promise<T>,
): Promise<Streamed & { readonly result: T }> {
  const [file, ...args] = inside(from.namespace, ['ping', '-n', '-q', '-i', '0.01', to.address]);
  const pinging = execa(file, args, { reject: false, timeout: 60_000 });
  try {
    const result = await run();
    pinging.kill('SIGINT'); // ping prints its summary
    const { stdout } = await pinging;
    const [, sent = NaN, answered = NaN] =
      /(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? [];
    return { sent: Number(sent), answered: Number(answered), result };
  } finally {
    pinging.kill('SIGKILL');
  }
}
