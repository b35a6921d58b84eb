import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** A BPF file system of the test's own, unmounted after it. */
export function bpffs(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bp-pins-'));
  execFileSync('mount', ['-t', 'bpf', '-o', 'mode=0700', 'bpf', folder]);
  t.teardown(() => {
    execFileSync('umount', [folder]);
    rmdirSync(folder);
  });
  return folder;
}
