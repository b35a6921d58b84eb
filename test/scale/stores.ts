import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { etcdKeyOf, etcdValueOf, type Manifest } from '../sources/store.js';
import { Etcd } from '../support/etcd.js';
import { asKept } from '../support/kept.js';
import { KubeCluster } from '../support/kube-cluster.js';
import { cpuMs } from './process.js';

/** A datastore that is empty at first. */
export interface Store {
  /** Words of `encap run`. */
  readonly words: readonly string[];
  /** Ends when the datastore has them. */
  readonly put: (manifests: readonly Manifest[]) => Promise<void>;
  /** CPU time of the datastore's own processes so far, in milliseconds; undefined: it has none. */
  readonly cpuMs?: () => number;
}

/** Each opens a datastore; what it needs of files goes into a folder. */
export const stores: Readonly<Record<string, (folder: string) => Promise<Store>>> = {
  file: inFiles,
  etcd: inEtcd,
  kubernetes: inKubernetes,
};

/** etcd takes so many keys in one transaction, and so many transactions are on their way at a time. */
const atOnce = { keys: 100, transactions: 1 };
/** An API server writes each object by itself: those of one revision would be lost to a watch that is cut among them. */
const oneByOne = { keys: 1, transactions: 50 };

/** Lists of JSON: what is put together is a file, which replaces the one that had the same first resource. */
function inFiles(scratch: string): Promise<Store> {
  const folder = join(scratch, 'cluster.d');
  mkdirSync(folder);
  const draft = join(folder, '.draft');
  return Promise.resolve({
    words: ['-f', folder],
    put: (items) => {
      const [first] = items;
      const name = `${String(first?.kind)}-${String(first?.metadata.name)}.json`;
      writeFileSync(draft, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
      renameSync(draft, join(folder, name));
      return Promise.resolve();
    },
  });
}

async function inEtcd(scratch: string): Promise<Store> {
  const etcd = await Etcd.start(untidy);
  return {
    words: configured(scratch, `{type: etcdv3, endpoints: ["${etcd.endpoint}"]}`),
    cpuMs: () => cpuMs(etcd.pid),
    put: (manifests) =>
      putAll(
        etcd.endpoint,
        manifests.map((one) => [etcdKeyOf(one), etcdValueOf(one)]),
        atOnce,
      ),
  };
}

/** What the API server keeps in its etcd is written there: it is our side that is measured, not how it takes requests. */
async function inKubernetes(scratch: string): Promise<Store> {
  const cluster = await KubeCluster.open();
  await cluster.defineCalico('crd.projectcalico.org', 'v1');
  await cluster.apply('deploy/base/rbac.yaml');
  const kubeconfig = cluster.kubeconfig(await cluster.tokenOf('kube-system', 'encapd'));
  const uids = new Map<string, string>();
  const keptOf = (manifest: Manifest): readonly [string, object] => {
    const one = asKept(manifest);
    const kind = one.kind.toLowerCase();
    const folder = one.kind === 'Node' ? 'minions' : `crd.projectcalico.org/${kind}s`;
    const key = `/registry/${folder}/${one.metadata.name}`;
    const uid = uids.get(key) ?? `u-${uids.size}`;
    uids.set(key, uid);
    const created = { creationTimestamp: '2026-01-01T00:00:00Z', uid };
    return [key, { ...one, metadata: { ...one.metadata, ...created } }];
  };
  return {
    words: configured(scratch, `{type: kubernetes, kubeconfig: ${kubeconfig}}`),
    cpuMs: () => cpuMs(cluster.pid),
    put: (manifests) => putAll(cluster.etcd, manifests.map(keptOf), oneByOne),
  };
}

/** Nothing has to be taken away one by one: all of it goes with its namespaces. */
const untidy = { teardown: () => undefined } as unknown as ExecutionContext;

function configured(folder: string, datastore: string): readonly string[] {
  const file = join(folder, 'node.yaml');
  const text = `apiVersion: encap/v1\nkind: NodeConfig\ndatastore: ${datastore}\n`;
  writeFileSync(file, text, { mode: 0o600 });
  return ['-c', file];
}

async function putAll(
  endpoint: string,
  pairs: readonly (readonly [key: string, value: object])[],
  { keys, transactions }: typeof atOnce,
): Promise<void> {
  const all = Array.from({ length: Math.ceil(pairs.length / keys) }, (_, place) =>
    pairs.slice(place * keys, (place + 1) * keys),
  );
  for (let first = 0; first < all.length; first += transactions)
    await Promise.all(all.slice(first, first + transactions).map((some) => put(endpoint, some)));
}

async function put(
  endpoint: string,
  pairs: readonly (readonly [key: string, value: object])[],
): Promise<void> {
  const coded = (text: string): string => Buffer.from(text).toString('base64');
  const success = pairs.map(([key, value]) => ({
    requestPut: { key: coded(key), value: coded(JSON.stringify(value)) },
  }));
  const answer = await fetch(`${endpoint}/v3/kv/txn`, {
    method: 'POST',
    body: JSON.stringify({ success }),
  });
  if (!answer.ok) throw new Error(`etcd: ${await answer.text()}`);
  await answer.arrayBuffer();
}
