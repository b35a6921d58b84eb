import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { readRecord } from './record.js';
import { writeAtomically } from './write.js';

/** By interface, what its rp_filter was before we loosened it. */
export type Loosened = Readonly<Record<string, number>>;

const schema = z.strictObject({
  apiVersion: z.literal('encap/v1'),
  kind: z.literal('ReversePaths'),
  before: z.record(z.string(), z.int().min(0).max(2)),
});

/** Where the loosened interfaces of an agent are written down. */
export function loosenedFile(run: string): string {
  return join(run, 'reverse-paths.json');
}

/** None where there is no file. */
export function readLoosened(run: string): Loosened {
  return readRecord(loosenedFile(run), schema)?.before ?? {};
}

/** Without any, there is no file. */
export function writeLoosened(run: string, before: Loosened): void {
  const file = loosenedFile(run);
  if (Object.keys(before).length === 0) {
    rmSync(file, { force: true });
    return;
  }
  mkdirSync(run, { recursive: true, mode: 0o755 });
  const record = { apiVersion: 'encap/v1', kind: 'ReversePaths', before };
  writeAtomically(file, `${JSON.stringify(record, null, 2)}\n`);
}
