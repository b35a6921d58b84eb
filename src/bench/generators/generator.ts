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
 * Runs a server, and when it says that it is ready a client, whose standard output comes back. Both are ended after
 * `seconds` and some patience.
 */
export async function exchange(
  { client, server }: Path,
  receiver: Server,
  sender: Words,
  seconds: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<string> {
  const limit = seconds + patience;
  const serving = start(server.place, receiver.words, limit, signal);
  try {
    await untilReady(serving, server.place, receiver);
    const ended = await start(client.place, sender, limit, signal);
    signal.throwIfAborted();
    const { failed, stdout, stderr, shortMessage } = ended;
    if (!failed) return stdout;
    const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join('\n');
    throw (
      client.place.lost(ended) ??
      new EncapError(`cannot measure with ${sender[0]}: ${shortMessage ?? ''}`, {
        code: 'BENCH_FAILED',
        why: said,
        hint: byHand(client.place, sender),
      })
    );
  } finally {
    serving.stdin.end();
    await serving;
  }
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
