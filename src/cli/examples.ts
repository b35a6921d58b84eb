import type { Command } from 'commander';

/** A command line and what it does. */
export type Example = readonly [line: string, meaning: string];

const told = new WeakMap<Command, readonly Example[]>();

/** Puts examples under a command's help. */
export function examplesOf(command: Command, examples: readonly Example[]): Command {
  told.set(command, examples);
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, meaning]) => `  ${line.padEnd(width)}   ${meaning}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** Those of a command's help. */
export function examplesIn(command: Command): readonly Example[] {
  return told.get(command) ?? [];
}
