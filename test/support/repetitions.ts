import type { ExecutionContext } from 'ava';

/** How often a fault is injected: in CI, and by `npm run test:soak`. docs/faults.md has the same figures. */
export const repetitions = {
  F01: { ci: 8, soak: 200 },
  F02: { ci: 6, soak: 100 },
  F03: { ci: 1, soak: 10 },
  F04: { ci: 40, soak: 1000 },
  F05: { ci: 2, soak: 50 },
  F06: { ci: 31, soak: 31 },
  F07: { ci: 4, soak: 100 },
  F08: { ci: 2000, soak: 100_000 },
  F09: { ci: 60, soak: 1000 },
  F10: { ci: 1, soak: 100 },
  F13: { ci: 1, soak: 5 },
  F16: { ci: 3, soak: 100 },
  F17: { ci: 6, soak: 50 },
  F18: { ci: 1, soak: 20 },
  F19: { ci: 2, soak: 50 },
  F20: { ci: 2, soak: 20 },
  F21: { ci: 2, soak: 20 },
  F22: { ci: 1, soak: 5 },
  F23: { ci: 6, soak: 200 },
  F24: { ci: 3, soak: 20 },
  F25: { ci: 4, soak: 50 },
  F26: { ci: 6, soak: 100 },
  F27: { ci: 3, soak: 20 },
  F29: { ci: 1, soak: 10 },
  F30: { ci: 1, soak: 10 },
  F45: { ci: 2, soak: 50 },
  F46: { ci: 2, soak: 50 },
  F50: { ci: 0, soak: 3 },
  P9: { ci: 240, soak: 10_000 },
} as const;

export type FaultId = keyof typeof repetitions;

/** Whether all of it is asked for. */
export const isSoak = process.env['ENCAP_SOAK'] === '1';

/** As many as there should be here. */
export function repetitionsOf(id: FaultId): number {
  return repetitions[id][isSoak ? 'soak' : 'ci'];
}

/** Says how many there were; the summary of the ring reads it (scripts/tap.cjs). */
export function logRepetitions(t: ExecutionContext, id: FaultId, ran: number): void {
  t.log(`repetitions: ${id} ${ran} of ${repetitions[id].soak}`);
}
