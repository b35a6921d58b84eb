import { Option, type Command } from 'commander';
import { type Session, sessionOf, withJson } from './session.js';

export interface LabOptions {
  readonly name?: string;
  readonly json?: boolean;
}

/** A verb of `encap lab`, with the options that all of them have. */
export function verb(parent: Command, name: string, summary: string): Command {
  return parent
    .command(name)
    .summary(summary)
    .description(summary)
    .option('--name <name>', 'which lab, where several are up')
    .addOption(new Option('--json', 'as -o json'));
}

/** The session of a verb of `encap lab`. */
export function labSession(command: Command): Session {
  return withJson(sessionOf(command), command.opts<LabOptions>());
}
