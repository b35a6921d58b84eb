import { dirname, resolve } from 'node:path';
import { EncapError, placeText } from '../errors.js';
import type { Documents } from '../model/document.js';
import type { NodeName } from '../model/node.js';
import type { Problem } from '../model/problem.js';
import type { Datastore, EtcdDatastore } from '../model/resources/datastore.js';
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
  const etcd = await etcdOf(config?.datastore, paths, env);
  if (etcd !== undefined) {
    if (paths.length > 0)
      throw new EncapError('cannot follow files and etcd at once', {
        code: 'USAGE',
        why: `${String(file)} names etcd as the datastore, and -f files`,
        hint: 'leave out -f, or write datastore: {type: file}',
      });
    return { config, sourceFor: (node) => etcdSourceFor(etcd, { documents, file, node, env }) };
  }
  const named = config?.datastore?.type === 'file' ? (config.datastore.paths ?? []) : [];
  const all =
    file === undefined
      ? pathsOf(paths, env)
      : [file, ...named.map((path) => resolve(dirname(file), path)), ...paths];
  return {
    config,
    sourceFor: async (node) => {
      const { fileSource } = await import('../sources/file/watch.js');
      const recursive = options.recursive === true;
      return fileSource({ paths: all, recursive, environment: env, node });
    },
  };
}

/** undefined: it is not etcd that is meant. */
async function etcdOf(
  datastore: Datastore | undefined,
  paths: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Partial<EtcdDatastore> | undefined> {
  if (datastore !== undefined) return datastore.type === 'etcdv3' ? datastore : undefined;
  if (paths.length > 0 || (env.ENCAP_CONFIG ?? '') !== '') return undefined;
  const { isEtcdIn } = await import('../sources/etcd/access.js');
  return isEtcdIn(env) ? {} : undefined;
}

interface Beside {
  readonly documents: Documents | undefined;
  /** Paths in the configuration count from its folder. */
  readonly file: string | undefined;
  readonly node: NodeName;
  readonly env: NodeJS.ProcessEnv;
}

async function etcdSourceFor(
  datastore: Partial<EtcdDatastore>,
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
