import { readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import fc from 'fast-check';
import { inventoryOf } from '../../../src/model/assemble.js';
import { listOf } from '../../../src/model/list.js';
import { validate } from '../../../src/model/validate.js';
import { parse } from '../../../src/sources/file/parse.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../../..');
const folder = `${root}/examples/broken`;

const world = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: a, labels: {x: y}}
spec: {cidr: 10.0.0.0/16, vxlanMode: CrossSubnet, ipipMode: Never, blockSize: 26, nodeSelector: 'has(a) && b in {"c"}', allowedUses: [Workload, Tunnel]}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: node-a}
spec: {bgp: {ipv4Address: 192.168.1.11/24}, ipv4VXLANTunnelAddr: 10.0.0.1, addresses: [{address: 192.168.1.11, type: InternalIP}]}
---
apiVersion: v1
kind: Node
metadata: {name: node-b, annotations: {projectcalico.org/IPv4Address: 192.168.1.12/24}}
spec: {podCIDRs: [10.0.1.0/24]}
---
apiVersion: crd.projectcalico.org/v1
kind: IPAMBlock
metadata: {name: 10-0-0-0-26}
spec: {cidr: 10.0.0.0/26, affinity: 'host:node-a', allocations: [0, null], attributes: [{handle_id: h, secondary: {node: node-b}}]}
---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: {name: default}
spec: {vxlanVNI: 4097, externalNodesList: [10.9.0.0/24], routeSource: CalicoIPAM}
---
apiVersion: operator.tigera.io/v1
kind: Installation
metadata: {name: default}
spec: {calicoNetwork: {ipPools: [{cidr: 10.244.0.0/16, encapsulation: VXLANCrossSubnet}]}}
---
{apiVersion: encap/v1, kind: WorkloadList, items: [{node: node-a, ips: [10.0.0.5/32]}]}
---
{apiVersion: encap/v1, kind: NodeConfig, vxlan: {vni: 7}, node: {interfaces: [eth0]}}
`;
const seeds = [
  Buffer.from(world),
  ...readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`)),
].filter((seed) => seed.length < 5000);

const pieces = [
  '"',
  "'",
  '{',
  '}',
  '[',
  ']',
  ': ',
  '- ',
  '\n',
  '\t',
  '&a ',
  '*a',
  '!x ',
  '---\n',
  '# ',
  '|\n',
  '0x1',
  '.inf',
  '~',
  '1e999',
  '-1',
  '\u0000',
  '\uFEFF',
  '\r\n',
  'null',
  '<<: *a',
  '__proto__',
  'constructor',
  '::',
  '/33',
  '%',
  '99999999999999999999',
];

interface Change {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(5000),
  remove: fc.nat(20),
  insert: fc.oneof(
    fc.constantFrom(...pieces),
    fc.string({ maxLength: 8, unit: 'binary' }),
    fc.constant(''),
  ),
});

function changed(seed: Buffer, changes: readonly Change[]): Buffer {
  return changes.reduce((bytes, { at, remove, insert }) => {
    const from = at % (bytes.length + 1);
    return Buffer.concat([
      bytes.subarray(0, from),
      Buffer.from(insert),
      bytes.subarray(from + remove),
    ]);
  }, seed);
}

/** Everything that a file goes through: reading, both readings of its resources, lists. Whatever is wrong has a place. */
function swallow(t: { readonly assert: (holds: boolean) => unknown }, bytes: Uint8Array): void {
  const documents = parse('x.yaml', bytes);
  for (const { line, column, message } of validate(documents))
    t.assert((line ?? 0) >= 1 && (column ?? 0) >= 1 && message !== '');
  const understood = inventoryOf(documents, { node: 'node-a' });
  for (const what of ['pools', 'nodes', 'blocks', 'config'] as const)
    JSON.stringify(listOf(understood, what));
}

test('5,000 spoilt files are told or taken, none throws', (t) => {
  const assert = (holds: boolean): void => {
    if (!holds) throw new Error('a problem without a place or a message');
  };
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      (seed, changes) => {
        swallow({ assert }, changed(seed, changes));
      },
    ),
    { numRuns: 5000, seed: 4789 },
  );
  t.pass();
});

test('resources of any shape are told or taken, none throws', (t) => {
  const kinds = [
    'IPPool',
    'Node',
    'IPAMBlock',
    'BlockAffinity',
    'FelixConfiguration',
    'Installation',
    'WorkloadList',
    'NodeConfig',
    'ClusterConfiguration',
    'List',
  ];
  const versions = [
    'projectcalico.org/v3',
    'crd.projectcalico.org/v1',
    'v1',
    'operator.tigera.io/v1',
    'encap/v1',
    'kubeadm.k8s.io/v1beta3',
  ];
  const keys = [
    'name',
    'cidr',
    'bgp',
    'items',
    'ipPools',
    'calicoNetwork',
    'allocations',
    'attributes',
    'secondary',
    'node',
    'ips',
    'nodeSelector',
    'podCIDRs',
    'addresses',
    'networking',
    'podSubnet',
    'vxlanMode',
    'labels',
    'annotations',
  ];
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(
        null,
        true,
        0,
        -1,
        1.5,
        '',
        'x',
        '10.0.0.0/16',
        'fd00::/48',
        'all()',
        'host:a',
      ),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys), tie('any'), { maxKeys: 5 }),
    ),
  })).any;
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.constantFrom(...versions),
      value,
      value,
      value,
      (kind, apiVersion, metadata, spec, items) => {
        const text = JSON.stringify({
          kind,
          apiVersion,
          metadata,
          spec,
          items,
          status: spec,
          networking: spec,
        });
        swallow({ assert: (holds) => holds || t.fail() }, Buffer.from(text));
      },
    ),
    { numRuns: 3000, seed: 4096 },
  );
  t.pass();
});
