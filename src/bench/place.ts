import { execa } from 'execa';
import { EncapError } from '../errors.js';
import { inside } from '../lab/namespace.js';

/** Where a command runs: on this machine, in one of its network namespaces, or on another machine. */
export interface Place {
  readonly name: string;
  /** What starts Node there. */
  readonly node: string;
  /** The argument vector that runs a command there. */
  readonly command: (words: readonly string[]) => [string, ...string[]];
  /** Of a command that failed: an error, where it was not the command but the way to this place. */
  readonly lost: (ended: Ended) => EncapError | undefined;
}

/** How a command ended, as execa says it. */
export interface Ended {
  readonly failed: boolean;
  readonly exitCode?: number | undefined;
  readonly code?: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly shortMessage?: string | undefined;
}

const near = { node: process.execPath, lost: () => undefined } as const;

export const here: Place = {
  name: 'this machine',
  command: (words) => [...words] as [string, ...string[]],
  ...near,
};

/** Commands run on one CPU where one is told. */
export function inNamespace(namespace: string, cpu?: number): Place {
  const pinned = cpu === undefined ? [] : ['taskset', '--cpu-list', String(cpu)];
  return {
    name: `namespace ${namespace}`,
    command: (words) => inside(namespace, [...pinned, ...words]),
    ...near,
  };
}

/** Runs a command to its end, whether it fails or not. */
export async function runAt(place: Place, words: readonly string[]): Promise<Ended> {
  const [file, ...args] = place.command(words);
  const ended: Ended = await execa(file, args, { stdin: 'ignore', reject: false, timeout: 30_000 });
  const lost = ended.failed ? place.lost(ended) : undefined;
  if (lost !== undefined) throw lost;
  return ended;
}

/** What a command says there that must not fail. */
export async function askAt(place: Place, words: readonly string[]): Promise<string> {
  const { failed, stdout, stderr, shortMessage } = await runAt(place, words);
  if (!failed) return stdout;
  throw new EncapError(`cannot run ${words[0] ?? ''} on ${place.name}: ${shortMessage ?? ''}`, {
    code: 'BENCH_FAILED',
    ...(stderr === '' ? {} : { why: stderr.trim() }),
    hint: `by hand, on ${place.name}: ${words.join(' ')}`,
  });
}

/** A login shell may have said something before. */
export function lastLine(said: string): string {
  return said.trim().split('\n').at(-1)?.trim() ?? '';
}

/**
 * A command on a leash: it ends with its standard input. A signal does not get through ssh, but a standard input that
 * ends does, also when whoever holds the other end is killed or loses the network.
 */
export function leashed(words: readonly string[]): readonly string[] {
  return ['sh', '-c', leash, 'sh', ...words];
}

// The command takes this shell's place, and its process id; what waits for the end of the input is a child of it, and
// looks whether it still is. One line, for a login shell that is no sh.
const leash = [
  'exec 3<&0', // sh takes 0 away from what runs behind
  '{ read -r _ <&3',
  'for signal in TERM KILL; do read -r _ _ _ parent _ </proc/self/stat',
  '[ $parent = $$ ] || exit',
  'kill -$signal $$',
  'sleep 1',
  'done',
  '} >/dev/null 2>&1 & exec "$@" </dev/null 3<&-',
].join('; ');
