import { dirname, resolve } from 'node:path';
import { EncapError, placeText } from '../errors.js';
import type { Documents } from '../model/document.js';
import type { NodeName } from '../model/node.js';
import {
  byDefault,
  byOption,
  byVariable,
  mapped,
  type Origin,
  type Said,
} from '../model/origin.js';
import type { Problem } from '../model/problem.js';
import type { Datastore } from '../model/resources/datastore.js';
import type { NodeConfig } from '../model/resources/node-config.js';
import type { Source } from '../sources/source.js';
import { type InputOptions, pathsOf } from './inputs.js';

/** Where a command takes the resources from, and its own configuration. */
export interface Place {
  readonly config: NodeConfig | undefined;
  /** Where the configuration says something; undefined where it does not. */
  readonly inConfig: (member: string) => Origin | undefined;
  readonly datastore: Said<OpenDatastore>;
  /** Of a datastore of files: the configuration's file and all others, in reading order. */
  readonly paths: readonly string[];
  /** For the node whose settings are read. */
  readonly sourceFor: (node: NodeName, how?: How) => Promise<Source>;
}

/** keepsAll: readings have the resources themselves. Not of files: those can be read again. */
export interface How {
  readonly keepsAll?: boolean;
}

/** The datastore of the command line, else that of the configuration, else files that are named, else what the environment says. */
export async function placeOf(options: InputOptions, env: NodeJS.ProcessEnv): Promise<Place> {
  const { file: paths, config: file } = options;
  const { documents, config, inConfig } = file === undefined ? noFile : await configIn(file);
  const configured = config?.datastore && {
    value: config.datastore,
    origin: inConfig('datastore.type') ?? byDefault(undefined).origin,
  };
  const said = datastoreOf(options, configured, env);
  const datastore = said.value;
  const beside = { documents, file, env };
  const known = { config, inConfig, datastore: said };
  if (datastore.type !== 'file' && paths.length > 0)
    throw new EncapError(`cannot follow files and ${nouns[datastore.type]} at once`, {
      code: 'USAGE',
      why: `${said.origin.from === 'option' ? said.origin.name : String(file)} names ${nouns[datastore.type]} as the datastore, and -f files`,
      hint: 'leave out -f, or write datastore: {type: file}',
    });
  switch (datastore.type) {
    case 'etcdv3':
      return {
        ...known,
        paths: [],
        sourceFor: (node, how = {}) => etcdSourceFor(datastore, { ...beside, ...how, node }),
      };
    case 'kubernetes':
      return {
        ...known,
        paths: [],
        sourceFor: (node, how = {}) => kubernetesSourceFor(datastore, { ...beside, ...how, node }),
      };
    case 'file': {
      const named = datastore.paths?.map((path) => resolve(dirname(file ?? ''), path)) ?? [];
      const all = file === undefined ? pathsOf(paths, env) : [file, ...named, ...paths];
      return {
        ...known,
        paths: all,
        sourceFor: (node) => fileSourceFor(all, options, { ...beside, node }),
      };
    }
  }
}

const noFile = { documents: undefined, config: undefined, inConfig: () => undefined };

const nouns = { etcdv3: 'etcd', kubernetes: 'Kubernetes' } as const;

const types = { file: 'file', etcd: 'etcdv3', kubernetes: 'kubernetes' } as const;

/** With all left open that the environment says in other variables. */
type Open<Type extends Datastore['type']> = Partial<Extract<Datastore, { readonly type: Type }>> & {
  readonly type: Type;
};

export type OpenDatastore = Open<'file'> | Open<'etcdv3'> | Open<'kubernetes'>;

/** Calico's names for its datastore's type, those of calico/node and calicoctl, then Felix'. */
const datastoreTypes = ['DATASTORE_TYPE', 'CALICO_DATASTORE_TYPE', 'FELIX_DATASTORETYPE'];

function datastoreOf(
  { file: paths, source }: InputOptions,
  configured: Said<Datastore> | undefined,
  env: NodeJS.ProcessEnv,
): Said<OpenDatastore> {
  const asked = byOption('--source', source && types[source]);
  if (asked !== undefined && asked.value !== configured?.value.type)
    return mapped(asked, (type): OpenDatastore => ({ type }));
  if (configured !== undefined) return { ...configured, ...(asked && { origin: asked.origin }) };
  if (paths.length > 0) return { value: { type: 'file' }, origin: { from: 'option', name: '-f' } };
  const files = byVariable(env, 'ENCAP_CONFIG');
  if (files !== undefined) return mapped(files, (): OpenDatastore => ({ type: 'file' }));
  return datastoreIn(env) ?? byDefault({ type: 'file' });
}

/** What the environment says in Calico's words; undefined: nothing. */
export function datastoreIn(env: NodeJS.ProcessEnv): Said<OpenDatastore> | undefined {
  const said = byVariable(env, ...datastoreTypes);
  if (said === undefined) return undefined;
  const { value: type } = said;
  if (type === 'etcdv3' || type === 'kubernetes') return mapped(said, () => ({ type }));
  const name = said.origin.from === 'variable' ? said.origin.name : '';
  throw new EncapError(`cannot read the resources: ${name}=${type} is no datastore`, {
    code: 'CONFIG_INVALID',
    hint: 'set it to etcdv3 or kubernetes, or unset it and name files with -f',
  });
}

interface Beside extends How {
  readonly documents: Documents | undefined;
  /** Paths in the configuration count from its folder. */
  readonly file: string | undefined;
  readonly node: NodeName;
  readonly env: NodeJS.ProcessEnv;
}

async function fileSourceFor(
  paths: readonly string[],
  { recursive = false }: InputOptions,
  { node, env }: Beside,
): Promise<Source> {
  const { fileSource } = await import('../sources/file/watch.js');
  return fileSource({ paths, recursive, environment: env, node });
}

async function kubernetesSourceFor(
  { kubeconfig, context }: Open<'kubernetes'>,
  { documents, file, node, env, keepsAll = false }: Beside,
): Promise<Source> {
  const { kubernetesSource } = await import('../sources/kubernetes/source.js');
  return kubernetesSource({
    kubeconfig: kubeconfig && resolve(dirname(file ?? ''), kubeconfig),
    context,
    environment: env,
    node,
    keepsAll,
    ...(documents === undefined ? {} : { beside: documents }),
  });
}

async function etcdSourceFor(
  datastore: Open<'etcdv3'>,
  { documents, file, node, env, keepsAll = false }: Beside,
): Promise<Source> {
  const [{ etcdSource }, { accessOf }] = await Promise.all([
    import('../sources/etcd/source.js'),
    import('../sources/etcd/access.js'),
  ]);
  const from = (path: string | undefined): string | undefined =>
    path && resolve(dirname(file ?? ''), path);
  const { caFile, certFile, keyFile, passwordFile, ...rest } = datastore;
  const files = {
    caFile: from(caFile),
    certFile: from(certFile),
    keyFile: from(keyFile),
    passwordFile: from(passwordFile),
  };
  return etcdSource({
    access: accessOf({ ...rest, ...files }, env),
    environment: env,
    node,
    keepsAll,
    ...(documents === undefined ? {} : { beside: documents }),
  });
}

/** The configuration file, where there is one, is among the resources. */
async function configIn(file: string): Promise<{
  readonly documents: Documents;
  readonly config: NodeConfig;
  readonly inConfig: Place['inConfig'];
}> {
  const [{ readConfig }, { inventoryOf }, { inNodeConfig }] = await Promise.all([
    import('../sources/file/config.js'),
    import('../model/assemble.js'),
    import('../model/effective.js'),
  ]);
  const documents = await readConfig(file);
  const world = inventoryOf(documents);
  const { config, refused } = world;
  if (config === undefined) throw noConfig(file, refused);
  return { documents, config, inConfig: (member) => inNodeConfig(world, member) };
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
