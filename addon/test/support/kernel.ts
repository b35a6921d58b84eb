import test from 'ava';
import type { ExecutionContext } from 'ava';
import { missingCapabilities } from '../../lib/hint.js';

/** A test that asks the kernel for something: says what it skipped where it may not. */
export function kernelTest(
  title: string,
  run: (t: ExecutionContext) => void | Promise<void>,
): void {
  test(title, (t) => {
    const reason = obstacle();
    if (reason === undefined) return run(t);
    t.log(`skipped: ${reason}`);
    t.pass();
    return undefined;
  });
}

function obstacle(): string | undefined {
  if (process.platform !== 'linux') return `BPF is Linux', this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'needs root (namespaces and mounts of its own)';
  const missing = missingCapabilities();
  return missing.length === 0 ? undefined : `needs ${missing.join(' and ')}`;
}
