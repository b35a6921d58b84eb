import { cacheFolder } from '../datapath/compile.js';
import { foldersOf } from '../datapath/folders.js';
import { effectiveSettings } from '../model/effective.js';
import {
  byDefault,
  byOption,
  byVariable,
  mapped,
  type Said,
  type Setting,
} from '../model/origin.js';
import { etcdWord } from '../sources/etcd/access.js';
import { saidKernelTunnels, type AgentOptions } from './agent-options.js';
import { saidNodeName } from './inputs.js';
import type { OpenDatastore, Place } from './source.js';
import { wordsOf } from './telemetry.js';
import type { Given } from './world.js';

/** Every setting of an agent with these options: command line and environment go before what the resources say. */
export function settingsIn(
  { world, place }: Pick<Given, 'world' | 'place'>,
  options: AgentOptions,
  env: NodeJS.ProcessEnv,
): readonly Setting[] {
  const { config, inConfig } = place;
  const configured = config?.node === undefined ? undefined : config.node;
  const nameOrigin = inConfig('node.name');
  const name = saidNodeName(
    options.node,
    env,
    configured === undefined || nameOrigin === undefined
      ? undefined
      : { value: configured, origin: nameOrigin },
  );
  const { metrics, perPeer, health, logLevel } = wordsOf(options, env);
  const iface = byOption('--iface', options.iface);
  const louder: Readonly<Record<string, Said<unknown> | undefined>> = {
    'node.interfaces': iface && mapped(iface, (one) => [one]),
    kernelTunnels: saidKernelTunnels(options, env),
    'metrics.listen': metrics,
    'metrics.perPeer': perPeer,
    'health.listen': health,
    'log.level': logLevel,
  };
  return [
    setting('node.name', name),
    setting(
      'datastore.type',
      mapped(place.datastore, ({ type }) => type),
    ),
    ...datastoreSettings(place, options, env),
    ...effectiveSettings(world).map((one) => ({ ...one, ...louder[one.name] })),
    setting('attach', chosen('--attach', options.attach)),
    setting('log.format', chosen('--log-format', options.logFormat)),
    setting('ENCAP_BPFFS', byVariable(env, 'ENCAP_BPFFS') ?? byDefault(foldersOf(env).pins)),
    setting('ENCAP_RUN_DIR', byVariable(env, 'ENCAP_RUN_DIR') ?? byDefault(foldersOf(env).run)),
    setting('ENCAP_CACHE_DIR', byVariable(env, 'ENCAP_CACHE_DIR') ?? byDefault(cacheFolder())),
  ];
}

function setting(name: string, said: Said<unknown>): Setting {
  return { name, ...said };
}

/** Commander's own default is the word that nobody has to write. */
function chosen(option: string, word: string): Said<string> {
  return word === 'auto'
    ? byDefault(word)
    : { value: word, origin: { from: 'option', name: option } };
}

function datastoreSettings(
  place: Place,
  options: AgentOptions,
  env: NodeJS.ProcessEnv,
): readonly Setting[] {
  const { value: datastore } = place.datastore;
  const said = (member: string): Said<unknown> | undefined => {
    const value: unknown = datastore[member as keyof OpenDatastore];
    const origin = place.inConfig(`datastore.${member}`);
    return value === undefined || origin === undefined ? undefined : { value, origin };
  };
  const named = (member: string, word: Said<unknown> | undefined): Setting =>
    setting(`datastore.${member}`, said(member) ?? word ?? byDefault(undefined));
  switch (datastore.type) {
    case 'file':
      return [setting('datastore.paths', pathsSaid(place, options, env))];
    case 'etcdv3': {
      const password = etcdWord('password', env);
      const endpoints = etcdWord('endpoints', env);
      return [
        named(
          'endpoints',
          endpoints && mapped(endpoints, (text) => text.split(',').map((one) => one.trim())),
        ),
        ...(['caFile', 'certFile', 'keyFile', 'user'] as const).map((member) =>
          named(member, etcdWord(member, env)),
        ),
        named('passwordFile', undefined),
        ...(password === undefined || said('passwordFile') !== undefined
          ? []
          : [
              setting(
                'datastore.password',
                mapped(password, () => hidden),
              ),
            ]),
      ];
    }
    case 'kubernetes':
      return [
        named('kubeconfig', byVariable(env, 'KUBECONFIG') ?? servicesAccount),
        named('context', undefined),
      ];
  }
}

/** What nobody should read over a shoulder, or in a ticket. */
const hidden = '(hidden)';

const servicesAccount: Said<string | undefined> = {
  value: undefined,
  origin: { from: 'machine', what: 'the service account of the pod' },
};

function pathsSaid(
  { paths, inConfig }: Place,
  { file, config }: AgentOptions,
  env: NodeJS.ProcessEnv,
): Said<readonly string[]> {
  if (file.length > 0) return { value: paths, origin: { from: 'option', name: '-f' } };
  const origin = inConfig('datastore.paths');
  if (origin !== undefined) return { value: paths, origin };
  if (config !== undefined) return { value: paths, origin: { from: 'option', name: '-c' } };
  const variable = byVariable(env, 'ENCAP_CONFIG');
  return variable === undefined ? byDefault(paths) : mapped(variable, () => paths);
}
