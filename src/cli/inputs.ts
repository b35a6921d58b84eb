import type { Command } from 'commander';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { EncapError } from '../errors.js';
import type { NodeName } from '../model/node.js';

/** Where a command finds the resources, and whose view it takes. */
export interface InputOptions {
  readonly file: readonly string[];
  readonly recursive?: boolean;
  readonly node?: string;
}

/** Where an agent's resources are, unless somebody says otherwise. */
const usualFolder = '/etc/encap/cluster.d';

/** Gives a command the options -f (repeatable) and -R. */
export function takesResources(command: Command, flags = '-f, --file <path>'): Command {
  return command
    .option(
      flags,
      `file, folder or - with Calico resources; may repeat (default: ENCAP_CONFIG, else ${usualFolder})`,
      (path: string, before: readonly string[]) => [...before, path],
      [],
    )
    .option('-R, --recursive', 'folders in folders too');
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
  const named = [option, env.ENCAP_NODE, env.NODENAME, env.FELIX_FELIXHOSTNAME, configured].find(
    (name) => name !== undefined && name !== '',
  );
  return (named ?? hostname().trim().toLowerCase()) as NodeName;
}
