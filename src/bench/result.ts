import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { EncapError } from '../errors.js';
import { metricNames } from './metric.js';

const count = z.int().nonnegative();
const positive = z.number().positive();
const names = z.array(z.string().min(1)).min(1);

const sample = z.strictObject({
  round: count,
  underlay: z.string(),
  load: z.string(),
  variant: z.string(),
  values: z.partialRecord(z.enum(metricNames), z.number().nonnegative()),
});

const programCost = z.strictObject({
  underlay: z.string(),
  load: z.string(),
  variant: z.string(),
  node: z.string(),
  program: z.string(),
  runs: count,
  nanosecondsPerRun: z.number().nonnegative(),
});

/** On what it was measured, as a file has it. */
export const machineShape = z.strictObject({
  cpu: z.string(),
  cpus: count,
  memoryBytes: count,
  architecture: z.string(),
  kernel: z.string(),
  system: z.string(),
  isVirtual: z.boolean(),
  /** As ssh calls it; it has none where we made the networks. */
  name: z.string().optional(),
  /** By what each path leaves it. */
  leaves: z
    .array(
      z.strictObject({ path: z.string(), interface: z.string(), driver: z.string(), mtu: count }),
    )
    .optional(),
});

const schema = z.strictObject({
  apiVersion: z.literal('encap/v1'),
  kind: z.literal('BenchRun'),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** False where it was interrupted: then there are fewer rounds. */
  complete: z.boolean(),
  command: z.array(z.string()),
  /** Of the order of the turns, and of the intervals. */
  seed: count,
  machine: machineShape,
  /** The machine of the receivers, where it is another one. */
  peer: machineShape.optional(),
  versions: z.record(z.string(), z.string()),
  plan: z.strictObject({
    underlays: names,
    loads: names,
    variants: names,
    base: z.string(),
    /** Runs from before there was a choice had none. */
    rules: z.string().default('none'),
    rounds: count,
    seconds: positive,
  }),
  absent: z.array(
    z.union([
      z.strictObject({ variant: z.string(), why: z.string() }),
      z.strictObject({ load: z.string(), why: z.string() }),
    ]),
  ),
  samples: z.array(sample),
  programs: z.array(programCost),
});

/** A run as `encap bench run` writes it: everything that was measured, and on what. */
export type BenchRun = z.infer<typeof schema>;
export type Sample = z.infer<typeof sample>;
export type ProgramCost = z.infer<typeof programCost>;

/** Reads the file of a run; says in which field it is none. */
export function readRun(file: string): BenchRun {
  return readResult(file, schema);
}

/** What kind of result a file holds; undefined where it does not say. */
export function kindOf(file: string): string | undefined {
  const parsed = z.object({ kind: z.string() }).safeParse(readJson(file));
  return parsed.data?.kind;
}

/** Reads a file that has the shape of a result; says in which field it has not. */
export function readResult<Result>(file: string, shape: z.ZodType<Result>): Result {
  const { data, error } = shape.safeParse(readJson(file));
  if (data !== undefined) return data;
  const [first, ...others] = error?.issues ?? [];
  const more = others.length === 0 ? '' : `; and ${others.length} more`;
  throw unlike(file, `${first?.path.join('.') ?? ''}: ${first?.message ?? ''}${more}`);
}

function readJson(file: string): unknown {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new EncapError(`cannot read ${file}: ${(cause as NodeJS.ErrnoException).code ?? ''}`, {
      code: 'FILE_UNREADABLE',
      hint: 'name a file that `encap bench run` has written',
      cause,
    });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw unlike(file, `it is no JSON: ${(cause as Error).message}`, cause);
  }
}

function unlike(file: string, why: string, cause?: unknown): EncapError {
  return new EncapError(`cannot read ${file} as a run of encap bench`, {
    code: 'CONFIG_INVALID',
    why,
    hint: 'name a file that `encap bench run` has written',
    place: { file },
    cause,
  });
}
