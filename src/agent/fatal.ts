import { EncapError, exitCodes, catalogue } from '../errors.js';

/** Failures that time does not heal: at the start they end the agent; later it keeps what is in force and goes on trying. */
export function isFatal(failure: unknown): boolean {
  if (!(failure instanceof EncapError)) return true;
  const exit = catalogue[failure.code];
  return exit !== exitCodes.degraded && failure.code !== 'KERNEL_REFUSED';
}
