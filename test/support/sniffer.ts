import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { untilSaid } from '../../src/lab/said.js';
import { startIn } from './spaces.js';

/** Watches an interface for what a filter of tcpdump lets through; `stop` gives a line for each packet. */
export async function sniffing(
  space: string,
  device: string,
  filter: readonly string[],
): Promise<{ stop: () => Promise<readonly string[]> }> {
  const words = ['tcpdump', '-i', device, '-n', '-l', '-Z', 'root', '--immediate-mode', ...filter];
  const child = startIn(space, words);
  const seen: string[] = [];
  createInterface(child.stdout).on('line', (line) => line !== '' && seen.push(line));
  if (!(await untilSaid(child.stderr, 'listening on'))) throw new Error('tcpdump does not listen');
  const ended = once(child, 'close');
  return {
    stop: async () => {
      child.kill('SIGINT');
      await ended;
      return seen;
    },
  };
}
