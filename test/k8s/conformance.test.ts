import test, { type ExecutionContext } from 'ava';
import { kubernetesSource } from '../../src/sources/kubernetes/source.js';
import { conforms } from '../sources/conformance.js';
import type { Manifest, Store } from '../sources/store.js';
import { asKept } from '../support/kept.js';
import { KubeCluster, type Sent } from '../support/kube-cluster.js';

let cluster: KubeCluster;

test.before('a cluster with Calico’s kinds', async () => {
  cluster = await KubeCluster.open();
  await cluster.defineCalico('crd.projectcalico.org', 'v1');
});

test.after.always('the end of the cluster', async () => {
  await cluster[Symbol.asyncDispose]();
});

conforms({
  name: 'Kubernetes',
  worlds: ['two', 'crosssubnet', 'ipip', 'mixed', 'dual-stack', 'beyond-calico', 'kubernetes'],
  lacks: () => undefined,
  open,
});

/** Of the cluster that all tests have: what a test put there goes with it. */
function open(t: ExecutionContext): Promise<Store> {
  const there = new Map<string, Sent>();
  t.teardown(async () => {
    for (const one of there.values()) await cluster.delete(one);
  });
  const keyOf = ({ kind, metadata: { name } }: Manifest): string => `${kind}/${name}`;
  return Promise.resolve({
    put: async (manifest) => {
      if (manifest.kind === 'BlockAffinity') return; // it is not defined, for nobody reads it
      const object = asKept(manifest);
      there.set(keyOf(manifest), object);
      await cluster.put(object);
    },
    remove: async (manifest) => {
      there.delete(keyOf(manifest));
      await cluster.delete(asKept(manifest));
    },
    source: (beside, node) => {
      const kubeconfig = cluster.kubeconfig('admin');
      return kubernetesSource({ kubeconfig, context: undefined, beside, environment: {}, node });
    },
  });
}
