import type { Readable } from 'node:stream';

/** Waits until a stream has said these words; false when it ended without. */
export async function untilSaid(stream: Readable, words: string): Promise<boolean> {
  let said = '';
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(words)) resolve(true);
    });
    stream.once('end', () => {
      resolve(said.includes(words));
    });
  });
}
