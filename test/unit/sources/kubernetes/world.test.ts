import test from 'ava';
import { KubeServer, type KubeObject } from '../../../support/kube-server.js';
import { block, node, pool, quick, Reader, type Test } from '../../../support/kube-reader.js';

async function serving(t: Test, objects: readonly KubeObject[]): Promise<KubeServer> {
  const server = await KubeServer.open();
  t.teardown(() => server[Symbol.asyncDispose]());
  for (const one of objects) server.put(one);
  return server;
}

function reading(t: Test, server: KubeServer, more: object = {}): Reader {
  const reader = new Reader({ kubeconfig: server.kubeconfig(t), timing: quick, ...more });
  t.teardown(() => reader[Symbol.asyncDispose]());
  return reader;
}

const small = [node('a', 1), node('b', 2), pool('p', '10.1.0.0/16'), block(0, 'a'), block(1, 'b')];
const smallWorld = 'p a b 10.1.0.0/26@a 10.1.0.64/26@b';

test('an empty list after a failover is held back, and counts when it stays so', async (t) => {
  const server = await serving(t, small);
  for (let number = 2; number < 20; number += 1) server.put(block(number, 'b'));
  const reader = reading(t, server, { holdMs: 700 });
  await reader.until(() => server.watchesOf('ipamblocks') === 1);
  const { world } = reader;
  server.compact();
  for (let number = 0; number < 20; number += 1)
    server.remove('IPAMBlock', block(number, '').metadata.name);
  server.compact();
  await reader.until(() => reader.faults.some((one) => one.includes('lacks 20 of 20 blocks')));
  t.is(reader.world, world);
  await reader.until(() => reader.world === 'p a b');
  t.deepEqual(reader.faults, []);
});

test('F35 objects that make no sense are refused by name, and all others count', async (t) => {
  const server = await serving(t, small);
  const bad = (kind: string, name: string, rest: object): KubeObject => ({
    apiVersion: 'crd.projectcalico.org/v1',
    kind,
    metadata: { name },
    ...rest,
  });
  server.put(bad('IPPool', 'null-spec', { spec: null }));
  server.put(bad('IPPool', 'text-spec', { spec: 'text' }));
  server.put(bad('IPPool', 'no-cidr', { spec: { cidr: 7, vxlanMode: ['Always'] } }));
  server.put(bad('IPAMBlock', 'no-spec', {}));
  server.put(bad('IPAMBlock', '10-1-9-0-26', { spec: { cidr: '10.1.9.0/26', affinity: {} } }));
  server.put(bad('FelixConfiguration', 'default', { spec: { vxlanVNI: 2 ** 24 } }));
  server.put({ ...bad('IPAMBlock', 'huge', { spec: { cidr: 'x'.repeat(1_000_000) } }) });
  server.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'odd', annotations: 'none' } });
  const reader = reading(t, server);
  await reader.until(() => reader.now.inventory !== undefined);
  t.is(reader.world, smallWorld.replace('b 10', 'b odd 10'));
  const named = new Set(
    reader.now.problems.filter(({ severity }) => severity === 'error').map(({ file }) => file),
  );
  for (const key of [
    'ippools/null-spec',
    'ippools/text-spec',
    'ippools/no-cidr',
    'ipamblocks/no-spec',
    'ipamblocks/10-1-9-0-26',
    'ipamblocks/huge',
    'felixconfigurations/default',
  ])
    t.true(named.has(`kubernetes:${key}`), `${key} in ${[...named].join(' ')}`);

  // One that was good stays in force as it was, and counts again when it is good again.
  await reader.until(
    () => server.watchesOf('ippools') === 1 && server.watchesOf('ipamblocks') === 1,
  );
  server.put({ ...pool('p', '10.1.0.0/16'), spec: null });
  server.put(block(2, 'b'));
  await reader.until(() => reader.world.includes('10.1.0.128/26@b'));
  await reader.until(() => reader.problems.some((one) => one.startsWith('kubernetes:ippools/p ')));
  t.true(reader.world.startsWith('p '));
  server.put(pool('p', '10.1.0.0/16', { vxlanMode: 'CrossSubnet' }));
  await reader.until(
    () => reader.now.inventory?.pools.some(({ mode }) => mode.when === 'cross-subnet') === true,
  );
});

test('objects without names, in a list and in a watch', async (t) => {
  const server = await serving(t, small);
  server.script = ({ plural, isWatch, response }) => {
    if (plural !== 'ippools' || isWatch) return false;
    const items = [null, 'text', {}, { metadata: null }, pool('p', '10.1.0.0/16')];
    response.end(JSON.stringify({ metadata: { resourceVersion: String(server.version) }, items }));
    return true;
  };
  const reader = reading(t, server);
  await reader.until(() => reader.now.inventory !== undefined);
  t.is(reader.world, smallWorld);
  t.is(reader.problems.filter((one) => one.includes('it has no metadata.name')).length, 4);
  await reader.until(() => server.watchesOf('nodes') === 1);
  server.say('nodes', { type: 'MODIFIED', object: null });
  server.put(node('c', 3));
  await reader.until(() => reader.world.includes('a b c'));
  t.true(reader.problems.some((one) => one.startsWith('kubernetes:nodes/nameless')));
});

test('a heartbeat of a node is no news', async (t) => {
  const server = await serving(t, small);
  const reader = reading(t, server);
  await reader.until(() => server.watchesOf('nodes') === 1);
  const told = reader.readings.length;
  for (let beat = 0; beat < 20; beat += 1)
    server.put(
      node('b', 2, {
        status: { conditions: [{ type: 'Ready', lastHeartbeatTime: String(beat) }] },
      }),
    );
  server.put(node('c', 3));
  await reader.until(() => reader.world.includes('a b c'));
  t.is(reader.readings.length, told + 1);
});

test('where both of Calico’s groups are served, the one that stores is read', async (t) => {
  const all = ['ippools', 'ipamblocks', 'felixconfigurations'];
  const server = await serving(t, small);
  server.served = { 'projectcalico.org/v3': all, 'crd.projectcalico.org/v1': all };
  const paths: string[] = [];
  server.script = ({ path }) => paths.push(path) < 0;
  await using first = new Reader({ kubeconfig: server.kubeconfig(t), timing: quick });
  await first.until(() => first.now.inventory !== undefined);
  t.true(paths.includes('/apis/crd.projectcalico.org/v1/ippools'));
  t.false(paths.some((path) => path.startsWith('/apis/projectcalico.org')));

  server.served = { 'projectcalico.org/v3': all };
  for (const one of small.slice(2)) server.put({ ...one, apiVersion: 'projectcalico.org/v3' });
  await using second = new Reader({ kubeconfig: server.kubeconfig(t), timing: quick });
  await second.until(() => second.now.inventory !== undefined);
  t.true(paths.includes('/apis/projectcalico.org/v3/ipamblocks'));
  t.is(second.world, smallWorld);
});

test('a group that lacks a kind is no world', async (t) => {
  const server = await serving(t, small);
  server.served = { 'crd.projectcalico.org/v1': ['ippools', 'felixconfigurations'] };
  const reader = reading(t, server, { timing: { ...quick, discoveryMs: 0, silenceMs: 20 } });
  await reader.until(() => reader.faults.length > 0);
  t.is(reader.world, 'none');
  t.regex(
    reader.faults[0] ?? '',
    /ipamblocks\.crd\.projectcalico\.org: .*are Calico's CRDs installed\?/,
  );
});

test('without Calico the nodes’ podCIDRs are the blocks; Calico is noticed when it comes', async (t) => {
  const flannel = (name: string, octet: number): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: { podCIDR: `10.244.${octet}.0/24`, podCIDRs: [`10.244.${octet}.0/24`] },
    status: { addresses: [{ type: 'InternalIP', address: `172.16.0.${octet}` }] },
  });
  const server = await serving(t, [flannel('a', 1), flannel('b', 2)]);
  const { served } = server;
  server.served = {};
  const reader = reading(t, server, {
    timing: { ...quick, silenceMs: 20, discoveryMs: 50 },
    environment: { CALICO_IPV4POOL_CIDR: '10.244.0.0/16', CALICO_IPV4POOL_IPIP: 'Always' },
  });
  await reader.until(() => reader.now.inventory !== undefined);
  t.is(reader.world, 'default-ipv4-ippool a b 10.244.1.0/24@a 10.244.2.0/24@b');
  t.is(
    reader.now.inventory?.nodes.get('b' as never)?.ipv4.fallback?.address,
    '172.16.0.2' as never,
  );

  for (const one of small) server.put(one);
  server.served = served;
  await reader.until(() => reader.world === smallWorld);
});

test('the operator’s MTU counts, its pools are IPPools by now', async (t) => {
  const server = await serving(t, small);
  server.served = {
    ...server.served,
    'operator.tigera.io/v1': ['installations', 'tigerastatuses'],
  };
  server.put({
    apiVersion: 'operator.tigera.io/v1',
    kind: 'Installation',
    metadata: { name: 'default' },
    spec: {
      calicoNetwork: { mtu: 1400, ipPools: [{ cidr: '10.9.0.0/16', encapsulation: 'VXLAN' }] },
    },
  });
  const reader = reading(t, server);
  await reader.until(() => reader.now.inventory !== undefined);
  t.is(reader.world, smallWorld);
  t.is(reader.now.inventory?.settings.mtu.vxlan, 1400);
});

test('settings of this node, of all nodes and of selected ones', async (t) => {
  const server = await serving(t, small);
  const felix = (name: string, spec: object): KubeObject => ({
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'FelixConfiguration',
    metadata: { name },
    spec,
  });
  server.put(felix('default', { vxlanVNI: 1, vxlanPort: 1 }));
  server.put(felix('racks', { nodeSelector: 'rack == "r1"', vxlanVNI: 2 }));
  server.put(felix('node.b', { vxlanVNI: 3 }));
  const reader = reading(t, server);
  await reader.until(() => reader.now.inventory !== undefined);
  const vni = (): number | undefined => reader.now.inventory?.settings.vxlanVni;
  t.is(vni(), 1);
  await reader.until(
    () => server.watchesOf('felixconfigurations') === 1 && server.watchesOf('nodes') === 1,
  );
  const { metadata, ...rest } = node('a', 1);
  server.put({ ...rest, metadata: { ...metadata, labels: { rack: 'r1' } } });
  await reader.until(() => vni() === 2);
  server.put(felix('node.a', { vxlanVNI: 4 }));
  await reader.until(() => vni() === 4);
  t.is(reader.now.inventory?.settings.vxlanPort, 1);
});
