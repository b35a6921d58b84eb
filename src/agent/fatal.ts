import { BpfError, NetlinkError } from 'libbpf-ts';
import { EncapError, exitCodes, catalogue } from '../errors.js';

/** Failures that time does not heal: at the start they end the agent; later it keeps what is in force and goes on trying. */
export function isFatal(failure: unknown): boolean {
  if (failure instanceof BpfError || failure instanceof NetlinkError)
    return !passing.has(failure.code);
  if (!(failure instanceof EncapError)) return true;
  const exit = catalogue[failure.code];
  return exit !== exitCodes.degraded && failure.code !== 'KERNEL_REFUSED';
}

/** What the kernel says when it is short of something, or was disturbed. */
const passing: ReadonlySet<string> = new Set(['ENOMEM', 'ENOBUFS', 'EBUSY', 'EAGAIN', 'EINTR']);
