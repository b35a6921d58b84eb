import type { Command, Option } from 'commander';

/** One command of the tree, as a shell sees it. */
export interface Branch {
  /** `encap lab up`. */
  readonly path: string;
  /** Commands below it, and words that its first argument may be. */
  readonly words: readonly Word[];
  /** Its own and those of all commands. */
  readonly flags: readonly Flag[];
}

export interface Word {
  readonly name: string;
  readonly meaning: string;
}

export interface Flag {
  readonly short: string | undefined;
  readonly long: string | undefined;
  readonly meaning: string;
  readonly takesValue: boolean;
  /** What the value may be; empty: anything. */
  readonly choices: readonly string[];
}

/** A command and all below it, parents first; what has not been loaded is not below it. */
export function branchesOf(command: Command, above = ''): readonly Branch[] {
  const path = `${above}${command.name()}`;
  const help = Object.assign(command.createHelp(), { showGlobalOptions: true });
  const below = help.visibleCommands(command);
  const [first] = command.registeredArguments;
  return [
    {
      path,
      words: [
        ...below.map((one) => ({ name: one.name(), meaning: one.summary() })),
        ...(first?.argChoices ?? []).map((name) => ({ name, meaning: first?.description ?? '' })),
      ],
      flags: [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)].map(flagOf),
    },
    ...below.flatMap((one) => branchesOf(one, `${path} `)),
  ];
}

function flagOf({ short, long, description, required, optional, argChoices }: Option): Flag {
  return {
    short,
    long,
    meaning: description,
    takesValue: required || optional,
    choices: argChoices ?? [],
  };
}

/** `-o` and `--output`. */
export function spellings({ short, long }: Flag): readonly string[] {
  return [short, long].filter((one) => one !== undefined);
}
