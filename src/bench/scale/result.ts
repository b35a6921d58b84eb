import * as z from 'zod';
import { machineShape, readResult } from '../result.js';
import { scaleMetricNames } from './metric.js';

const count = z.int().nonnegative();

const schema = z.strictObject({
  apiVersion: z.literal('encap/v1'),
  kind: z.literal('BenchScale'),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** False where it was interrupted. */
  complete: z.boolean(),
  command: z.array(z.string()),
  machine: machineShape,
  versions: z.record(z.string(), z.string()),
  plan: z.strictObject({ blocks: z.array(z.int().positive()).min(1), rounds: z.int().positive() }),
  /** What went wrong for a number of blocks: then there are no samples of it. */
  absent: z.array(z.strictObject({ blocks: count, what: z.string(), why: z.string() })),
  samples: z.array(
    z.strictObject({
      round: count,
      blocks: count,
      metric: z.enum(scaleMetricNames),
      value: z.number(),
    }),
  ),
});

/** A run of the suite `scale`: everything that was measured, and on what. */
export type BenchScale = z.infer<typeof schema>;

/** Reads the file of a run; says in which field it is none. */
export function readScale(file: string): BenchScale {
  return readResult(file, schema);
}
