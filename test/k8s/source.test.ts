import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { freePort, KubeCluster, type Sent } from '../support/kube-cluster.js';
import { block, node, pool, quick, Reader } from '../support/kube-reader.js';

const rbac = 'deploy/base/rbac.yaml';

let cluster: KubeCluster;
let kubeconfig: string;

test.before('a cluster with Calico’s kinds, and a service account', async () => {
  cluster = await KubeCluster.open();
  await cluster.defineCalico('crd.projectcalico.org', 'v1');
  const account = { apiVersion: 'v1', kind: 'ServiceAccount' };
  await cluster.create({ ...account, metadata: { name: 'encapd', namespace: 'kube-system' } });
  kubeconfig = cluster.kubeconfig(await cluster.tokenOf('kube-system', 'encapd'));
});

test.after.always('the end of the cluster', async () => {
  await cluster[Symbol.asyncDispose]();
});

const small: readonly Sent[] = [
  node('a', 1),
  node('b', 2),
  pool('p', '10.1.0.0/16'),
  block(0, 'a'),
  block(1, 'b'),
];
const smallWorld = 'p a b 10.1.0.0/26@a 10.1.0.64/26@b';

test.serial(
  'without our RBAC: the verb, the resource and the manifest are named; with it, it goes on',
  async (t) => {
    for (const one of small) await cluster.create(one);
    await using reader = new Reader({ kubeconfig, timing: quick });
    await reader.until(() => reader.faults.length > 0);
    t.regex(
      reader.faults[0] ?? '',
      /^the Kubernetes API at https:\S+ forbids to list nodes: 403: nodes is forbidden: User "system:serviceaccount:kube-system:encapd" cannot list/,
    );
    t.is(
      reader.now.faults?.[0]?.hint,
      `give this user the verb list on nodes: kubectl apply -f ${rbac}`,
    );
    // The account is there already.
    await cluster.delete({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'encapd', namespace: 'kube-system' },
    });
    await cluster.apply(rbac);
    kubeconfig = cluster.kubeconfig(await cluster.tokenOf('kube-system', 'encapd'));
    await using second = new Reader({ kubeconfig, timing: quick });
    await second.until(() => second.world === smallWorld);
    t.deepEqual(second.faults, []);
    t.deepEqual(second.now.problems, []);
  },
);

test.serial('a server that does not prove who it is gets no token', async (t) => {
  await using reader = new Reader({
    kubeconfig: cluster.kubeconfig('admin', false),
    timing: quick,
  });
  await reader.until(() => reader.faults.length > 0);
  t.regex(
    reader.faults[0] ?? '',
    /does not prove who it is: (?:SELF_SIGNED|DEPTH_ZERO|UNABLE_TO)\w+: /,
  );
  t.is(reader.world, 'none');
});

test.serial('our RBAC lets nobody write, nor read anything else', async (t) => {
  const token = await cluster.tokenOf('kube-system', 'encapd');
  const ask = async (method: string, path: string, body?: unknown): Promise<number> =>
    (await cluster.call(method, path, { token, ...(body === undefined ? {} : { body }) })).status;
  t.is(await ask('GET', '/api/v1/nodes'), 200);
  for (const path of [
    '/api/v1/secrets',
    '/api/v1/pods',
    '/api/v1/namespaces/kube-system/configmaps',
    '/api/v1/nodes/a',
  ])
    t.is(await ask('GET', path), 403, path);
  t.is(await ask('POST', '/apis/crd.projectcalico.org/v1/ippools', pool('q', '10.2.0.0/16')), 403);
  t.is(await ask('DELETE', '/apis/crd.projectcalico.org/v1/ipamblocks/10-1-0-0-26'), 403);
  t.is(await ask('DELETE', '/api/v1/nodes/a'), 403);
});

test.serial('what is created, changed and deleted is heard of', async (t) => {
  await using reader = new Reader({ kubeconfig, timing: quick });
  await reader.until(() => reader.world === smallWorld);
  await sleep(300); // until the watches are open: it is their time that is measured
  const took: number[] = [];
  const measured = async (act: () => Promise<void>, what: () => boolean): Promise<void> => {
    const began = performance.now();
    const acted = act();
    while (!what()) {
      await sleep(1);
      if (performance.now() - began > 10_000) throw new Error(`not heard of: ${reader.world}`);
    }
    took.push(performance.now() - began);
    await acted;
  };
  const third = block(2, 'a');
  await measured(
    () => cluster.create(third),
    () => reader.world.includes('10.1.0.128/26@a'),
  );
  await measured(
    () => cluster.patch(third, { spec: { affinity: 'host:b' } }),
    () => reader.world.includes('10.1.0.128/26@b'),
  );
  await measured(
    () => cluster.delete(third),
    () => reader.world === smallWorld,
  );
  const late = node('c', 3);
  await measured(
    () => cluster.create(late),
    () => reader.world.includes('a b c'),
  );
  await measured(
    () => cluster.delete(late),
    () => reader.world === smallWorld,
  );
  t.log(`from the request to the reading: ${took.map((ms) => ms.toFixed(1)).join(', ')} ms`);
  t.is(reader.now.faults?.length, 0);
});

test.serial('watches that end in time are taken up, and there is nothing to tell', async (t) => {
  await using reader = new Reader({ kubeconfig, timing: { ...quick, watchMs: 500 } });
  await reader.until(() => reader.world === smallWorld);
  const readings = reader.readings.length;
  await sleep(3000);
  t.is(reader.readings.length, readings);
  await cluster.create(block(2, 'b'));
  await reader.until(() => reader.world.includes('10.1.0.128/26@b'));
  await cluster.delete(block(2, 'b'));
  await reader.until(() => reader.world === smallWorld);
});

test.serial('an API server that is killed and started again', async (t) => {
  await using reader = new Reader({ kubeconfig, timing: quick });
  await reader.until(() => reader.world === smallWorld);
  await cluster.kill();
  await reader.until(() => reader.faults.length > 0);
  t.is(reader.world, smallWorld);
  await cluster.serve();
  await reader.until(() => reader.faults.length === 0);
  await cluster.create(block(2, 'b'));
  await reader.until(() => reader.world.includes('10.1.0.128/26@b'));
  await cluster.delete(block(2, 'b'));
  await reader.until(() => reader.world === smallWorld);
  t.true(reader.readings.every(({ inventory }) => [...(inventory?.blocks ?? [])].length >= 2));
});

test.serial(
  'an API server that was away while the world changed: 410, and the whole list',
  async (t) => {
    await using reader = new Reader({ kubeconfig, timing: quick });
    await reader.until(() => reader.world === smallWorld);
    const port = await freePort();
    const other = await cluster.another(port);
    await cluster.kill();
    await reader.until(() => reader.faults.length > 0);
    await cluster.create(block(2, 'a'), { port });
    await cluster.delete(block(1, 'b'), { port });
    await cluster.serve();
    await reader.until(() => reader.world === 'p a b 10.1.0.0/26@a 10.1.0.128/26@a');
    await reader.until(() => reader.faults.length === 0);
    other.kill('SIGKILL');
    await cluster.create(block(1, 'b'));
    await cluster.delete(block(2, 'a'));
    await reader.until(() => reader.world === smallWorld);
    t.pass();
  },
);

test.serial('an API server that stands still is missed', async (t) => {
  const timing = { ...quick, openMs: 1000, silenceMs: 300, signMs: 500 };
  await using reader = new Reader({ kubeconfig, timing });
  await reader.until(() => reader.world === smallWorld);
  cluster.signal('SIGSTOP');
  const began = performance.now();
  await reader.until(() => reader.faults.length > 0);
  t.true(performance.now() - began < 3000);
  t.regex(reader.faults[0] ?? '', /does not answer within/);
  cluster.signal('SIGCONT');
  await reader.until(() => reader.faults.length === 0);
  await cluster.create(block(2, 'b'));
  await reader.until(() => reader.world.includes('10.1.0.128/26@b'));
  await cluster.delete(block(2, 'b'));
});

test.serial('a list of several pages', async (t) => {
  const count = 2300;
  const numbers = Array.from({ length: count }, (_, index) => index + 4);
  for (let at = 0; at < count; at += 50)
    await Promise.all(numbers.slice(at, at + 50).map((one) => cluster.create(block(one, 'b'))));
  await using reader = new Reader({ kubeconfig, timing: quick });
  await reader.until(() => reader.now.inventory !== undefined);
  t.is([...(reader.now.inventory?.blocks ?? [])].length, count + 2);
  // All of them go at once: one request, and 2300 events.
  const answer = await cluster.call('DELETE', '/apis/crd.projectcalico.org/v1/ipamblocks');
  t.is(answer.status, 200);
  await reader.until(() => reader.world === 'p a b', 60_000);
  for (const one of small.slice(3)) await cluster.create(one);
  await reader.until(() => reader.world === smallWorld);
});

test.serial('Calico’s new group, where the old one is not served', async (t) => {
  const timing = { ...quick, silenceMs: 100, discoveryMs: 500 };
  await using reader = new Reader({ kubeconfig, timing, holdMs: 500 });
  await reader.until(() => reader.world === smallWorld);
  await cluster.defineCalico('projectcalico.org', 'v3');
  await cluster.undefineCalico('crd.projectcalico.org', 'v1');
  for (const one of small.slice(2))
    await cluster.create({ ...one, apiVersion: 'projectcalico.org/v3' });
  const c = { ...block(2, 'b'), apiVersion: 'projectcalico.org/v3' };
  await cluster.create(c);
  await reader.until(() => reader.world.includes('10.1.0.128/26@b'), 30_000);
  t.is(reader.world, `p a b 10.1.0.0/26@a 10.1.0.128/26@b 10.1.0.64/26@b`);
});
