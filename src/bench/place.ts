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

export function inNamespace(namespace: string): Place {
  return { name: `namespace ${namespace}`, command: (words) => inside(namespace, words), ...near };
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

// One line, for a login shell that is no sh. The input is kept as 3, as sh takes it away from what runs behind. A signal
// may come before there is a command to be ended.
const leash = [
  'exec 3<&0',
  "trap 'stop=1; kill $command 2>/dev/null' TERM",
  '"$@" 3<&- & command=$!',
  '{ read -r _ <&3; kill $command; } 2>/dev/null & holder=$!',
  '[ "$stop" ] || wait $command; code=$?',
  // the first one is lost on a child that sh has forked and not yet made the command
  'if [ "$stop" ]; then sleep 0.1; kill $command 2>/dev/null; wait $command; fi',
  'kill $holder',
  'exit $code',
].join('; ');
