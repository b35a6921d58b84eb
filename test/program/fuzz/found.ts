import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { root } from '../../support/object.js';
import { fromHex } from '../../support/packet.js';
import type { Bench, Difference } from './bench.js';
import type { Row } from './rows.js';

/** Rows that fuzzing has found: each is run in every later run as well. */
export const foundFile = join(root, 'test/program/found.json');

const foundRow = z.strictObject({
  id: z.string(),
  direction: z.enum(['egress', 'ingress']),
  from: z.enum(['local', 'pod', 'uplink']),
  marked: z.boolean(),
  /** Name of the variant of the world that it was found in. */
  variant: z.string(),
  hex: z.string(),
  /** What it showed. */
  why: z.string(),
});

type FoundRow = z.infer<typeof foundRow>;

/** A row, and the variant that it was found in. */
export interface Found extends Row {
  readonly variant: string;
}

/** All that was found so far. */
export function foundRows(): readonly Found[] {
  return read().map(({ hex, ...row }) => ({ ...row, frame: fromHex(hex) }));
}

/** Writes a difference down, unless it is there; answers its id. */
export function saveFound({ row, expected, got }: Difference, variant: string): string {
  const { direction, from, marked, frame } = row;
  const hex = Buffer.from(frame).toString('hex');
  const digest = createHash('sha256').update(
    JSON.stringify([direction, from, marked, variant, hex]),
  );
  const id = `found-${digest.digest('hex').slice(0, 12)}`;
  const rows = read();
  if (rows.every((one) => one.id !== id)) {
    const why = `${verdictIn(expected)} by the reference, ${verdictIn(got)} by the programs`;
    rows.push({ id, direction, from, marked, variant, hex, why });
    writeFileSync(foundFile, `${JSON.stringify(rows, null, 2)}\n`);
  }
  return id;
}

/**
 * A shorter frame, closer to the row that it was made of, that differs in the same way. What does not matter for that
 * is taken away, so that a reader sees what does.
 */
export function minimised(
  bench: Bench,
  difference: Difference,
  origin: Row | undefined,
): Difference {
  let least = difference;
  const keep = (frame: Uint8Array): void => {
    const now = bench.run({ ...least.row, frame });
    if (now !== undefined && kindOf(now) === kindOf(difference)) least = now;
  };
  for (let cut = least.row.frame.length >> 1; cut > 0; cut >>= 1)
    while (least.row.frame.length - cut >= 14) {
      const before = least;
      keep(least.row.frame.slice(0, -cut));
      if (least === before) break;
    }
  least.row.frame.forEach((byte, at) => {
    const was = origin?.frame[at] ?? 0;
    if (byte === was) return;
    const frame = least.row.frame.slice();
    frame[at] = was;
    keep(frame);
  });
  return least;
}

function kindOf({ expected, got }: Difference): string {
  return `${verdictIn(expected)} ${verdictIn(got)}`;
}

function verdictIn(words: string): string {
  return words.split(',')[0] ?? words;
}

function read(): FoundRow[] {
  return existsSync(foundFile)
    ? z.array(foundRow).parse(JSON.parse(readFileSync(foundFile, 'utf8')))
    : [];
}
