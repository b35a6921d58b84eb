import type { Command, Option } from 'commander';
import { examplesIn } from './examples.js';

/** What a manual says beside the commands. */
export interface ManualParts {
  readonly version: string;
  readonly exitCodes: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
}

/** The manual encap(1), in roff, of a tree of commands: https://man7.org/linux/man-pages/man7/man.7.html. */
export function manualOf(
  program: Command,
  { version, exitCodes, environment }: ManualParts,
): string {
  return [
    `.TH ENCAP 1 "" ${argument(`encapd ${version}`)} "User Commands"`,
    '.SH NAME',
    `encap \\- ${escaped(program.description())}`,
    '.SH SYNOPSIS',
    `.B encap`,
    escaped('[options] [command]'),
    '.SH OPTIONS',
    ...flagsOf(program),
    '.SH COMMANDS',
    ...program.commands.flatMap((command) => commandOf(command, 'encap')),
    '.SH EXIT STATUS',
    ...pairs(exitCodes),
    '.SH ENVIRONMENT',
    ...pairs(environment),
    '.SH FILES',
    ...pairs({
      '/etc/encap/node.yaml': 'the configuration of this node (encap help config)',
      '/etc/encap/cluster.d': 'files with Calico resources',
    }),
    '',
  ].join('\n');
}

function commandOf(command: Command, above: string): readonly string[] {
  const path = `${above} ${command.name()}`;
  const examples = examplesIn(command);
  return [
    `.SS ${argument(`${path} ${command.usage()}`)}`,
    sentence(command.description() || command.summary()),
    ...command.registeredArguments
      .filter(({ description }) => description !== '')
      .flatMap((one) => term(one.name(), described(one.description, one.argChoices))),
    ...flagsOf(command, isOwn),
    ...(examples.length === 0 ? [] : ['.PP', 'Examples:']),
    ...examples.flatMap(([line, meaning]) => term(line, meaning)),
    ...command.commands.flatMap((below) => commandOf(below, path)),
  ];
}

function flagsOf(
  command: Command,
  isTold: (option: Option) => boolean = () => true,
): readonly string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter(isTold)
    .flatMap(({ flags, description, argChoices }) =>
      term(flags, described(description, argChoices)),
    );
}

/** --help is told of once. */
function isOwn({ long }: Option): boolean {
  return long !== '--help';
}

function described(description: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? description : `${description} (${choices.join(', ')})`;
}

function pairs(facts: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(facts).flatMap(([name, meaning]) => term(name, meaning));
}

function term(name: string, meaning: string): readonly string[] {
  return ['.TP', `.B ${escaped(name)}`, sentence(meaning)];
}

/** As text is folded anyway, a line that would begin with a control character gets none. */
function sentence(text: string): string {
  return escaped(text.replaceAll(/\s+/g, ' '));
}

/** In quotation marks, for a macro that takes one. */
function argument(text: string): string {
  return `"${escaped(text).replaceAll('"', '\\(dq')}"`;
}

/** roff takes backslashes, a hyphen for a dash, and dots and apostrophes at the beginning of a line for itself. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('’', '\\(cq')
    .replace(/^([.'])/, '\\&$1');
}
