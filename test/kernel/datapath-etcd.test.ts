import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import test from 'ava';
import { etcdKeyOf, etcdValueOf, type Manifest } from '../sources/store.js';
import { Etcd, etcdProgram } from '../support/etcd.js';
import { clusterOf } from '../support/network/cluster.js';
import { Network, obstacle } from '../support/network/network.js';

const cannot = obstacle() ?? (etcdProgram() === undefined ? 'no etcd on this machine' : undefined);

interface Status {
  readonly verdict: string;
  readonly faults: readonly { readonly short: string; readonly message: string }[];
}

test.serial(
  'etcd is killed: traffic goes on, status says so, and what happened meanwhile is caught up',
  async (t) => {
    if (cannot !== undefined) {
      t.log(`skipped: ${cannot}`);
      t.pass();
      return;
    }
    await using network = new Network();
    const etcd = await Etcd.start(t, { namespace: network.space('a') });
    const cluster = clusterOf('ipv4', { vxlanMode: 'Always' }) as readonly Manifest[];
    for (const one of cluster) await etcd.put(etcdKeyOf(one), etcdValueOf(one));
    const config = join(network.scratch, 'node.yaml');
    const datastore = `datastore: {type: etcdv3, endpoints: ["${etcd.endpoint}"]}`;
    writeFileSync(config, `apiVersion: encap/v1\nkind: NodeConfig\n${datastore}\n`, {
      mode: 0o600,
    });
    const agent = await network.command('a', [], {}, ['-c', config]);
    await network.command('b');
    const status = (): Status => JSON.parse(network.encap('a', 'status', '-o', 'json')) as Status;
    t.is(status().verdict, 'OK');

    const flow = network.flow();
    await sleep(300);
    await etcd.kill();
    await agent.until('degraded');
    const { verdict, faults } = status();
    t.is(verdict, 'DEGRADED');
    t.deepEqual(
      faults.map(({ short }) => short),
      ['etcd not reached'],
    );
    t.is(network.exitCode('a', 'status'), 7);

    await etcd.start();
    const another: Manifest = {
      apiVersion: 'crd.projectcalico.org/v1',
      kind: 'IPAMBlock',
      metadata: { name: '10-244-7-0-26' },
      spec: { cidr: '10.244.7.0/26', affinity: 'host:node-b' },
    };
    await etcd.put(etcdKeyOf(another), etcdValueOf(another));
    const over = await agent.until('no longer degraded', { timeoutMs: 60_000 });
    t.true(Number(over['lastedMs']) > 0);
    const deadline = performance.now() + 10_000;
    while (!network.encap('a', 'map', 'dump', 'blocks').includes('10.244.7.0/26'))
      if (performance.now() > deadline) throw new Error('the new block did not come');
    t.is(status().verdict, 'OK');
    const { sent, received } = await flow.stop();
    t.true(sent > 100);
    t.is(received, sent);
  },
);
