import { Option, type Command } from 'commander';
import type { AttachKind } from '../datapath/attach.js';
import { kernelTunnelsVariable } from '../model/kernel-tunnels.js';
import { logLevels } from '../model/log-level.js';
import { byOption, byVariable, type Said } from '../model/origin.js';
import { type InputOptions, takesNode, takesResources } from './inputs.js';
import { logFormats, type LogOptions } from './log.js';
import { type LookedAtOptions, takesListeners } from './telemetry.js';

/** What becomes of Calico's own tunnel devices, on a command line. */
export interface TunnelOptions {
  readonly replaceKernelTunnels?: boolean;
  readonly coexist?: boolean;
}

/** What an agent is told on its command line. */
export interface AgentOptions extends InputOptions, LookedAtOptions, TunnelOptions {
  readonly iface?: string;
  readonly attach: AttachKind | 'auto';
  readonly logFormat: LogOptions['format'];
}

/** Gives a command every option that is a setting of an agent: `run` has them, and `config show` shows them. */
export function takesSettings(command: Command): Command {
  takesListeners(takesNode(takesResources(command))).option(
    '--iface <name>',
    'underlay interface (default: the one with the node’s address)',
  );
  return takesKernelTunnels(command)
    .addOption(
      new Option('--attach <how>', 'TCX, or clsact for kernels before 6.6')
        .choices(['auto', 'tcx', 'clsact'])
        .default('auto'),
    )
    .addOption(
      new Option('--log-level <level>', 'how much to log (default: info)').choices(logLevels),
    )
    .addOption(
      new Option('--log-format <format>', 'auto: pretty on a terminal')
        .choices(logFormats)
        .default('auto'),
    );
}

/** Gives a command the options that say what becomes of Calico's own tunnel devices. */
export function takesKernelTunnels(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--replace-kernel-tunnels',
        'carry what vxlan.calico, vxlan-v6.calico and tunl0 would',
      ).conflicts('coexist'),
    )
    .option('--coexist', 'leave to them what their routes lead to');
}

/** What the command line and the environment say of Calico's own tunnel devices; undefined: nothing. */
export function saidKernelTunnels(
  { replaceKernelTunnels, coexist }: TunnelOptions,
  env: NodeJS.ProcessEnv,
): Said<string> | undefined {
  return (
    byOption('--replace-kernel-tunnels', replaceKernelTunnels === true ? 'replace' : undefined) ??
    byOption('--coexist', coexist === true ? 'coexist' : undefined) ??
    byVariable(env, kernelTunnelsVariable)
  );
}

/** The environment as the resources are read with: options say in it what variables could have said. */
export function environmentOf(options: TunnelOptions, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const said = saidKernelTunnels(options, env);
  return said === undefined ? env : { ...env, [kernelTunnelsVariable]: said.value };
}
