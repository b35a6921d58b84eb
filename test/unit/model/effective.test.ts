import test from 'ava';
import type { z } from 'zod';
import { effectiveSettings } from '../../../src/model/effective.js';
import type { AssembleOptions } from '../../../src/model/assemble.js';
import { nodeConfigSchema } from '../../../src/model/json-schema.js';
import { felixSpec } from '../../../src/model/resources/felix-configuration.js';
import { felix, worldOf } from './written.js';

const config = { apiVersion: 'encap/v1', kind: 'NodeConfig', vxlan: { vni: 3 } };
const installation = {
  apiVersion: 'operator.tigera.io/v1',
  kind: 'Installation',
  metadata: { name: 'default' },
  spec: { calicoNetwork: { mtu: 1300 } },
};
const labelled = {
  apiVersion: 'projectcalico.org/v3',
  kind: 'Node',
  metadata: { name: 'node-a', labels: { rack: 'r1' } },
  spec: { bgp: { ipv4Address: '10.0.0.1/24' } },
};
const selecting = {
  ...felix({ vxlanVNI: 2, nodeSelector: 'rack == "r1"' }, 'racks'),
};

const said = test.macro<
  [string, readonly object[], AssembleOptions, unknown, Record<string, unknown>]
>({
  exec(t, name, resources, options, value, origin) {
    const world = worldOf(resources, { node: 'node-a', ...options });
    t.deepEqual(world.refused, []);
    const found = effectiveSettings(world).find((one) => one.name === name);
    t.deepEqual(found?.value, value);
    t.like(found?.origin, origin);
  },
  title: (title = '', name, _, __, value) => `${title}: ${name} is ${String(value)}`,
});

const all = [felix({ vxlanVNI: 1 })];
test('nobody says it', said, 'vxlanVNI', [], {}, 4096, { from: 'default' });
test('a FelixConfiguration for all nodes', said, 'vxlanVNI', all, {}, 1, {
  from: 'resource',
  resource: 'FelixConfiguration default',
  member: 'spec.vxlanVNI',
  spot: { file: 'world.yaml', line: 9, column: 17 },
});
test('the selected one', said, 'vxlanVNI', [...all, labelled, selecting], {}, 2, {
  resource: 'FelixConfiguration racks',
});
const own = [...all, labelled, selecting, felix({ vxlanVNI: 9 }, 'node.node-a')];
test("the node's own", said, 'vxlanVNI', own, {}, 9, {
  resource: 'FelixConfiguration node.node-a',
});
test('another member of the same one', said, 'vxlanPort', own, {}, 4789, { from: 'default' });
test('the NodeConfig', said, 'vxlanVNI', [...own, config], {}, 3, {
  resource: 'NodeConfig',
  member: 'vxlan.vni',
});
test(
  'a variable of Felix, whatever its case',
  said,
  'vxlanVNI',
  [...own, config],
  { environment: { Felix_VxlanVNI: '0x10' } },
  16,
  { from: 'variable', name: 'Felix_VxlanVNI' },
);
test(
  'none, Felix’ word for unset',
  said,
  'vxlanVNI',
  all,
  { environment: { FELIX_VXLANVNI: 'none' } },
  1,
  { from: 'resource' },
);
test("the operator's MTU", said, 'vxlanMTU', [installation], {}, 1300, {
  resource: 'Installation',
  member: 'spec.calicoNetwork.mtu',
});
const checks = { ...config, checks: { source: 'pool' } };
test('a member of a NodeConfig', said, 'checks.source', [checks], {}, 'pool', {
  resource: 'NodeConfig',
  member: 'checks.source',
});
test('its neighbour, left out', said, 'checks.destination', [checks], {}, 'strict', {
  from: 'default',
});
test('a Node of Calico', said, 'node.addressV4', [labelled], {}, '10.0.0.1/24', {
  resource: 'Node node-a',
  member: 'spec.bgp.ipv4Address',
});
const kubernetes = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node-a', annotations: { 'projectcalico.org/IPv4Address': '10.0.0.2/24' } },
};
test('a Node of Kubernetes', said, 'node.addressV4', [kubernetes], {}, '10.0.0.2/24', {
  resource: 'annotation projectcalico.org/IPv4Address of Node node-a',
});
const unannotated = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node-a' },
  status: { addresses: [{ type: 'InternalIP', address: '10.0.0.3' }] },
};
test('without annotations', said, 'node.addressV4', [unannotated], {}, '10.0.0.3', {
  resource: 'Node node-a',
  member: 'status.addresses',
});

test('every member of a NodeConfig and of FelixConfiguration that we read is a setting', (t) => {
  const names = effectiveSettings(worldOf([labelled], { node: 'node-a' })).map(({ name }) => name);
  const { properties } = nodeConfigSchema() as { properties: Record<string, Json> };
  const members = Object.entries(properties)
    .filter(([member]) => !['apiVersion', 'kind', 'metadata', 'datastore'].includes(member))
    .flatMap(([member, one]) => leaves(member, one));
  // Felix has names for these; the names of nodes are told by who runs (test/cli/config.test.ts).
  const elsewhere = ['vxlan.vni', 'vxlan.port', 'node.name', 'node.addressV6'];
  t.deepEqual(
    members.filter((member) => !names.includes(member) && !elsewhere.includes(member)),
    [],
  );
  const { shape } = felixSpec as unknown as z.ZodObject;
  t.deepEqual(
    Object.keys(shape).filter((member) => !names.includes(member)),
    [],
  );
});

interface Json {
  readonly properties?: Record<string, Json>;
}

function leaves(name: string, { properties }: Json): string[] {
  return properties === undefined
    ? [name]
    : Object.entries(properties).flatMap(([member, one]) => leaves(`${name}.${member}`, one));
}
