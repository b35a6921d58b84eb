import type { Command } from 'commander';
import { spareMemory } from '../agent/memory.js';
import type { Source } from '../sources/source.js';
import { changesView } from './changes.js';
import { examplesOf } from './examples.js';
import { type AgentOptions, environmentOf, takesSettings } from './agent-options.js';
import { nodeNameOf } from './inputs.js';
import { openLog, saidLogLevel } from './log.js';
import { print } from './output.js';
import { sessionOf } from './session.js';
import { placeOf } from './source.js';
import { telemetryOf } from './telemetry.js';

interface RunOptions extends AgentOptions {
  readonly once?: boolean;
  readonly dryRun?: boolean;
  readonly compile?: boolean;
}

/** `encap run`: the agent. It may end at any time, the datapath stays. */
export function define(command: Command): void {
  takesSettings(command)
    .option('--once', 'bring the kernel in step once, then end; the datapath stays')
    .option('--dry-run', 'print what would be changed, change nothing')
    .option('--compile', 'compile bpf/ with this machine’s clang: not the shipped object');
  examplesOf(command, [
    ['sudo encap run -f cluster.d', 'follow the files; end with Ctrl-C, traffic goes on'],
    ['sudo encap run -f cluster.d --dry-run', 'what would it change?'],
    ['sudo encap run -f cluster.d --once', 'without an agent that stays'],
    [
      'sudo encap run -c /etc/encap/node.yaml',
      'with a configuration of this node: files, etcd or Kubernetes',
    ],
    ['sudo encap run --source kubernetes', 'KUBECONFIG, or the service account of a pod'],
    [
      'sudo encap run -f cluster.d --replace-kernel-tunnels',
      'take over from Calico’s own tunnel devices, without a lost packet',
    ],
    ['sudo encap run -f cluster.d --metrics --health', 'to be looked at on 127.0.0.1:9475'],
  ]).action(async (options: RunOptions) => {
    spareMemory();
    const session = sessionOf(command);
    const env = environmentOf(options, session.env);
    const { config, sourceFor } = await placeOf(options, env);
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
          begun(async () => (await placeOf(options, env)).sourceFor(node), signal),
      },
      node,
      interface: options.iface,
      attach: options.attach,
      compile: options.compile === true,
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
