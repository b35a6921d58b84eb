import { existsSync, readdirSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { down } from '../../src/lab/down.js';
import { namespacePath } from '../../src/lab/namespace.js';
import { ping } from '../../src/lab/ping.js';
import { presets, type PresetName } from '../../src/lab/presets.js';
import { labNames, pinFolder, runFolder } from '../../src/lab/state.js';
import { status } from '../../src/lab/status.js';
import { carriedBy, isDualStack, type Carrier, type Topology } from '../../src/lab/topology.js';
import type { Carriage } from '../../src/lab/wire.js';
import { raise, up } from '../../src/lab/up.js';
import { skips } from '../support/needs.js';

type Ways = Readonly<Record<string, Carriage>>;

/** Of all nodes, or of those named; absent: as the preset says. */
type Carriers = Carrier | Readonly<Record<string, Carrier>> | undefined;

/** Every workload of a node pair goes the same way: the rows name nodes. */
const reaches = test.macro({
  title: (_, preset: PresetName, carriers: Carriers) =>
    `in the lab ${preset}${carriers === undefined ? '' : ` on ${said(carriers)}`} every workload reaches every other, as its pool says`,
  async exec(
    t: ExecutionContext,
    preset: PresetName,
    carriers: Carriers,
    ways: Ways,
  ): Promise<void> {
    if (skips(t, 'ip', 'nsenter', 'ping', 'tcpdump')) return;
    const name = `test-${preset}`;
    const lab = await raise(preset, carried(presets[preset], carriers), { name });
    t.teardown(() => (labNames().includes(name) ? down(name) : undefined));

    const pings = await ping({ name });
    const workloads = presets[preset].nodes.flatMap((node) => node.workloads).length;
    const families = isDualStack(presets[preset]) ? 2 : 1;
    t.is(pings.length, families * workloads * (workloads - 1));
    t.deepEqual(
      pings.filter(({ reached }) => !reached).map(({ from, to }) => `${from.name} > ${to.name}`),
      [],
    );
    for (const { from, to, how } of pings)
      t.is(
        how,
        from.node === to.node ? 'local' : ways[key(from.node, to.node)],
        `${from.name} > ${to.name}`,
      );
    t.deepEqual(
      status(name).map(({ healthy }) => healthy),
      [true],
    );

    await down(name);
    const left = [
      ...lab.namespaces.map((namespace) => namespacePath(namespace.name)),
      ...[pinFolder(name), runFolder(name)],
      ...lab.nodes.flatMap(({ agent }) => (agent === undefined ? [] : [`/proc/${agent.pid}`])),
    ].filter((path) => existsSync(path));
    t.deepEqual(left, [], 'down leaves nothing behind');
    t.false(labNames().includes(name));
  },
});

function said(carriers: Exclude<Carriers, undefined>): string {
  return typeof carriers === 'string'
    ? carriers
    : Object.entries(carriers)
        .map(([node, carrier]) => `${carrier} of ${node}`)
        .join(', ');
}

function carried(topology: Topology, carriers: Carriers): Topology {
  if (typeof carriers === 'string') return carriedBy(topology, carriers);
  const nodes = topology.nodes.map((node) => ({
    ...node,
    carrier: carriers?.[node.name] ?? node.carrier,
  }));
  return { ...topology, nodes };
}

function key(a: string, b: string): string {
  return [a, b]
    .map((node) => node.replace('node-', ''))
    .sort()
    .join('-');
}

const crossSubnet: Ways = { 'a-b': 'direct', 'a-c': 'vxlan', 'b-c': 'vxlan' };
const always: Ways = { 'a-b': 'vxlan', 'a-c': 'vxlan', 'b-c': 'vxlan' };

test.serial(reaches, 'two', 'kernel-vxlan', { 'a-b': 'vxlan' });
test.serial(reaches, 'crosssubnet', 'kernel-vxlan', crossSubnet);
test.serial(reaches, 'two', undefined, { 'a-b': 'vxlan' });
test.serial(reaches, 'crosssubnet', undefined, crossSubnet);
test.serial(reaches, 'ipip', undefined, { 'a-b': 'ipip', 'a-c': 'ipip', 'b-c': 'ipip' });
test.serial(reaches, 'mixed', undefined, always);
test.serial(reaches, 'dual-stack', undefined, crossSubnet);
test.serial(reaches, 'dual-stack', { 'node-c': 'kernel-vxlan' }, crossSubnet);

test.serial('a lab that cannot be built leaves nothing behind and says why', async (t) => {
  if (skips(t, 'ip', 'nsenter')) return;
  const error = await t.throwsAsync(
    up('two', { name: 'test-broken', manifests: '/dev/null' }),
    undefined,
    'no agent can become ready without resources',
  );
  t.regex(error.message, /^cannot /);
  t.false(labNames().includes('test-broken'));
  t.deepEqual(
    [pinFolder('test-broken'), runFolder('test-broken')].filter((path) => existsSync(path)),
    [],
  );
  const namespaces = readdirSync(namespacePath('')).filter((name) => name.includes('test-broken'));
  t.deepEqual(namespaces, [], 'other labs may come and go meanwhile');
});

test.serial('two labs of one preset live side by side', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping', 'tcpdump')) return;
  for (const name of ['test-left', 'test-right']) {
    await up('two', { name, carrier: 'kernel-vxlan' });
    t.teardown(() => down(name));
  }
  const error = await t.throwsAsync(up('two', { name: 'test-left', carrier: 'kernel-vxlan' }));
  t.regex(error.message, /it is up already/);
  for (const name of ['test-left', 'test-right'])
    t.true((await ping({ name })).every(({ reached }) => reached));
});
