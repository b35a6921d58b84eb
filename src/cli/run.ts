import { Option, type Command } from 'commander';
import { spareMemory } from '../agent/memory.js';
import type { AttachKind } from '../datapath/attach.js';
import { logLevels } from '../model/log-level.js';
import type { Source } from '../sources/source.js';
import { changesView } from './changes.js';
import { examplesOf } from './examples.js';
import { nodeNameOf, takesNode, takesResources } from './inputs.js';
import { logFormats, openLog, saidLogLevel, type LogOptions } from './log.js';
import { print } from './output.js';
import { sessionOf } from './session.js';
import { originOf, type OriginOptions } from './source.js';
import { takesListeners, telemetryOf, type LookedAtOptions } from './telemetry.js';

interface RunOptions extends OriginOptions, LookedAtOptions {
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
    [
      'sudo encap run -c /etc/encap/node.yaml',
      'with a configuration of this node: files, etcd or Kubernetes',
    ],
    ['sudo encap run -f cluster.d --metrics --health', 'to be looked at on 127.0.0.1:9475'],
  ]).action(async (options: RunOptions) => {
    spareMemory();
    const session = sessionOf(command);
    const { config, sourceFor } = await originOf(options, session.env);
    const said = saidLogLevel(options.logLevel, session.env);
    const [{ runAgent }, { foldersOf }, log] = await Promise.all([
      import('../agent/run.js'),
      import('../datapath/folders.js'),
      openLog({ level: said ?? config?.log.level ?? 'info', format: options.logFormat }),
    ]);
    const node = nodeNameOf(options.node, session.env, config?.node);
    const ended = new AbortController();
    endOnSignals(ended);
    const stays = options.once !== true && options.dryRun !== true;
    const changes = await runAgent({
      source: {
        name: (await sourceFor(node)).name,
        // Begun anew, it reads the configuration anew, which says where to read.
        inventories: (signal) =>
          begun(async () => (await originOf(options, session.env)).sourceFor(node), signal),
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

/** The first signal ends the agent in order, which is no failure: exit code 0. A second one ends the process at once. */
function endOnSignals(ended: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
}
