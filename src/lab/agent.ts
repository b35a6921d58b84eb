import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EncapError } from '../errors.js';
import { inside, runInside } from './namespace.js';
import { namespaceOf, pinFolder, runFolder, type AgentProcess } from './state.js';

const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** The argument vector of our own command line. */
export function encap(...args: readonly string[]): [string, ...string[]] {
  return [process.execPath, main, ...args];
}

/** What makes a command line or an agent that of one node of a lab. */
export function nodeEnvironment(lab: string, node: string): Readonly<Record<string, string>> {
  return { ENCAP_BPFFS: pinFolder(lab, node), ENCAP_RUN_DIR: runFolder(lab, node) };
}

/**
 * Starts a node's agent as a process of its own, which outlives the command that started it; `extra`: variables that
 * it alone has.
 */
export function startAgent(
  lab: string,
  node: string,
  manifests: string,
  extra: Readonly<Record<string, string>> = {},
): AgentProcess {
  const folder = runFolder(lab, node);
  mkdirSync(folder, { recursive: true });
  const log = join(folder, 'agent.log');
  writeFileSync(log, ''); // `ready` of an earlier agent is not this one's
  const [file, ...args] = inside(
    namespaceOf(lab, node),
    encap('run', '-f', manifests, '--node', node),
  );
  const output = openSync(log, 'a');
  const child = spawn(file, args, {
    detached: true,
    stdio: ['ignore', output, output],
    env: { ...process.env, ...nodeEnvironment(lab, node), NO_COLOR: '1', ...extra },
  });
  closeSync(output);
  child.unref();
  const startedAt = child.pid === undefined ? undefined : startTime(child.pid);
  if (child.pid === undefined || startedAt === undefined)
    throw new EncapError(`cannot start the agent of ${node}: it ended at once`, {
      code: 'LAB_FAILED',
      hint: `see ${log}`,
    });
  return { pid: child.pid, startedAt, log };
}

/** A node's agent for one round: it ends, and its datapath stays. */
export async function runOnce(lab: string, node: string, manifests: string): Promise<void> {
  const env = { ...nodeEnvironment(lab, node), NO_COLOR: '1' };
  const words = encap('run', '-f', manifests, '--node', node, '--once');
  const { failed, stdout, stderr } = await runInside(namespaceOf(lab, node), words, { env });
  const folder = runFolder(lab, node);
  mkdirSync(folder, { recursive: true });
  const log = join(folder, 'agent.log');
  writeFileSync(log, stdout + stderr);
  if (failed)
    throw new EncapError(`cannot start the agent of ${node}: it ended`, {
      code: 'LAB_FAILED',
      why: lastLines(log),
      hint: `the whole log: ${log}`,
    });
}

/** Waits until the agent says that its node carries traffic; an agent that ends instead is a failure. */
export async function untilReady(
  node: string,
  agent: AgentProcess,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!isReady(agent)) {
    if (!isAlive(agent) || Date.now() > deadline)
      throw new EncapError(
        `cannot start the agent of ${node}: ${isAlive(agent) ? `not ready after ${timeoutMs / 1000} s` : 'it ended'}`,
        { code: 'LAB_FAILED', why: lastLines(agent.log), hint: `the whole log: ${agent.log}` },
      );
    await sleep(20);
  }
}

/** Ends an agent; its programs and maps stay. */
export async function stopAgent(
  agent: AgentProcess,
  signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  if (!isAlive(agent)) return;
  process.kill(agent.pid, signal);
  for (let waited = 0; isAlive(agent) && waited < 5000; waited += 20) await sleep(20);
  if (isAlive(agent)) process.kill(agent.pid, 'SIGKILL');
  for (let waited = 0; isAlive(agent) && waited < 2000; waited += 20) await sleep(20);
}

export function isAlive({ pid, startedAt }: AgentProcess): boolean {
  return startTime(pid) === startedAt;
}

function isReady({ log }: AgentProcess): boolean {
  return readFileSync(log, 'utf8').includes('"msg":"ready"');
}

/** Clock ticks after boot, field 22 of /proc/PID/stat; undefined when there is no such process, or only its zombie. */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined; // the process is gone: that is the answer
  }
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
}
