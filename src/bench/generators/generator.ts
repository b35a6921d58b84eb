import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { EncapError } from '../../errors.js';
import { inside } from '../../lab/namespace.js';

/** Where traffic starts and where it ends. */
export interface Path {
  readonly client: { readonly namespace: string };
  readonly server: { readonly namespace: string; readonly address: string };
}

/** A tool that makes traffic, and the Debian package that has it. */
export interface Tool {
  readonly command: string;
  readonly debian: string;
}

export const iperf3: Tool = { command: 'iperf3', debian: 'iperf3' };
export const sockperf: Tool = { command: 'sockperf', debian: 'sockperf' };
export const node: Tool = { command: process.execPath, debian: 'nodejs' };

/** Fails where a tool is not there. */
export async function needs(tools: readonly Tool[]): Promise<void> {
  for (const { command, debian } of tools) {
    const { failed, stderr } = await execa(command, ['--version'], { reject: false });
    if (failed)
      throw new EncapError(`cannot measure: there is no ${command}`, {
        code: 'FEATURE_MISSING',
        ...(stderr === '' ? {} : { why: stderr }),
        hint: `apt install ${debian}`,
      });
  }
}

/**
 * Runs a server, and when it says that it is ready a client, whose standard output comes back. Both are ended after
 * `seconds` and some patience.
 */
export async function exchange(
  { client, server }: Path,
  words: {
    readonly server: readonly [string, ...string[]];
    readonly ready: RegExp;
    readonly client: readonly [string, ...string[]];
  },
  seconds: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<string> {
  const limit = seconds + patience;
  const serving = start(server.namespace, words.server, limit, signal);
  try {
    await untilReady(serving, words.ready);
    const { failed, stdout, stderr, shortMessage } = await start(
      client.namespace,
      words.client,
      limit,
      signal,
    );
    signal.throwIfAborted();
    if (!failed) return stdout;
    const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join('\n');
    throw new EncapError(`cannot measure with ${words.client[0]}: ${shortMessage}`, {
      code: 'LAB_FAILED',
      why: said,
      hint: `by hand: nsenter --net=/run/netns/${client.namespace} ${words.client.join(' ')}`,
    });
  } finally {
    serving.kill();
    await serving;
  }
}

/** Seconds. */
const patience = 10;

type Running = ReturnType<typeof start>;

function start(namespace: string, command: readonly string[], limit: number, signal: AbortSignal) {
  const [file, ...args] = inside(namespace, command);
  return execa(file, args, { reject: false, timeout: limit * 1000, cancelSignal: signal });
}

async function untilReady(serving: Running, ready: RegExp): Promise<void> {
  let said = '';
  const heard = new Promise<void>((resolve) => {
    for (const stream of [serving.stdout, serving.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (ready.test(said)) resolve();
      });
  });
  const ended = serving.then(() => 'ended' as const);
  const late = sleep(5000, 'late' as const, { ref: false });
  const what = await Promise.race([heard, ended, late]);
  if (what !== undefined)
    throw new EncapError(
      `cannot measure: the receiver ${what === 'ended' ? 'ended' : 'says nothing'}`,
      {
        code: 'LAB_FAILED',
        why: said.trim(),
        hint: 'run it again with -v, or the receiver by hand',
      },
    );
}
