import { type Command, InvalidArgumentError, Option } from 'commander';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { EncapError } from '../errors.js';
import type { NodeName } from '../model/node.js';
import { byDefault, byOption, byVariable, type Said } from '../model/origin.js';

/** Where a command finds the resources, and whose view it takes. */
export interface InputOptions {
  readonly file: readonly string[];
  readonly recursive?: boolean;
  readonly config?: string;
  readonly source?: SourceName;
  readonly node?: string;
}

/** Datastores, as people say them. */
export const sourceNames = ['file', 'kubernetes', 'etcd'] as const;

export type SourceName = (typeof sourceNames)[number];

/** Where an agent's resources are, unless somebody says otherwise. */
export const usualFolder = '/etc/encap/cluster.d';

/** Gives a command the options -f (repeatable) and -R, -c and --source. */
export function takesResources(command: Command, flags = '-f, --file <path>'): Command {
  return takesDatastore(
    command
      .option(
        flags,
        `file, folder or - with Calico resources; may repeat (default: ENCAP_CONFIG, else ${usualFolder})`,
        (path: string, before: readonly string[]) => [...before, path],
        [],
      )
      .option('-R, --recursive', 'folders in folders too'),
  );
}

/** Gives a command the options -c and --source. */
export function takesDatastore(command: Command): Command {
  return command
    .option(
      '-c, --config <file>',
      "encap's own configuration (NodeConfig); may hold Calico resources too",
    )
    .addOption(
      new Option(
        '--source <datastore>',
        'where the resources are (default: as -c says, else DATASTORE_TYPE, else file)',
      ).choices(sourceNames),
    );
}

/** How long a command that reads once waits for a datastore, in milliseconds. */
export const usualTimeoutMs = 30_000;

/** Gives a command that reads once the option --timeout. */
export function takesTimeout(command: Command): Command {
  return command.option(
    '--timeout <seconds>',
    `how long to wait for a datastore (default: ${usualTimeoutMs / 1000})`,
    secondsFrom,
    usualTimeoutMs,
  );
}

function secondsFrom(text: string): number {
  const seconds = Number(text.replace(/s$/, ''));
  if (seconds > 0 && seconds <= 3600) return seconds * 1000;
  throw new InvalidArgumentError('It is no number of seconds: 1 to 3600.');
}

/** Gives a command the option --node. */
export function takesNode(command: Command): Command {
  return command.option('--node <name>', 'the node to take the view of (default: this one)');
}

/** The paths to read: those of -f, else ENCAP_CONFIG, else the usual folder where it exists. */
export function pathsOf(file: readonly string[], env: NodeJS.ProcessEnv): readonly string[] {
  if (file.length > 0) return file;
  const named = env.ENCAP_CONFIG?.split(':').filter((path) => path !== '') ?? [];
  if (named.length > 0) return named;
  if (existsSync(usualFolder)) return [usualFolder];
  throw new EncapError('cannot read resources: no file was named', {
    code: 'USAGE',
    why: `ENCAP_CONFIG is not set and there is no ${usualFolder}`,
    hint: 'name a file or folder: -f PATH (- is standard input)',
  });
}

/** The node's name as Calico finds it: the option, its variables, the configuration, else the host's in lower case. */
export function nodeNameOf(
  option: string | undefined,
  env: NodeJS.ProcessEnv,
  configured?: string,
): NodeName {
  return saidNodeName(option, env, byDefault(configured)).value;
}

/** The same, and who said it. */
export function saidNodeName(
  option: string | undefined,
  env: NodeJS.ProcessEnv,
  configured: Said<string | undefined> | undefined,
): Said<NodeName> {
  const said = [
    byOption('--node', option),
    byVariable(env, 'ENCAP_NODE', 'NODENAME', 'FELIX_FELIXHOSTNAME'),
    configured,
  ].find((one) => one?.value !== undefined && one.value !== '');
  const host = hostname().trim().toLowerCase();
  return {
    value: (said?.value ?? host) as NodeName,
    origin: said?.origin ?? { from: 'machine', what: 'its host name' },
  };
}
