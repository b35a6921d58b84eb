import type { Command } from 'commander';
import { type ColorWhen, type Paint, paintFor } from './paint.js';

export const formats = ['table', 'wide', 'json', 'yaml', 'name'] as const;

export type Format = (typeof formats)[number];

/** How a command was called: what is the same for all commands. */
export interface Session {
  readonly format: Format;
  readonly headers: boolean;
  readonly verbosity: number;
  readonly quiet: boolean;
  /** Colours of standard output. */
  readonly paint: Paint;
  /** Of standard error. */
  readonly notePaint: Paint;
  /** Width of the terminal; undefined where output is not a terminal: then nothing is cut. */
  readonly columns: number | undefined;
  readonly env: NodeJS.ProcessEnv;
}

interface GlobalOptions {
  readonly output: Format;
  readonly headers: boolean;
  readonly color: ColorWhen;
  readonly verbose: number;
  readonly quiet?: boolean;
}

/** The session of a command that has been parsed. */
export function sessionOf(command: Command, env: NodeJS.ProcessEnv = process.env): Session {
  const options = command.optsWithGlobals<GlobalOptions>();
  return {
    format: options.output,
    headers: options.headers,
    verbosity: options.verbose,
    quiet: options.quiet === true,
    paint: paintFor(process.stdout, env, options.color),
    notePaint: paintFor(process.stderr, env, options.color),
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    env,
  };
}

/** The format that was asked for, read before (or although) the command line could not be parsed. */
export function formatIn(argv: readonly string[]): Format {
  for (const [index, word] of argv.entries()) {
    if (word === '--') break;
    const value =
      word === '-o' || word === '--output'
        ? argv[index + 1]
        : /^(?:-o=?|--output=)(.+)$/.exec(word)?.[1];
    const format = formats.find((one) => one === value);
    if (format !== undefined) return format;
    if (word === '--json') return 'json';
  }
  return 'table';
}

/** A remark that is no data: standard error, unless -q. */
export function note(session: Session, text: string): void {
  if (!session.quiet) process.stderr.write(`${text}\n`);
}
