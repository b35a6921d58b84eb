import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startIn } from './spaces.js';

const script = fileURLToPath(new URL('../../../test/support/lossless.py', import.meta.url));

/** What one end sent, and what the other sent back; `lost`: the numbers of some that did not come back. */
export interface Exchanged {
  readonly udp: readonly [sent: number, back: number];
  readonly tcp: readonly [sent: number, back: number];
  readonly retransmitted: number;
  readonly lost: readonly number[];
  readonly refused: readonly string[];
}

/** Sends back whatever comes, in a namespace, until it is killed. */
export async function answering(space: string): Promise<{ kill: () => void }> {
  const child = startIn(space, ['python3', '-u', script, 'answer']);
  await createInterface(child.stdout)[Symbol.asyncIterator]().next();
  return { kill: () => void child.kill('SIGKILL') };
}

/** Numbered datagrams and one TCP connection, there and back, until it is stopped. */
export async function asking(
  space: string,
  address: string,
  paceMs: number,
): Promise<{ stop: () => Promise<Exchanged>; kill: () => void }> {
  const child = startIn(space, ['python3', '-u', script, 'ask', address, String(paceMs)]);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  return {
    kill: () => void child.kill('SIGKILL'),
    stop: async () => {
      child.stdin.end();
      const last: IteratorResult<string, unknown> = await lines.next();
      return JSON.parse(String(last.value)) as Exchanged;
    },
  };
}
