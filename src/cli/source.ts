import { dirname, resolve } from 'node:path';
import { EncapError, placeText } from '../errors.js';
import type { Documents } from '../model/document.js';
import type { NodeName } from '../model/node.js';
import type { Problem } from '../model/problem.js';
import type { Datastore } from '../model/resources/datastore.js';
import type { NodeConfig } from '../model/resources/node-config.js';
import type { Source } from '../sources/source.js';
import { type InputOptions, pathsOf } from './inputs.js';

/** Where `run` takes the resources from, and its own configuration. */
export interface Origin {
  readonly config: NodeConfig | undefined;
  /** For the node whose settings are read. */
  readonly sourceFor: (node: NodeName) => Promise<Source>;
}

export interface OriginOptions extends InputOptions {
  readonly config?: string;
}

/** The datastore that the configuration names, else the files of the command line, else what the environment says. */
export async function originOf(options: OriginOptions, env: NodeJS.ProcessEnv): Promise<Origin> {
  const { file: paths, config: file } = options;
  const { documents, config } = file === undefined ? {} : await configIn(file);
  const datastore = config?.datastore ?? datastoreIn(env, paths);
  const beside = { documents, file, env };
  if (datastore.type !== 'file' && paths.length > 0)
    throw new EncapError(`cannot follow files and ${nouns[datastore.type]} at once`, {
      code: 'USAGE',
      why: `${String(file)} names ${nouns[datastore.type]} as the datastore, and -f files`,
      hint: 'leave out -f, or write datastore: {type: file}',
    });
  switch (datastore.type) {
    case 'etcdv3':
      return { config, sourceFor: (node) => etcdSourceFor(datastore, { ...beside, node }) };
    case 'kubernetes':
      return { config, sourceFor: (node) => kubernetesSourceFor(datastore, { ...beside, node }) };
    case 'file': {
      const named = datastore.paths?.map((path) => resolve(dirname(file ?? ''), path)) ?? [];
      const all = file === undefined ? pathsOf(paths, env) : [file, ...named, ...paths];
      return { config, sourceFor: (node) => fileSourceFor(all, options, { ...beside, node }) };
    }
  }
}

const nouns = { etcdv3: 'etcd', kubernetes: 'Kubernetes' } as const;

/** With all left open that the environment says in other variables. */
type Open<Type extends Datastore['type']> = Partial<Extract<Datastore, { readonly type: Type }>> & {
  readonly type: Type;
};

/** Calico's names for its datastore's type, those of calico/node and calicoctl, then Felix'. */
const datastoreTypes = ['DATASTORE_TYPE', 'CALICO_DATASTORE_TYPE', 'FELIX_DATASTORETYPE'];

function datastoreIn(
  env: NodeJS.ProcessEnv,
  paths: readonly string[],
): Open<'file'> | Open<'etcdv3'> | Open<'kubernetes'> {
  if (paths.length > 0 || (env.ENCAP_CONFIG ?? '') !== '') return { type: 'file' };
  const name = datastoreTypes.find((one) => (env[one] ?? '') !== '');
  if (name === undefined) return { type: 'file' };
  const type = env[name];
  if (type === 'etcdv3' || type === 'kubernetes') return { type };
  throw new EncapError(`cannot read the resources: ${name}=${String(type)} is no datastore`, {
    code: 'CONFIG_INVALID',
    hint: 'set it to etcdv3 or kubernetes, or unset it and name files with -f',
  });
}

interface Beside {
  readonly documents: Documents | undefined;
  /** Paths in the configuration count from its folder. */
  readonly file: string | undefined;
  readonly node: NodeName;
  readonly env: NodeJS.ProcessEnv;
}

async function fileSourceFor(
  paths: readonly string[],
  { recursive = false }: OriginOptions,
  { node, env }: Beside,
): Promise<Source> {
  const { fileSource } = await import('../sources/file/watch.js');
  return fileSource({ paths, recursive, environment: env, node });
}

async function kubernetesSourceFor(
  { kubeconfig, context }: Open<'kubernetes'>,
  { documents, file, node, env }: Beside,
): Promise<Source> {
  const { kubernetesSource } = await import('../sources/kubernetes/source.js');
  return kubernetesSource({
    kubeconfig: kubeconfig && resolve(dirname(file ?? ''), kubeconfig),
    context,
    environment: env,
    node,
    ...(documents === undefined ? {} : { beside: documents }),
  });
}

async function etcdSourceFor(
  datastore: Open<'etcdv3'>,
  { documents, file, node, env }: Beside,
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
    ...(documents === undefined ? {} : { beside: documents }),
  });
}

/** The configuration file, where there is one, is among the resources. */
async function configIn(
  file: string,
): Promise<{ readonly documents: Documents; readonly config: NodeConfig }> {
  const [{ readConfig }, { inventoryOf }] = await Promise.all([
    import('../sources/file/config.js'),
    import('../model/assemble.js'),
  ]);
  const documents = await readConfig(file);
  const { config, refused } = inventoryOf(documents);
  if (config === undefined) throw noConfig(file, refused);
  return { documents, config };
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
