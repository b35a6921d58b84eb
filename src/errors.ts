/** The catalogue of failures: one stable code each, with its section in docs/errors.md (a test compares the two). */

/** Exit codes of the command line; `encap help exit-codes` prints them. */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  invalid: 3,
  permission: 4,
  missing: 5,
  unreachable: 6,
  degraded: 7,
  changes: 10,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Every code that an error of ours can carry, and the exit code it leads to. */
export const catalogue = {
  USAGE: exitCodes.usage,
  CONFIG_INVALID: exitCodes.invalid,
  FILE_UNREADABLE: exitCodes.invalid,
  NODE_UNKNOWN: exitCodes.invalid,
  PERMISSION: exitCodes.permission,
  FEATURE_MISSING: exitCodes.missing,
  COMPILER_FAILED: exitCodes.missing,
  OBJECT_CORRUPT: exitCodes.missing,
  VERIFIER_REJECTED: exitCodes.missing,
  ABI_MISMATCH: exitCodes.missing,
  UPLINK_UNKNOWN: exitCodes.invalid,
  AGENT_RUNNING: exitCodes.invalid,
  TRACE_BUSY: exitCodes.invalid,
  LISTEN_FAILED: exitCodes.invalid,
  INSTALL_REFUSED: exitCodes.invalid,
  DATAPATH_ABSENT: exitCodes.unreachable,
  DATASTORE_UNREACHABLE: exitCodes.unreachable,
  TABLE_FULL: exitCodes.degraded,
  KERNEL_DISAGREES: exitCodes.degraded,
  RESTORE_REFUSED: exitCodes.missing,
  KERNEL_REFUSED: exitCodes.unexpected,
  LAB_FAILED: exitCodes.unexpected,
  BENCH_FAILED: exitCodes.unexpected,
  SSH_FAILED: exitCodes.unreachable,
  OUTPUT_REFUSED: exitCodes.unexpected,
  UNEXPECTED: exitCodes.unexpected,
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof catalogue;

export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** `pool.yaml:7:14`. */
export function placeText({ file, line, column }: Place): string {
  return [file, line, column].filter((part) => part !== undefined).join(':');
}

export interface EncapErrorOptions {
  readonly code: ErrorCode;
  /** Why it failed, where the message does not say it. */
  readonly why?: string;
  /** What to do next: a command or a setting. */
  readonly hint?: string;
  readonly place?: Place;
  readonly cause?: unknown;
}

/** A failure that a user can act on: `cannot <verb> <object>: <cause>`, with what to do next in `hint`. */
export class EncapError extends Error {
  readonly code: ErrorCode;
  readonly why: string | undefined;
  readonly hint: string | undefined;
  readonly place: Place | undefined;

  constructor(message: string, { code, why, hint, place, cause }: EncapErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'EncapError';
    this.code = code;
    this.why = why;
    this.hint = hint;
    this.place = place;
  }
}
