import type { Command } from 'commander';
import { EncapError, exitCodes, placeText } from '../errors.js';
import type { Problem } from '../model/problem.js';
import { examplesOf } from './examples.js';
import { nodeNameOf, takesDatastore, takesTimeout } from './inputs.js';
import { print } from './output.js';
import { type Session, sessionOf } from './session.js';
import { placeOf } from './source.js';
import type { OnceOptions } from './world.js';

type ValidateOptions = Omit<OnceOptions, 'file'>;

/** `encap validate`: what Calico's API would refuse, and more, with the line that is meant. */
export function define(command: Command): void {
  takesTimeout(
    takesDatastore(
      command
        .argument('[path...]', 'file, folder or - (standard input)')
        .option('-R, --recursive', 'folders in folders too'),
    ),
  );
  examplesOf(command, [
    ['encap validate pools.yaml', 'a file'],
    ['encap validate -R cluster.d', 'a folder and those below it'],
    ['calicoctl get ippool -o yaml | encap validate -', 'what a cluster has'],
    ['encap validate --source kubernetes', 'the same, from its datastore'],
    ['encap validate pools.yaml -o json', 'for an editor or CI; exit code 3 when invalid'],
  ]).action(async (file: readonly string[], options: ValidateOptions) => {
    const session = sessionOf(command);
    if (file.length === 0 && options.source === undefined && options.config === undefined)
      throw nothingNamed();
    const [place, { filesOf }, { complaintsAbout }] = await Promise.all([
      placeOf({ ...options, file }, session.env),
      import('./world.js'),
      import('../model/validate.js'),
    ]);
    const node = nodeNameOf(undefined, session.env, place.config?.node);
    const read = await filesOf(place, { ...options, file }, node);
    const { all, files } = read;
    const problems = complaintsAbout(read);
    const valid = !problems.some(({ severity }) => severity === 'error');
    const document = {
      apiVersion: 'encap/v1',
      kind: 'ValidationReport',
      valid,
      problems: problems.map(bare),
    };
    await print(session, {
      document,
      names: () => [...new Set(problems.map(({ file }) => file))],
      text: () =>
        [
          ...problems.map((problem) => problemText(session, problem)),
          `${counted(all.length, 'resource')} in ${place.datastore.value.type === 'file' ? counted(files.length, 'file') : 'the datastore'}: ${summary(problems)}`,
        ].join('\n'),
    });
    if (!valid) process.exitCode = exitCodes.invalid;
  });
}

function nothingNamed(): EncapError {
  return new EncapError("cannot validate: missing required argument 'path'", {
    code: 'USAGE',
    hint: 'name a file or folder, or - for standard input; or a datastore with --source or -c',
  });
}

/** A problem without what only the text needs. */
function bare({ severity, file, line, column, path, message }: Problem): object {
  return { severity, file, line, column, path, message };
}

/** Place, severity, field and message; below it the line and what in it is meant. */
export function problemText({ paint }: Session, problem: Problem): string {
  const { severity, path, message, excerpt, line, column } = problem;
  const loud = severity === 'error' ? paint.red : paint.yellow;
  const field = path === '' ? '' : `${path}: `;
  const first = `${paint.bold(placeText(problem))}  ${loud(severity)}  ${field}${message}`;
  if (excerpt === undefined || column === undefined || excerpt.text.trim() === '') return first;
  const { text, start } = window(excerpt.text, column);
  const margin = `${String(line).padStart(5)} | `;
  // A tab before the caret stays a tab, so that the caret stands below its character.
  const before = text.slice(0, start).replace(/[^\t]/g, ' ');
  const length = Math.max(1, Math.min(excerpt.length, text.length - start));
  return `${first}\n${paint.dim(margin)}${text}\n${' '.repeat(margin.length - 2)}${paint.dim('| ')}${before}${loud('^'.repeat(length))}`;
}

/** Columns of an excerpt: long lines are JSON, of which the surroundings are enough. */
const excerptWidth = 100;

function window(text: string, column: number): { readonly text: string; readonly start: number } {
  if (text.length <= excerptWidth) return { text, start: column - 1 };
  const from = Math.max(0, Math.min(column - 1 - 20, text.length - excerptWidth));
  return { text: text.slice(from, from + excerptWidth), start: column - 1 - from };
}

function summary(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  if (problems.length === 0) return 'valid';
  const parts = [];
  if (errors > 0) parts.push(counted(errors, 'error'));
  if (warnings > 0) parts.push(counted(warnings, 'warning'));
  return parts.join(', ');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
