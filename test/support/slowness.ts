/** How many times longer this machine takes than a usual one; emulated guests say so by ENCAP_TEST_SLOWNESS. */
export const slowness = Math.max(1, Number(process.env['ENCAP_TEST_SLOWNESS'] ?? 1));

/** A time limit as this machine has to keep it: what takes a second on a usual one takes so many here. */
export function within(ms: number): number {
  return ms * slowness;
}
