import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { inside } from '../../src/lab/namespace.js';
import { within } from './slowness.js';

/** Runs a command in a network namespace; what it said. */
export function runIn(namespace: string, argv: readonly string[]): string {
  const [file, ...args] = inside(namespace, argv);
  return execFileSync(file, args, { stdio: 'pipe', encoding: 'utf8' });
}

/** Starts a command in a network namespace; it has two minutes, or what they are here. */
export function startIn(
  namespace: string,
  argv: readonly string[],
): ChildProcessWithoutNullStreams {
  const [file, ...args] = inside(namespace, argv);
  return spawn(file, args, { timeout: within(120_000) });
}

/** Runs lines of `ip -batch` in a network namespace. */
export function batchIn(namespace: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', namespace, '-batch', '-'], { input: lines.join('\n') });
}
