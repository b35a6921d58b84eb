import type { BenchRun, Sample } from '../../src/bench/result.js';

/** A run of a machine that nobody has: throughput of a variant in each round. */
export function benchRun(
  throughput: Readonly<Record<string, readonly number[]>>,
  more: Partial<BenchRun> = {},
): BenchRun {
  const samples = Object.entries(throughput).flatMap(([variant, values]) =>
    values.map((bitsPerSecond, round): Sample => ({
      ...{ round, underlay: 'super', load: 'tcp-1', variant },
      values: { bitsPerSecond, cpuPerGigabyte: 1e9 / bitsPerSecond },
    })),
  );
  const variants = Object.keys(throughput);
  const rounds = Math.max(...Object.values(throughput).map(({ length }) => length));
  return {
    apiVersion: 'encap/v1',
    kind: 'BenchRun',
    startedAt: '2026-11-26T10:00:00.000Z',
    endedAt: '2026-11-26T10:10:00.000Z',
    complete: true,
    command: ['encap', 'bench', 'run'],
    seed: 1,
    machine: {
      cpu: 'Some CPU',
      cpus: 2,
      memoryBytes: 2 ** 33,
      architecture: 'x64',
      kernel: '6.18',
      system: 'Debian',
      isVirtual: true,
    },
    versions: { encap: '0.1.0' },
    plan: {
      underlays: ['super'],
      loads: ['tcp-1'],
      variants,
      base: variants[0] ?? '',
      rules: 'none',
      rounds,
      seconds: 1,
    },
    absent: [],
    samples,
    programs: [],
    ...more,
  };
}
