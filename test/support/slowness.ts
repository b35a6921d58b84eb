/** How many times longer this machine takes than a usual one; emulated guests say so by ENCAP_TEST_SLOWNESS. */
export const slowness = Math.max(1, Number(process.env['ENCAP_TEST_SLOWNESS'] ?? 1));

/** A time limit as this machine has to keep it: what takes a second on a usual one takes so many here. */
export function within(ms: number): number {
  return ms * slowness;
}

/**
 * Of rows that differ little all, or where everything takes ten times as long, every nth: which of them ENCAP_TEST_SAMPLE
 * says, so that kernels that are tested one after the other take different ones.
 */
export function sample<Row>(rows: readonly Row[], nth: number): readonly Row[] {
  const from = process.env['ENCAP_TEST_SAMPLE'];
  return from === undefined ? rows : rows.filter((_, place) => (place + Number(from)) % nth === 0);
}
