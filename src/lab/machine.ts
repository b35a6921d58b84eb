import { readdirSync } from 'node:fs';
import { execa } from 'execa';
import { nft } from './nft.js';

/** What of a machine a lab must not change: outside of its namespaces and folders it makes nothing. */
export interface Machine {
  /** Names of its interfaces. */
  readonly links: readonly string[];
  /** Of routing, both families. */
  readonly rules: readonly string[];
  /** Of nftables. */
  readonly tables: readonly string[];
  /** Entries of /sys/fs/bpf. */
  readonly pins: readonly string[];
}

/** This machine as it is now; what has no command here is empty. */
export async function lookAtMachine(): Promise<Machine> {
  const [links, rules, rules6, tables] = await Promise.all([
    linesOf('ip', '-br', 'link', 'show'),
    linesOf('ip', 'rule', 'show'),
    linesOf('ip', '-6', 'rule', 'show'),
    linesOf(nft, 'list', 'tables'),
  ]);
  return {
    links: links.map((line) => line.split(/[\s@]/)[0] ?? ''),
    rules: [...rules, ...rules6],
    tables,
    pins: entriesOf('/sys/fs/bpf').filter((name) => name !== 'encap-lab'),
  };
}

/** What is not as it was, each in a line. */
export function differences(before: Machine, after: Machine): readonly string[] {
  const nouns = { links: 'interface', rules: 'rule', tables: 'nftables', pins: 'pin' } as const;
  return Object.entries(nouns).flatMap(([member, noun]) => {
    const [was, is] = [before[member as keyof Machine], after[member as keyof Machine]];
    return [
      ...is.filter((one) => !was.includes(one)).map((one) => `${noun} ${one} is new`),
      ...was.filter((one) => !is.includes(one)).map((one) => `${noun} ${one} is gone`),
    ];
  });
}

async function linesOf(command: string, ...args: readonly string[]): Promise<readonly string[]> {
  const { failed, stdout } = await execa(command, args, { reject: false });
  if (failed) return []; // no such command here, or nothing of it in this kernel
  return stdout.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // no such file system here: nothing of anybody is in it
  }
}
