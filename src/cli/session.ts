import type { Command } from 'commander';
import { type ColorWhen, colorWhens, type Paint, paintFor } from './paint.js';

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
  if (ownWords(argv).includes('--json')) return 'json';
  return formats.find((format) => format === optionIn(argv, '-o', '--output')) ?? 'table';
}

/** The same for --color. */
export function colorIn(argv: readonly string[]): ColorWhen {
  return colorWhens.find((when) => when === optionIn(argv, '', '--color')) ?? 'auto';
}

function optionIn(argv: readonly string[], short: string, long: string): string | undefined {
  const words = ownWords(argv);
  for (const [index, word] of words.entries()) {
    if (word === long || (short !== '' && word === short)) return words[index + 1];
    if (word.startsWith(`${long}=`)) return word.slice(long.length + 1);
    if (short !== '' && word.startsWith(short)) return word.slice(short.length);
  }
  return undefined;
}

/** What follows `--` belongs to another command. */
function ownWords(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
}

/** `--json` is what other tools have; the same as `-o json`. */
export function withJson(session: Session, { json }: { readonly json?: boolean }): Session {
  return json === true ? { ...session, format: 'json' } : session;
}

/** A remark that is no data: standard error, unless -q. */
export function note(session: Session, text: string): void {
  if (!session.quiet) process.stderr.write(`${text}\n`);
}
