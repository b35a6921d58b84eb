import { Option, type Command } from 'commander';
import type { Said, TelemetryOptions } from '../agent/telemetry/telemetry.js';
import { EncapError } from '../errors.js';
import { byOption, byVariable, mapped, type Said as Word } from '../model/origin.js';
import type { NodeConfig } from '../model/resources/node-config.js';
import { readSocketAddress, type SocketAddress } from '../net/socket-address.js';
import { logLevelWord, type Log, type LogOptions } from './log.js';
import { ownVersion } from './version.js';

/** How an agent is to be looked at, as the command line says it; true: the option without an address. */
export interface LookedAtOptions {
  readonly metrics?: string | true;
  readonly health?: string | true;
  /** Commander's own default is true. */
  readonly metricsPerPeer: boolean;
  readonly logLevel?: LogOptions['level'];
}

/** Felix has 9091 and 9099, and may run on the same node. */
const usual = '127.0.0.1:9475' as SocketAddress;

/** Gives a command the options --metrics, --health and --no-metrics-per-peer. */
export function takesListeners(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--metrics [address:port]',
        `serve Prometheus metrics; off: not (there: ${usual})`,
      ),
    )
    .addOption(
      new Option(
        '--health [address:port]',
        `serve /healthz and /readyz; off: not (there: ${usual})`,
      ),
    )
    .option('--no-metrics-per-peer', 'one sum for all nodes, for clusters of many');
}

/** Of the command line, else of the environment; what nobody says is the configuration's to say. */
export async function telemetryOf(
  options: LookedAtOptions,
  env: NodeJS.ProcessEnv,
  { config, log }: { readonly config: NodeConfig | undefined; readonly log: Log },
): Promise<TelemetryOptions> {
  return {
    said: saidOf(options, env),
    configured: config,
    version: await ownVersion(),
    environment: env,
    droppedLines: () => log.destination.dropped,
  };
}

export function saidOf(options: LookedAtOptions, env: NodeJS.ProcessEnv): Said {
  const { metrics, perPeer, health, logLevel } = wordsOf(options, env);
  return {
    metrics: metrics?.value,
    perPeer: perPeer?.value,
    health: health?.value,
    logLevel: logLevel?.value,
  };
}

/** The same, and who said it. */
export function wordsOf(
  { metrics, metricsPerPeer, health, logLevel }: LookedAtOptions,
  env: NodeJS.ProcessEnv,
): { readonly [Member in keyof Said]: Word<NonNullable<Said[Member]>> | undefined } {
  const perPeer = byVariable(env, 'ENCAP_METRICS_PER_PEER');
  return {
    metrics: where('--metrics', metrics) ?? where('ENCAP_METRICS', env.ENCAP_METRICS),
    perPeer: metricsPerPeer
      ? perPeer && mapped(perPeer, truth)
      : byOption('--no-metrics-per-peer', false),
    health: where('--health', health) ?? where('ENCAP_HEALTH', env.ENCAP_HEALTH),
    logLevel: logLevelWord(logLevel, env),
  };
}

function where(
  who: string,
  text: string | true | undefined,
): Word<SocketAddress | 'off'> | undefined {
  const origin = { from: who.startsWith('-') ? 'option' : 'variable', name: who } as const;
  if (text === true) return { value: usual, origin };
  if (text === undefined || text === '') return undefined;
  const value = text === 'off' ? text : readSocketAddress(text);
  if (value !== undefined) return { value, origin };
  throw new EncapError(`cannot listen where ${who} says: ${text} is no ADDRESS:PORT`, {
    code: 'USAGE',
    hint: `write an IP address and a port: ${usual}, [::1]:9475; or off`,
  });
}

function truth(text: string): boolean {
  const word = text.toLowerCase();
  if (['true', '1', 'yes'].includes(word)) return true;
  if (['false', '0', 'no'].includes(word)) return false;
  throw new EncapError(`cannot read ENCAP_METRICS_PER_PEER: ${text} is neither true nor false`, {
    code: 'USAGE',
    hint: 'set it to true or false',
  });
}
