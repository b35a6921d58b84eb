import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { EncapError } from '../../errors.js';
import { lastLine, leashed, runAt, type Place } from '../place.js';

/** Where traffic starts and where it ends. */
export interface Path {
  readonly client: End;
  readonly server: End;
  /**
   * Whether each end has a CPU to itself: then both may poll. A CPU that sleeps wakes up late, in a virtual machine by
   * tens of microseconds, and whoever has to wake it pays too.
   */
  readonly polls: boolean;
}

export interface End {
  readonly place: Place;
  readonly address: string;
}

/** Bytes of a UDP payload that make a frame of 64 bytes: Ethernet and its checksum 18, IPv4 20, UDP 8. */
export const smallestPayload = 18;

/** A tool that makes traffic, and the Debian package that has it. */
export interface Tool {
  readonly command: string;
  readonly debian: string;
  /** How it is asked for its version; default: --version. */
  readonly versionOption?: string;
}

export const iperf3: Tool = { command: 'iperf3', debian: 'iperf3' };
export const sockperf: Tool = { command: 'sockperf', debian: 'sockperf' };
export const node: Tool = { command: 'node', debian: 'nodejs' };

/** What is not to be had at a place, and what it said of that. */
export interface Missing {
  readonly tool: Tool;
  readonly why: string;
}

/** Which of these tools are there, by what they say of their versions, and which are not. */
export async function toolsAt(
  place: Place,
  tools: readonly Tool[],
): Promise<{
  readonly versions: Readonly<Record<string, string>>;
  readonly missing: readonly Missing[];
}> {
  const versions: Record<string, string> = {};
  const missing: Missing[] = [];
  for (const tool of tools) {
    const command = tool === node ? place.node : tool.command;
    const {
      failed,
      stdout,
      stderr,
      shortMessage = '',
    } = await runAt(place, [command, tool.versionOption ?? '--version']);
    const [version] = /\d+\.\d[\w.-]*/.exec(stdout) ?? [];
    if (failed) missing.push({ tool, why: lastLine(stderr) || shortMessage });
    else if (version !== undefined) versions[tool.command] = version;
  }
  return { versions, missing };
}

/** The error of a place that lacks something. */
export function lacks(place: Place, { tool, why }: Missing): EncapError {
  return new EncapError(`cannot measure: there is no ${tool.command} on ${place.name}`, {
    code: 'FEATURE_MISSING',
    why,
    hint: `on ${place.name}: apt install ${tool.debian}`,
  });
}

/** A command of a generator. */
export type Words = readonly [string, ...string[]];

/** A receiver, and what it says once it can receive. */
export interface Server {
  readonly words: Words;
  readonly ready: RegExp;
}

/**
 * Runs a server, and when it is ready what is to be done meanwhile, with a function that runs a client and gives its
 * standard output. All are ended after `seconds` and some patience.
 */
export async function serving<T>(
  { client, server }: Path,
  { words, ready }: Server,
  seconds: number,
  signal: AbortSignal = new AbortController().signal,
  meanwhile: (run: (words: Words) => Promise<string>) => Promise<T>,
): Promise<T> {
  const limit = seconds + patience;
  const receiver = start(server.place, words, limit, signal);
  try {
    await untilReady(receiver, server.place, { words, ready });
    return await meanwhile((clientWords) => runClient(client.place, clientWords, limit, signal));
  } finally {
    receiver.stdin.end();
    await receiver;
  }
}

/** The same with one client, whose standard output comes back. */
export async function exchange(
  path: Path,
  server: Server,
  client: Words,
  seconds: number,
  signal?: AbortSignal,
): Promise<string> {
  return serving(path, server, seconds, signal, (run) => run(client));
}

async function runClient(
  place: Place,
  words: Words,
  limit: number,
  signal: AbortSignal,
): Promise<string> {
  const ended = await start(place, words, limit, signal);
  signal.throwIfAborted();
  const { failed, stdout, stderr, shortMessage } = ended;
  if (!failed) return stdout;
  const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join('\n');
  throw (
    place.lost(ended) ??
    new EncapError(`cannot measure with ${words[0]}: ${shortMessage ?? ''}`, {
      code: 'BENCH_FAILED',
      why: said,
      hint: byHand(place, words),
    })
  );
}

/** Seconds. */
const patience = 10;

type Running = ReturnType<typeof start>;

function start(place: Place, words: readonly string[], limit: number, signal: AbortSignal) {
  const [file, ...args] = place.command(leashed(words));
  return execa(file, args, { reject: false, timeout: limit * 1000, cancelSignal: signal });
}

async function untilReady(
  receiver: Running,
  place: Place,
  { words, ready }: Server,
): Promise<void> {
  let said = '';
  const heard = new Promise<void>((resolve) => {
    for (const stream of [receiver.stdout, receiver.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (ready.test(said)) resolve();
      });
  });
  const late = sleep(5000, 'late' as const, { ref: false });
  const what = await Promise.race([heard, receiver, late]);
  if (what === undefined) return;
  const ended = what === 'late' ? undefined : what;
  throw (
    (ended?.failed === true ? place.lost(ended) : undefined) ??
    new EncapError(
      `cannot measure: the receiver on ${place.name} ${ended === undefined ? 'says nothing' : 'ended'}`,
      {
        code: 'BENCH_FAILED',
        why: said.trim(),
        hint: byHand(place, words),
      },
    )
  );
}

/** A program given as an argument is left out. */
function byHand({ name }: Place, words: readonly string[]): string {
  return `by hand, on ${name}: ${words.map((word) => (word.includes('\n') ? '…' : word)).join(' ')}`;
}
