import { constants } from 'node:os';
import { hintFor } from './hint.js';
import { readMessages } from './messages.js';
import { netlinkHint } from './netlink/hint.js';

/** What native code, or a TypeScript check of ours, knows of a failure. */
export interface KernelFailure {
  /** Reads well after "cannot": `look up in`, `attach`. */
  readonly operation: string;
  readonly object: string;
  /** Positive. */
  readonly errno: number;
  readonly cause: string;
  /** What libbpf printed meanwhile. */
  readonly messages?: string;
  /** Instead of the hint that operation and errno lead to. */
  readonly hint?: string;
}

/** `cannot <operation> <object>: <CODE>: <cause>`, with what to do next in `hint`. */
abstract class KernelError extends Error {
  readonly operation: string;
  readonly object: string;
  readonly errno: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(failure: KernelFailure, hint: string | undefined) {
    const { operation, object, errno, cause } = failure;
    const code = errnoName(errno);
    super(`cannot ${operation} ${object}: ${code}: ${cause}`);
    this.operation = operation;
    this.object = object;
    this.errno = errno;
    this.code = code;
    this.hint = failure.hint ?? hint;
  }
}

/** bpf(2), libbpf or a cls_bpf request refused. */
export class BpfError extends KernelError {
  override readonly name = 'BpfError';
  /** The whole log of the verifier, where it rejected a program. */
  readonly verifierLog: string | undefined;

  constructor(failure: KernelFailure) {
    const { verifierLog, ...seen } = readMessages(failure);
    super(seen, hintFor(seen));
    this.verifierLog = verifierLog;
  }
}

/** rtnetlink or a change of network namespace refused. */
export class NetlinkError extends KernelError {
  override readonly name = 'NetlinkError';

  constructor(failure: KernelFailure) {
    super(failure, netlinkHint(failure));
  }
}

const names = new Map<number, string>([
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
  [constants.errno.EAGAIN, 'EAGAIN'], // not its alias EWOULDBLOCK
  [constants.errno.EOPNOTSUPP, 'EOPNOTSUPP'], // not its alias ENOTSUP
  [524, 'ENOTSUPP'], // the kernel's own, unknown to libc
]);

/** `EACCES` for 13. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}
