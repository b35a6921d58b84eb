import { Option, type Command } from 'commander';
import { dirname, resolve } from 'node:path';
import { spareMemory } from '../agent/memory.js';
import type { AttachKind } from '../datapath/attach.js';
import { EncapError, placeText } from '../errors.js';
import type { Problem } from '../model/problem.js';
import { logLevels } from '../model/log-level.js';
import type { NodeConfig } from '../model/resources/node-config.js';
import type { Source } from '../sources/source.js';
import { changesView } from './changes.js';
import { examplesOf } from './examples.js';
import { type InputOptions, nodeNameOf, pathsOf, takesNode, takesResources } from './inputs.js';
import { logFormats, openLog, saidLogLevel, type LogOptions } from './log.js';
import { print } from './output.js';
import { sessionOf } from './session.js';
import { takesListeners, telemetryOf, type LookedAtOptions } from './telemetry.js';

interface RunOptions extends InputOptions, LookedAtOptions {
  readonly config?: string;
  readonly iface?: string;
  readonly once?: boolean;
  readonly dryRun?: boolean;
  readonly attach: AttachKind | 'auto';
  readonly logFormat: LogOptions['format'];
}

/** `encap run`: the agent. It may end at any time, the datapath stays. */
export function define(command: Command): void {
  takesListeners(
    takesNode(
      takesResources(
        command.option(
          '-c, --config <file>',
          "encap's own configuration (NodeConfig); may hold Calico resources too",
        ),
      ),
    ),
  )
    .option('--iface <name>', 'underlay interface (default: the one with the node’s address)')
    .option('--once', 'bring the kernel in step once, then end; the datapath stays')
    .option('--dry-run', 'print what would be changed, change nothing')
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
  examplesOf(command, [
    ['sudo encap run -f cluster.d', 'follow the files; end with Ctrl-C, traffic goes on'],
    ['sudo encap run -f cluster.d --dry-run', 'what would it change?'],
    ['sudo encap run -f cluster.d --once', 'without an agent that stays'],
    ['sudo encap run -c /etc/encap/node.yaml', 'with a configuration of this node'],
    ['sudo encap run -f cluster.d --metrics --health', 'to be looked at on 127.0.0.1:9475'],
  ]).action(async (options: RunOptions) => {
    spareMemory();
    const session = sessionOf(command);
    const { config, paths } = await inputs(options, session.env);
    const said = saidLogLevel(options.logLevel, session.env);
    const [{ runAgent }, { fileSource }, { foldersOf }, log] = await Promise.all([
      import('../agent/run.js'),
      import('../sources/file/watch.js'),
      import('../datapath/folders.js'),
      openLog({ level: said ?? config?.log.level ?? 'info', format: options.logFormat }),
    ]);
    const node = nodeNameOf(options.node, session.env, config?.node);
    const ended = new AbortController();
    endOnSignals(ended);
    const stays = options.once !== true && options.dryRun !== true;
    const changes = await runAgent({
      source: {
        name: fileSource({ paths }).name,
        // Begun anew, it reads the configuration anew, which names its files.
        inventories: (signal) =>
          begun(async () => {
            const now = await inputs(options, session.env);
            const recursive = options.recursive === true;
            return fileSource({ paths: now.paths, recursive, environment: session.env, node });
          }, signal),
      },
      node,
      interface: options.iface,
      attach: options.attach,
      once: options.once === true,
      dryRun: options.dryRun === true,
      folders: foldersOf(session.env),
      log: log.logger,
      signal: ended.signal,
      telemetry: await telemetryOf(options, session.env, { config, log }),
    }).finally(() => stays && log.destination.end());
    if (stays) return;
    await print(session, changesView(node, changes, options.dryRun === true));
  });
}

async function* begun(
  source: () => Promise<Source>,
  signal: AbortSignal,
): ReturnType<Source['inventories']> {
  yield* (await source()).inventories(signal);
}

/** The configuration file, where there is one, is among the resources; paths in it count from its folder. */
async function inputs(
  { config: file, file: paths }: RunOptions,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly config: NodeConfig | undefined; readonly paths: readonly string[] }> {
  if (file === undefined) return { config: undefined, paths: pathsOf(paths, env) };
  const [{ readConfig }, { inventoryOf }] = await Promise.all([
    import('../sources/file/config.js'),
    import('../model/assemble.js'),
  ]);
  const documents = await readConfig(file);
  const { config, refused } = inventoryOf(documents);
  if (config === undefined) throw noConfig(file, refused);
  const named = config.paths?.map((path) => resolve(dirname(file), path)) ?? [];
  return { config, paths: [file, ...named, ...paths] };
}

/** Settings that were meant and not understood must not be the defaults. */
function noConfig(file: string, refused: readonly Problem[]): EncapError {
  return new EncapError(`cannot read configuration ${file}: it has no valid NodeConfig`, {
    code: 'CONFIG_INVALID',
    why:
      refused
        .map((problem) => `${placeText(problem)} ${problem.path}: ${problem.message}`)
        .join('\n') || 'no document in it is of kind NodeConfig',
    hint: refused.length > 0 ? `encap validate ${file}` : 'see encap help config',
    place: { file },
  });
}

/** The first signal ends the agent in order, which is no failure: exit code 0. A second one ends the process at once. */
function endOnSignals(ended: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
}
