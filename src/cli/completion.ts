import { Argument, type Command } from 'commander';
import { branchesOf } from './command-tree.js';
import { completionScript, shells, type Shell } from './completion-script.js';
import { examplesOf } from './examples.js';
import { print } from './output.js';
import { sessionOf } from './session.js';

/** `encap completion`: the script that makes a shell know every command and option. */
export function define(command: Command): void {
  command.addArgument(new Argument('<shell>', 'whose Tab key').choices(shells));
  examplesOf(command, [
    ['source <(encap completion bash)', 'in this shell'],
    ['encap completion bash > /etc/bash_completion.d/encap', 'in every new one'],
    ["encap completion zsh > '/usr/local/share/zsh/site-functions/_encap'", 'of zsh'],
    ['encap completion fish > ~/.config/fish/completions/encap.fish', 'of fish'],
  ]).action(async (shell: Shell) => {
    const session = sessionOf(command);
    const { commandLine, verbs } = await import('./program.js');
    const branches = branchesOf(await commandLine(verbs.map(({ name }) => name)));
    await print(session, {
      document: { apiVersion: 'encap/v1', kind: 'CommandTree', items: branches },
      names: () => branches.map(({ path }) => path),
      text: () => completionScript(shell, branches),
    });
  });
}
