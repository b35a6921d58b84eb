import { spawnSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';

/** Prometheus' own checker; gives what it says, undefined where this machine has none: then the test is skipped. */
export function promtool(
  t: ExecutionContext,
  words: readonly string[],
  input = '',
): { readonly status: number | null; readonly said: string } | undefined {
  const { error, status, stdout, stderr } = spawnSync('promtool', [...words], {
    input,
    encoding: 'utf8',
  });
  if (error === undefined) return { status, said: `${stdout}${stderr}` };
  if (process.env.CI === 'true') throw error;
  t.log('skipped: no promtool on this machine');
  t.pass();
  return undefined;
}
