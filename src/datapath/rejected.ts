import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
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
  const file = join(run, logName(cause.object));
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

/** The log of the last program (or of this one, by its name in the kernel) that an agent could not load; undefined: there is none. */
export function lastRejection(
  run: string,
  name?: string,
): { readonly file: string; readonly program: string; readonly text: string } | undefined {
  const [last] = listed(run)
    .flatMap((file) => {
      const program = /^verifier-(\w+)\.log$/.exec(file)?.[1];
      return program === undefined || (name !== undefined && name !== program)
        ? []
        : [{ file: join(run, file), program, writtenMs: statSync(join(run, file)).mtimeMs }];
    })
    .sort((a, b) => b.writtenMs - a.writtenMs);
  if (last === undefined) return undefined;
  const { file, program } = last;
  return { file, program, text: readFileSync(file, 'utf8') };
}

function logName(program: string): string {
  return `verifier-${program}.log`;
}

function listed(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
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
