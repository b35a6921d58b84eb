import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { EncapError } from '../../errors.js';
import type { Environment } from '../../model/environment.js';
import { openTrusted } from '../trusted.js';

/** Which cluster is meant, and who we are there. */
export interface ClusterChoice {
  /** A kubeconfig file; undefined: those of KUBECONFIG, else the service account of this pod. */
  readonly kubeconfig: string | undefined;
  /** undefined: the file's current context. */
  readonly context: string | undefined;
}

/** Where kubelet puts the credentials of a pod's service account. */
const tokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** The files of a choice; none: the pod's service account. */
export function kubeconfigsOf({ kubeconfig }: ClusterChoice, environment: Environment): string[] {
  if (kubeconfig !== undefined) return [kubeconfig];
  return (environment['KUBECONFIG'] ?? '').split(':').filter((file) => file !== '');
}

/** Reads the kubeconfig, or finds the pod's service account. No address is guessed where there is neither. */
export async function loadKubeconfig(
  choice: ClusterChoice,
  environment: Environment,
): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const files = kubeconfigsOf(choice, environment);
  if (files.length === 0) {
    if (!existsSync(tokenFile) || (environment['KUBERNETES_SERVICE_HOST'] ?? '') === '')
      throw nowhere();
    config.loadFromCluster();
    return config;
  }
  for (const [index, file] of files.entries()) {
    const text = await textOf(file);
    const one = index === 0 ? config : new KubeConfig();
    try {
      one.loadFromString(text);
      // Paths in it count from its folder.
      one.makePathsAbsolute(dirname(resolve(file)));
      if (one !== config) config.mergeConfig(one, true);
    } catch (cause) {
      throw unreadable(file, cause);
    }
  }
  const name = files.join(':');
  if (choice.context !== undefined) config.setCurrentContext(choice.context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw noCluster(name, config);
  // The client refuses to send credentials in clear, unless the file says that nobody checks certificates anyway.
  if (!cluster.server.startsWith('https:') && !cluster.skipTLSVerify)
    throw new EncapError(`cannot use kubeconfig ${name}: ${cluster.server} is no https: address`, {
      code: 'CONFIG_INVALID',
      why: 'credentials would travel in clear',
      hint: 'name the https: address; for a proxy on this machine set insecure-skip-tls-verify: true',
      place: { file: name },
    });
  return config;
}

function nowhere(): EncapError {
  return new EncapError('cannot read resources from Kubernetes: no cluster was named', {
    code: 'CONFIG_INVALID',
    why: `neither datastore.kubeconfig nor KUBECONFIG is set, and this is no pod with a service account (${tokenFile})`,
    hint: 'name a kubeconfig: KUBECONFIG=/etc/encap/kubeconfig',
  });
}

/** Whoever may write it says which cluster rules this node, and it may hold a key. */
async function textOf(file: string): Promise<string> {
  await using handle = await openTrusted({ path: file, noun: 'kubeconfig', kind: 'secret' });
  return await handle.readFile('utf8');
}

function unreadable(file: string, cause: unknown): EncapError {
  const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
  return new EncapError(`cannot read kubeconfig ${file}: ${String(why)}`, {
    code: 'CONFIG_INVALID',
    hint: `compare with: kubectl --kubeconfig ${file} config view`,
    place: { file },
    cause,
  });
}

function noCluster(file: string, config: KubeConfig): EncapError {
  // The type says nothing of a file without one.
  const current = config.getCurrentContext() as string | undefined;
  const contexts = config.getContexts().map(({ name }) => name);
  return new EncapError(
    current === undefined
      ? `cannot use kubeconfig ${file}: it has no current-context`
      : `cannot use kubeconfig ${file}: it has no context ${current} with a cluster`,
    {
      code: 'CONFIG_INVALID',
      why: `contexts: ${contexts.join(', ') || 'none'}`,
      hint: 'name one of them: datastore.context',
      place: { file },
    },
  );
}
