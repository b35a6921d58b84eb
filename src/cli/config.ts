import type { Command } from 'commander';
import { type AgentOptions, takesSettings } from './agent-options.js';
import { examplesOf } from './examples.js';
import { takesTimeout } from './inputs.js';
import { print } from './output.js';
import { note, sessionOf } from './session.js';
import type { OnceOptions } from './world.js';

/** `encap config`: the settings of a node, who said them, and where one begins. */
export function define(command: Command): void {
  command.helpCommand(false);
  examplesOf(command, [
    ['encap config show --origin', 'every setting in force here, and who said so'],
    ['encap config schema > node.schema.json', 'what an editor checks a NodeConfig with'],
    ['encap config init /etc/encap/node.yaml', 'one to begin with, for this machine'],
  ]);
  show(command);
  schema(command);
  init(command);
}

function show(parent: Command): void {
  const command = subcommand(parent, 'show', 'every setting of `encap run` with these options');
  takesTimeout(takesSettings(command)).option('--origin', 'who said each of them');
  examplesOf(command, [
    ['encap config show -c node.yaml --origin', 'file and line, variable, resource or default'],
    ['encap config show -f cluster.d --node node-a -o json', 'of another node, for a script'],
    ['encap config show --source kubernetes', 'with the FelixConfigurations of the cluster'],
  ]).action(async (options: AgentOptions & OnceOptions & { readonly origin?: boolean }) => {
    const session = sessionOf(command);
    const [{ settingsIn }, { settingsView }, { readWorld }] = await Promise.all([
      import('./config-settings.js'),
      import('./config-text.js'),
      import('./world.js'),
    ]);
    const settings = settingsIn(await readWorld(session, options), options, session.env);
    await print(session, settingsView(settings, options.origin === true));
  });
}

function schema(parent: Command): void {
  const command = subcommand(parent, 'schema', 'JSON Schema of a NodeConfig, for editors');
  examplesOf(command, [
    ['encap config schema > node.schema.json', '# yaml-language-server: $schema=node.schema.json'],
  ]).action(async () => {
    const { nodeConfigSchema } = await import('../model/json-schema.js');
    const document = nodeConfigSchema();
    const json = { ...sessionOf(command), format: 'json' } as const;
    const session = sessionOf(command);
    await print(session.format === 'yaml' ? session : json, { document, text: () => '' });
  });
}

function init(parent: Command): void {
  const command = subcommand(parent, 'init', 'a NodeConfig to begin with, made for this machine')
    .argument('[file]', 'where to write it (default: standard output)')
    .option('--force', 'write over a file that is there')
    .option('--node <name>', 'name of the node (default: this one)');
  examplesOf(command, [
    ['encap config init', 'look at it first'],
    ['sudo encap config init /etc/encap/node.yaml', 'then encap run -c /etc/encap/node.yaml'],
  ]).action(
    async (
      file: string | undefined,
      { force = false, node }: { readonly force?: boolean; readonly node?: string },
    ) => {
      const session = sessionOf(command);
      const { starter, writeStarter } = await import('./config-starter.js');
      const text = starter(node, session.env);
      if (file === undefined) {
        process.stdout.write(text);
        return;
      }
      writeStarter(file, text, force);
      note(session, `wrote ${file}; try it: encap run -c ${file} --dry-run`);
    },
  );
}

function subcommand(parent: Command, name: string, summary: string): Command {
  return parent.command(name).summary(summary).description(summary);
}
