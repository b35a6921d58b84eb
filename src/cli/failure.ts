import {
  catalogue,
  EncapError,
  type ErrorCode,
  exitCodes,
  type ExitCode,
  type Place,
  placeText,
} from '../errors.js';
import type { Paint } from './paint.js';
import type { Format } from './session.js';

/** A failure as the user meets it: in text, in JSON, and as an exit code. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly why: string | undefined;
  readonly hint: string;
  readonly place: Place | undefined;
  /** For those who go to the bottom: verifier log or stack. */
  readonly details: string | undefined;
}

/** Where an error itself names no next step: what to do about each kind of failure. */
export const nextSteps: Readonly<Record<ErrorCode, string>> = {
  USAGE: 'see `encap --help`',
  CONFIG_INVALID: 'run `encap validate` on the files: it names line and field',
  FILE_UNREADABLE: 'check the path and its permissions',
  NODE_UNKNOWN: 'see `encap get nodes`, then give one of them with --node',
  PERMISSION: 'run it with sudo, or give it CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON',
  FEATURE_MISSING: 'see the limits in README.md: they name the kernel that is needed',
  COMPILER_FAILED:
    'install clang 14 or newer, or leave out --compile: then the shipped object is used',
  OBJECT_CORRUPT: 'remove the file, then build again with `npm run build`',
  VERIFIER_REJECTED: 'report the log with the version of your kernel (`encap version`)',
  ABI_MISMATCH: 'build again with `npm run build`: program and loader are of different versions',
  UPLINK_UNKNOWN: 'name the underlay interface with --iface',
  AGENT_RUNNING: 'stop the other agent first',
  TRACE_BUSY: 'end the other encap trace or capture first',
  LISTEN_FAILED: 'give another address or port with --metrics and --health',
  INSTALL_REFUSED: 'see what it would do: `encap install --dry-run`',
  DATAPATH_ABSENT: 'start it with `encap run`',
  DATASTORE_UNREACHABLE: 'see whether the datastore answers, and whether it lets this node in',
  TABLE_FULL: 'fewer pools, blocks or nodes, or a datapath with larger maps',
  KERNEL_DISAGREES:
    'see what an agent would change: `encap plan`, and what it says of itself: `encap status`',
  RESTORE_REFUSED: 'without --restore-kernel-tunnels, Felix makes its devices again',
  KERNEL_REFUSED: 'see the errno and, with root, the end of `dmesg`',
  LAB_FAILED: 'take away what is left with `encap lab down`, then try again',
  BENCH_FAILED: 'run the tool by hand between the same addresses',
  SSH_FAILED: 'try the same by hand: `ssh -o BatchMode=yes MACHINE true`',
  OUTPUT_REFUSED: 'give it another file, or make room',
  UNEXPECTED: 'this is a bug: please report it with the text above',
};

/** Prints a failure (JSON and YAML: one document on standard output) and returns its exit code. */
export async function reportFailure(
  error: unknown,
  format: Format,
  paint: Paint,
): Promise<ExitCode> {
  if (isHelp(error)) return exitCodes.ok;
  const failure = failureOf(error);
  // `encap lab` without a verb: in text, commander has shown the help already.
  if (isCommander(error) && error.code === 'commander.help' && format !== 'json')
    return exitCodes.usage;
  if (format === 'json')
    process.stdout.write(`${JSON.stringify(failureDocument(failure), null, 2)}\n`);
  else if (format === 'yaml') {
    const { stringify } = await import('yaml');
    process.stdout.write(stringify(failureDocument(failure)));
  } else process.stderr.write(failureText(failure, paint));
  return catalogue[failure.code];
}

/** Three lines: what failed, why, what to do. */
export function failureText({ message, why, hint, place, details }: Failure, paint: Paint): string {
  const lines = [`${paint.red('encap:')} ${message}`];
  if (place !== undefined) lines.push(`${paint.dim('at:')}  ${placeText(place)}`);
  if (why !== undefined) lines.push(`${paint.dim('why:')} ${why}`);
  lines.push(`${paint.dim('do:')}  ${hint}`);
  if (details !== undefined) lines.push('', details);
  return `${lines.join('\n')}\n`;
}

/** The document that stands for the answer in JSON and YAML. */
export function failureDocument({ code, message, why, hint, place }: Failure): object {
  return {
    error: {
      code,
      message,
      why,
      hint,
      file: place?.file,
      line: place?.line,
      column: place?.column,
    },
  };
}

/** Any thrown value as a failure with a code and a next step. */
export function failureOf(error: unknown): Failure {
  if (error instanceof EncapError) {
    const { code, message, why, hint, place } = error;
    return { code, message, why, hint: hint ?? nextSteps[code], place, details: undefined };
  }
  if (isCommander(error)) return usage(error);
  if (isKernelError(error)) return refused(error);
  if (isSystemError(error)) return system(error);
  return unexpected(error);
}

interface UsageError extends Error {
  readonly code: `commander.${string}`;
  readonly exitCode: number;
}

function isCommander(error: unknown): error is UsageError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}

/** commander throws when it has printed the help. */
function isHelp(error: unknown): boolean {
  return isCommander(error) && error.exitCode === 0;
}

/** "error: unknown option '--nod'\n(Did you mean --node?)" → ours. */
function usage({ code, message }: UsageError): Failure {
  if (code === 'commander.help') message = 'a word is missing';
  const [what = '', suggestion] = message.replace(/^error: /, '').split('\n');
  const meant = /\((?:Did you mean )(.+?)\??\)/.exec(suggestion ?? '')?.[1];
  return {
    code: 'USAGE',
    message: `cannot read the command line: ${what.replace(/\.$/, '')}`,
    why: undefined,
    hint: meant === undefined ? 'see the same command with --help' : `did you mean ${meant}?`,
    place: undefined,
    details: undefined,
  };
}

/** BpfError and NetlinkError of libbpf-ts, known by their shape: the addon must not be loaded to print an error. */
interface KernelError extends Error {
  readonly operation: string;
  readonly errno: number;
  readonly code: string;
  readonly hint?: string;
  readonly verifierLog?: string;
}

function isKernelError(error: unknown): error is KernelError {
  return error instanceof Error && 'operation' in error && 'errno' in error && 'code' in error;
}

function refused(error: KernelError): Failure {
  const code = kernelCode(error);
  return {
    code,
    message: error.message,
    why: code === 'PERMISSION' ? whyNotPermitted() : undefined,
    hint: error.hint ?? nextSteps[code],
    place: undefined,
    details: error.verifierLog,
  };
}

function kernelCode({ code, verifierLog }: KernelError): ErrorCode {
  if (verifierLog !== undefined) return 'VERIFIER_REJECTED';
  switch (code) {
    case 'EPERM':
    case 'EACCES':
      return 'PERMISSION';
    case 'ENOSYS':
    case 'EOPNOTSUPP':
    case 'ENOTSUPP':
      return 'FEATURE_MISSING';
    case 'E2BIG':
    case 'ENOSPC':
      return 'TABLE_FULL';
    default:
      return 'KERNEL_REFUSED';
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return (
    error instanceof Error &&
    'syscall' in error &&
    'code' in error &&
    typeof error.code === 'string'
  );
}

/** What node:fs and its like throw. */
function system(error: NodeJS.ErrnoException & { code: string }): Failure {
  const denied = error.code === 'EACCES' || error.code === 'EPERM';
  const code = denied ? 'PERMISSION' : error.path === undefined ? 'UNEXPECTED' : 'FILE_UNREADABLE';
  return {
    code,
    message: `cannot ${error.syscall ?? 'use'} ${error.path ?? 'a file'}: ${error.code}`,
    why: denied ? whyNotPermitted() : undefined,
    hint: nextSteps[code],
    place: undefined,
    details: undefined,
  };
}

function whyNotPermitted(): string {
  return process.getuid?.() === 0
    ? 'this process is root but has not all capabilities (a container, or lockdown)'
    : 'this process is not root';
}

function unexpected(error: unknown): Failure {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return {
    code: 'UNEXPECTED',
    message: `cannot go on: ${name}: ${message}`,
    why: undefined,
    hint: nextSteps.UNEXPECTED,
    place: undefined,
    details: stack,
  };
}
