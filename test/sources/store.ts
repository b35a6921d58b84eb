import type { ExecutionContext } from 'ava';
import type { Documents } from '../../src/model/document.js';
import type { Source } from '../../src/sources/source.js';
import { Etcd, etcdProgram } from '../support/etcd.js';
import { etcdSource } from '../../src/sources/etcd/source.js';

/** A resource as a manifest has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A datastore of a test's own. */
export interface Store {
  put(manifest: Manifest): Promise<void>;
  remove(manifest: Manifest): Promise<void>;
  /** What reads it; beside what is no datastore's, a NodeConfig. */
  source(beside: Documents, node: string): Source;
}

/** A kind of datastore. */
export interface StoreKind {
  readonly name: string;
  /** Folders of examples/ with clusters as this datastore keeps them. */
  readonly worlds: readonly string[];
  /** What this machine lacks for it. */
  readonly lacks: () => string | undefined;
  readonly open: (t: ExecutionContext) => Promise<Store>;
}

export const etcdKind: StoreKind = {
  name: 'etcd',
  worlds: ['two', 'crosssubnet', 'ipip', 'mixed', 'dual-stack', 'beyond-calico'],
  lacks: () => (etcdProgram() === undefined ? 'no etcd on this machine' : undefined),
  open: etcdStore,
};

async function etcdStore(t: ExecutionContext): Promise<Store> {
  const etcd = await Etcd.start(t);
  return {
    put: (manifest) => etcd.put(etcdKeyOf(manifest), etcdValueOf(manifest)),
    remove: (manifest) => etcd.remove(etcdKeyOf(manifest)),
    source: (beside, node) =>
      etcdSource({ access: { endpoints: [etcd.endpoint] }, beside, environment: {}, node }),
  };
}

/** Where Calico keeps what in etcd (libcalico-go/lib/backend/model). */
export function etcdKeyOf({ kind, metadata: { name }, spec }: Manifest): string {
  if (kind !== 'IPAMBlock')
    return `/calico/resources/v3/projectcalico.org/${kind.toLowerCase()}s/${name}`;
  const cidr = String(spec?.['cidr']);
  const family = cidr.includes(':') ? 'ipv6' : 'ipv4';
  return `/calico/ipam/v2/assignment/${family}/block/${cidr.replace('/', '-')}`;
}

/** What it is there. */
export function etcdValueOf(manifest: Manifest): object {
  return manifest.kind === 'IPAMBlock' ? { hostAffinity: null, ...manifest.spec } : manifest;
}
