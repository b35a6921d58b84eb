import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BpfError } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import { readRejection } from './verifier.js';
import { writeAtomically } from './write.js';

/** The verifier's refusal as the reader needs it: lines of our C, the instruction, the reason; the rest in a named file. */
export function rejected(
  cause: BpfError & { readonly verifierLog: string },
  run: string,
): EncapError {
  mkdirSync(run, { recursive: true });
  const file = join(run, `verifier-${cause.object}.log`);
  writeAtomically(file, cause.verifierLog);
  const { source, instruction, reason } = readRejection(cause.verifierLog);
  const lines = [
    ...source.map((line) => `    ${line}`),
    ...(instruction === undefined ? [] : [`    ${instruction}`]),
    ...reason,
  ];
  return new EncapError(`cannot load ${cause.object}: the verifier rejects it`, {
    code: 'VERIFIER_REJECTED',
    why: lines.join('\n'),
    hint: `the whole log: ${file}`,
    cause,
  });
}

/** A refusal of the kernel as an error of ours, with what libbpf-ts knows of it. */
export function refused(what: string, cause: BpfError): EncapError {
  return new EncapError(`cannot ${what}: ${cause.code}`, {
    code: cause.code === 'EPERM' ? 'PERMISSION' : 'KERNEL_REFUSED',
    why: cause.message,
    ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    cause,
  });
}
