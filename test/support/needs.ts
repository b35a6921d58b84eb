import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { whyNoPrograms } from './object.js';

/** What this machine lacks for a test, said in its log; true when the test has to be left out. */
export function skips(t: ExecutionContext, ...commands: readonly string[]): boolean {
  const reason = lacking(commands);
  if (reason === undefined) return false;
  t.log(`skipped: ${reason}`);
  t.pass();
  return true;
}

/** The same for a test that loads programs. */
export function skipsPrograms(t: ExecutionContext, ...commands: readonly string[]): boolean {
  const missing = whyNoPrograms();
  if (missing === undefined) return skips(t, ...commands);
  t.log(`skipped: ${missing}`);
  t.pass();
  return true;
}

function lacking(commands: readonly string[]): string | undefined {
  if (process.geteuid?.() !== 0) return 'network namespaces and eBPF need root';
  const absent = commands.filter((command) => !isThere(command));
  return absent.length === 0 ? undefined : `no ${absent.join(', ')} on this machine`;
}

function isThere(command: string): boolean {
  return [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'].some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
