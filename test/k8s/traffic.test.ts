import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { clusterOf } from '../support/network/cluster.js';
import { type Agent, Network, obstacle } from '../support/network/network.js';
import type { Manifest } from '../sources/store.js';
import { asKept } from '../support/kept.js';
import { freePort, KubeCluster, type Sent } from '../support/kube-cluster.js';
import { relay } from '../support/relay.js';
import { within } from '../support/slowness.js';
import { watch } from '../support/traffic.js';

const cannot = obstacle();

let cluster: KubeCluster;
let kubeconfig: string;

/** Two nodes with a block each, and twelve more blocks of node-b. */
const objects: readonly Sent[] = [
  ...(clusterOf('ipv4', { vxlanMode: 'Always' }) as readonly Manifest[]).map(asKept),
  ...Array.from({ length: 12 }, (_, index) => blockOf(index + 20)),
];
const pool = objects.find(({ kind }) => kind === 'IPPool') as Sent;

function blockOf(third: number): Sent {
  return {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'IPAMBlock',
    metadata: { name: `10-244-${third}-0-26` },
    spec: { cidr: `10.244.${third}.0/26`, affinity: 'host:node-b' },
  };
}

test.before('a cluster with Calico’s kinds, two nodes, and the RBAC of our manifest', async () => {
  if (cannot !== undefined) return;
  cluster = await KubeCluster.open();
  await cluster.defineCalico('crd.projectcalico.org', 'v1');
  await cluster.apply('deploy/base/rbac.yaml');
  for (const one of objects) await cluster.put(one);
  // Not the administrator's: the agents have what the service account may do, and no more.
  kubeconfig = cluster.kubeconfig(await cluster.tokenOf('kube-system', 'encapd'));
});

test.after.always('the end of the cluster', async () => {
  if (cannot === undefined) await cluster[Symbol.asyncDispose]();
});

interface Nodes extends AsyncDisposable {
  readonly network: Network;
  readonly agents: readonly Agent[];
}

/** `encap run` on both nodes, as a DaemonSet would have it. */
async function nodesOf(t: ExecutionContext): Promise<Nodes> {
  const network = new Network();
  const config = join(network.scratch, 'node.yaml');
  const datastore = `datastore: {type: kubernetes, kubeconfig: ${kubeconfig}}`;
  writeFileSync(config, `apiVersion: encap/v1\nkind: NodeConfig\n${datastore}\n`, { mode: 0o600 });
  const port = Number(new URL(cluster.server).port);
  const agents: Agent[] = [];
  for (const node of ['a', 'b'] as const) {
    await relay(t, { namespace: network.space(node), port, folder: network.scratch });
    agents.push(await network.command(node, [], {}, ['-c', config]));
  }
  return { network, agents, [Symbol.asyncDispose]: () => network[Symbol.asyncDispose]() };
}

interface Status {
  readonly verdict: string;
  readonly faults: readonly { readonly short: string; readonly message: string }[];
}

function statusOf(network: Network): Status {
  return JSON.parse(network.encap('a', 'status', '-o', 'json')) as Status;
}

async function until(what: string, is: () => boolean): Promise<void> {
  const end = performance.now() + within(30_000);
  while (!is()) {
    if (performance.now() > end) throw new Error(`never so: ${what}`);
    await sleep(100);
  }
}

const blocksOf = (network: Network): string => network.encap('a', 'map', 'dump', 'blocks');

function withCluster(
  title: string,
  body: (t: ExecutionContext, nodes: Nodes) => Promise<void>,
): void {
  test.serial(title, async (t) => {
    if (cannot !== undefined) {
      t.log(`skipped: ${cannot}`);
      t.pass();
      return;
    }
    await using nodes = await nodesOf(t);
    await body(t, nodes);
  });
}

withCluster(
  'encap run from Kubernetes with our ClusterRole: a pool changes its mode through the API under traffic, and no packet is lost',
  async (t, { network }) => {
    t.is(statusOf(network).verdict, 'OK');
    const flow = network.flow();
    const seen = await watch(network.space('a'), 'eth0', 'udp port 4789 or ip proto 4');
    await sleep(1000);
    await cluster.patch(pool, { spec: { vxlanMode: 'Never', ipipMode: 'Always' } });
    const switched = (): boolean =>
      /ipip +ipip/.test(network.encap('a', 'map', 'dump', 'policies'));
    await until('IPIP at node-a', switched);
    await sleep(2500); // the far node too, and a while after
    const { sent, received } = await flow.stop();
    const packets = await seen();
    await cluster.patch(pool, { spec: { vxlanMode: 'Always', ipipMode: 'Never' } });
    t.true(packets.some((line) => line.includes('4789')));
    t.true(packets.some((line) => /10\.244\.1\.5 > 10\.244\.2\.5/.test(line)));
    t.regex(packets.at(-1) ?? '', /IP 192\.168\.77\.\d > 192\.168\.77\.\d: IP 10\.244\./);
    t.true(sent > 500);
    t.is(received, sent);
  },
);

withCluster(
  'F33 the API server is killed under traffic: 0 lost, status says so, and what happened meanwhile is caught up',
  async (t, { network, agents: [agent] }) => {
    const flow = network.flow();
    await sleep(300);
    const port = await freePort();
    const other = await cluster.another(port);
    await cluster.kill();
    await agent?.until('degraded');
    t.deepEqual(
      statusOf(network).faults.map(({ short }) => short),
      ['Kubernetes not reached'],
    );
    t.is(network.exitCode('a', 'status'), 7);
    const late = blockOf(99);
    await cluster.create(late, { port });
    await cluster.serve();
    other.kill('SIGKILL');
    await until('the block that came meanwhile', () =>
      blocksOf(network).includes('10.244.99.0/26'),
    );
    await until('OK again', () => statusOf(network).verdict === 'OK');
    const { sent, received } = await flow.stop();
    await cluster.delete(late);
    t.true(sent > 500);
    t.is(received, sent);
  },
);

withCluster(
  'F34 a list that is empty after a failover is held: traffic goes on with 0 lost, and nothing is held once all is back',
  async (t, { network, agents: [agent] }) => {
    const before = blocksOf(network);
    const flow = network.flow();
    await sleep(300);
    const port = await freePort();
    const other = await cluster.another(port);
    await cluster.kill();
    await agent?.until('degraded');
    for (const one of objects) await cluster.delete(one, { port });
    await cluster.serve();
    await until('a list is held', () =>
      statusOf(network).faults.some(({ short }) => short === 'a list held back'),
    );
    t.regex(
      statusOf(network).faults[0]?.message ?? '',
      /new list lacks .*: the last world stays in force/,
    );
    t.is(blocksOf(network), before);
    for (const one of objects) await cluster.put(one);
    other.kill('SIGKILL');
    await until('OK again', () => statusOf(network).verdict === 'OK');
    await until('all blocks again', () => blocksOf(network) === before);
    const { sent, received } = await flow.stop();
    t.true(sent > 500);
    t.is(received, sent);
  },
);
