/** How many times longer this machine takes than a usual one; emulated guests say so by ENCAP_TEST_SLOWNESS. */
export const slowness = Math.max(1, Number(process.env['ENCAP_TEST_SLOWNESS'] ?? 1));
