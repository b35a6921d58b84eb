import { existsSync, readdirSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { down } from '../../src/lab/down.js';
import { namespacePath } from '../../src/lab/namespace.js';
import { ping } from '../../src/lab/ping.js';
import { presets, type PresetName } from '../../src/lab/presets.js';
import { labNames, pinFolder, runFolder } from '../../src/lab/state.js';
import { status } from '../../src/lab/status.js';
import type { Carrier } from '../../src/lab/topology.js';
import type { Carriage } from '../../src/lab/wire.js';
import { up } from '../../src/lab/up.js';
import { skips } from '../support/needs.js';

type Ways = Readonly<Record<string, Carriage>>;

/** Every workload of a node pair goes the same way: the rows name nodes. */
const reaches = test.macro({
  title: (_, preset: PresetName, carrier: Carrier | undefined) =>
    `in the lab ${preset}${carrier === undefined ? '' : ` on ${carrier}`} every workload reaches every other, as its pool says`,
  async exec(
    t: ExecutionContext,
    preset: PresetName,
    carrier: Carrier | undefined,
    ways: Ways,
  ): Promise<void> {
    if (skips(t, 'ip', 'nsenter', 'ping', 'tcpdump')) return;
    const name = `test-${preset}`;
    const lab = await up(preset, { name, ...(carrier === undefined ? {} : { carrier }) });
    t.teardown(() => (labNames().includes(name) ? down(name) : undefined));

    const pings = await ping({ name });
    const workloads = presets[preset].nodes.flatMap((node) => node.workloads).length;
    t.is(pings.length, workloads * (workloads - 1));
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

test.serial('a lab that cannot be built leaves nothing behind and says why', async (t) => {
  if (skips(t, 'ip', 'nsenter')) return;
  const before = readdirSync('/run').filter((name) => name.startsWith('encap'));
  const error = await t.throwsAsync(
    up('two', { name: 'test-broken', manifests: '/dev/null' }),
    undefined,
    'no agent can become ready without resources',
  );
  t.regex(error.message, /^cannot /);
  t.false(labNames().includes('test-broken'));
  t.false(existsSync(namespacePath('encap-test-broken-router')));
  t.deepEqual(
    readdirSync('/run').filter((name) => name.startsWith('encap')),
    before,
  );
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
