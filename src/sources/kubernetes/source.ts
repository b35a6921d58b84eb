import type { Documents } from '../../model/document.js';
import type { Environment } from '../../model/environment.js';
import { Feed } from '../feed.js';
import { Ledger } from '../ledger.js';
import type { Reading, Source } from '../source.js';
import { Api } from './api.js';
import { Ending } from './ending.js';
import { follow } from './follow.js';
import { placeOf } from './kinds.js';
import { type ClusterChoice, kubeconfigsOf, loadKubeconfig } from './kubeconfig.js';
import { defaultTiming, type Timing } from './timing.js';

export interface KubernetesSourceOptions extends ClusterChoice {
  readonly environment: Environment;
  /** For whom settings are read. */
  readonly node: string | undefined;
  /** This node's own configuration, which is not in the cluster. */
  readonly beside?: Documents;
  /** How long a list is held back that lacks most of what was there, in milliseconds. */
  readonly holdMs?: number;
  readonly timing?: Partial<Timing>;
  /** Readings have the resources themselves. */
  readonly keepsAll?: boolean;
}

/** Calico's resources where Kubernetes is its datastore; of a cluster without Calico the nodes and their podCIDRs. */
export function kubernetesSource(options: KubernetesSourceOptions): Source {
  const files = kubeconfigsOf(options, options.environment);
  return {
    name: files.length === 0 ? 'Kubernetes' : `Kubernetes (${files.join(':')})`,
    inventories: (signal) => readings(options, signal),
  };
}

async function* readings(
  {
    environment,
    node,
    beside,
    holdMs,
    timing,
    keepsAll = false,
    ...choice
  }: KubernetesSourceOptions,
  signal: AbortSignal,
): AsyncGenerator<Reading> {
  const config = await loadKubeconfig(choice, environment);
  const ledger = new Ledger({
    place: placeOf,
    environment,
    node,
    keepsAll,
    ...(beside === undefined ? {} : { beside }),
    ...(holdMs === undefined ? {} : { holdMs }),
  });
  const feed = new Feed(ledger);
  const times = { ...defaultTiming, ...timing };
  using ended = new Ending([signal]);
  const following = follow(
    { api: new Api(config, times), ledger, feed, timing: times },
    ended.signal,
  );
  // Its failure is the readings' to throw.
  const told = following.catch((failure: unknown) => feed.fail(failure));
  try {
    yield* feed.readings(signal);
  } finally {
    ended.end();
    await told;
  }
}
