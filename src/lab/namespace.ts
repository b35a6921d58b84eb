import { execa } from 'execa';
import { EncapError } from '../errors.js';

/** Where `ip netns` keeps a namespace of this name. */
export function namespacePath(namespace: string): string {
  return `/run/netns/${namespace}`;
}

/**
 * The argument vector that runs a command inside a network namespace. `ip netns exec` would also hide
 * bpffs behind a new sysfs mount; nsenter changes the network alone.
 */
export function inside(namespace: string, command: readonly string[]): [string, ...string[]] {
  return ['nsenter', `--net=${namespacePath(namespace)}`, '--', ...command];
}

/** How a command ended and what it said. */
export interface Outcome {
  readonly failed: boolean;
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Runs a command inside a namespace to its end, whether it fails or not. */
export async function runInside(
  namespace: string,
  command: readonly string[],
  { input = '', env = {}, timeoutMs = 60_000 }: RunOptions = {},
): Promise<Outcome> {
  const [file, ...args] = inside(namespace, command);
  const ended = await execa(file, args, { input, env, timeout: timeoutMs, reject: false });
  const { failed, exitCode, stdout, stderr } = ended;
  return { failed, exitCode, stdout, stderr };
}

/** Runs lines of `ip -batch` or `bridge -batch`; not with `-n`, which remounts like `ip netns exec`. */
export async function batch(
  command: 'ip' | 'bridge',
  namespace: string | undefined,
  lines: readonly string[],
): Promise<void> {
  if (lines.length === 0) return;
  const words = [command, '-batch', '-'] as const;
  const there = namespace === undefined ? words : inside(namespace, words);
  await build(there, namespace, `${lines.join('\n')}\n`);
}

/** Sets sysctls of a namespace; names as under /proc/sys. */
export async function setSysctls(
  namespace: string,
  values: Readonly<Record<string, number>>,
): Promise<void> {
  const script = 'for pair; do echo "${pair#*=}" > "/proc/sys/${pair%%=*}" || exit 1; done';
  const pairs = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  await build(inside(namespace, ['sh', '-c', script, 'sh', ...pairs]), namespace);
}

/** Runs one building step; its failure is the lab's. */
async function build(
  command: readonly [string, ...string[]],
  subject = 'this machine',
  input = '',
): Promise<void> {
  const [file, ...args] = command;
  const result = await execa(file, args, { input, reject: false });
  if (!result.failed) return;
  const said = result.stderr.trim() === '' ? result.shortMessage : result.stderr.trim();
  throw new EncapError(`cannot build the lab in ${subject}: ${said}`, {
    code: 'LAB_FAILED',
    why: `${file} ${args.slice(0, 4).join(' ')} ended with ${String(result.exitCode ?? result.code)}`,
    hint: 'run `encap lab down`, then again; it needs root, iproute2 and the kernel’s veth and bridge',
    cause: result,
  });
}
