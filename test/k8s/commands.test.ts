import test, { type ExecutionContext } from 'ava';
import { isNotReached, readsOnce, type Told } from '../sources/commands.js';
import { manifestsIn } from '../sources/conformance.js';
import { asKept } from '../support/kept.js';
import { KubeCluster } from '../support/kube-cluster.js';

let cluster: KubeCluster;

test.before('a cluster with examples/crosssubnet', async () => {
  cluster = await KubeCluster.open();
  await cluster.defineCalico('crd.projectcalico.org', 'v1');
  for (const one of manifestsIn('crosssubnet')) await cluster.put(asKept(one));
});

test.after.always('the end of the cluster', async () => {
  await cluster[Symbol.asyncDispose]();
});

function told(): Told {
  return {
    words: ['--source', 'kubernetes'],
    env: { KUBECONFIG: cluster.kubeconfig('admin') },
    place: /^kubernetes:ippools\/misspelt {2}error/m,
    put: (one) => cluster.put(asKept(one)),
    remove: (one) => cluster.delete(asKept(one)),
  };
}

readsOnce('Kubernetes', () => Promise.resolve(told()));

isNotReached('Kubernetes', async (t: ExecutionContext, how) => {
  if (how === 'silent') {
    cluster.signal('SIGSTOP');
    t.teardown(() => cluster.signal('SIGCONT'));
  } else await cluster.kill();
  return told();
});
