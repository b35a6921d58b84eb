import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { InputOptions } from '../../../src/cli/inputs.js';
import { placeOf } from '../../../src/cli/source.js';
import type { NodeName } from '../../../src/model/node.js';

function configIn(t: ExecutionContext, datastore: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'encap-origin-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'node.yaml');
  writeFileSync(file, `apiVersion: encap/v1\nkind: NodeConfig\n${datastore}\n`, { mode: 0o600 });
  return file;
}

async function nameOf(options: Partial<InputOptions>, env: NodeJS.ProcessEnv): Promise<string> {
  const { sourceFor } = await placeOf({ file: [], ...options }, env);
  const { name } = await sourceFor('a' as NodeName);
  return name.replaceAll(/\/[^ ,]*encap-origin-\w+\//g, 'FOLDER/');
}

const inEtcd = { DATASTORE_TYPE: 'etcdv3', ETCD_ENDPOINTS: 'http://e:2379' };
const kubernetes = 'datastore: {type: kubernetes, kubeconfig: kc, context: c}';
const etcd = 'datastore: {type: etcdv3, endpoints: ["http://c:2379"]}';

/** What is said where, and what is followed then. */
const rows: readonly (readonly [
  config: string | undefined,
  files: readonly string[],
  env: NodeJS.ProcessEnv,
  name: string,
])[] = [
  [undefined, ['x'], {}, 'file x'],
  [undefined, ['x'], inEtcd, 'file x'],
  [undefined, [], { ...inEtcd, ENCAP_CONFIG: 'y' }, 'file y'],
  [undefined, [], inEtcd, 'etcd http://e:2379'],
  ['', [], inEtcd, 'etcd http://e:2379'],
  ['', ['x'], inEtcd, 'file FOLDER/node.yaml, x'],
  ['datastore: {type: file, paths: [d]}', ['x'], inEtcd, 'file FOLDER/node.yaml, FOLDER/d, x'],
  [etcd, [], {}, 'etcd http://c:2379'],
  [etcd, [], { ...inEtcd, ENCAP_CONFIG: 'y' }, 'etcd http://c:2379'],
  [etcd, [], { DATASTORE_TYPE: 'kubernetes' }, 'etcd http://c:2379'],
  [
    undefined,
    [],
    { ...inEtcd, DATASTORE_TYPE: '', FELIX_DATASTORETYPE: 'etcdv3' },
    'etcd http://e:2379',
  ],
  [
    undefined,
    [],
    { ...inEtcd, DATASTORE_TYPE: 'kubernetes', FELIX_DATASTORETYPE: 'etcdv3' },
    'Kubernetes',
  ],
  [
    undefined,
    [],
    { CALICO_DATASTORE_TYPE: 'kubernetes', KUBECONFIG: '/a:/b' },
    'Kubernetes (/a:/b)',
  ],
  [kubernetes, [], { ...inEtcd, KUBECONFIG: '/a' }, 'Kubernetes (FOLDER/kc)'],
  ['', [], { DATASTORE_TYPE: 'kubernetes' }, 'Kubernetes'],
  [undefined, ['x'], { DATASTORE_TYPE: 'kubernetes' }, 'file x'],
];

for (const [config, files, env, name] of rows)
  test(`${String(config)} with -f ${String(files)} and ${JSON.stringify(env)}: ${name}`, async (t) => {
    const options = config === undefined ? {} : { config: configIn(t, config) };
    t.is(await nameOf({ ...options, file: files }, env), name);
  });

test('files and a datastore at once are refused', async (t) => {
  for (const [config, noun] of [
    [etcd, 'etcd'],
    [kubernetes, 'Kubernetes'],
  ] as const)
    await t.throwsAsync(placeOf({ file: ['x'], config: configIn(t, config) }, {}), {
      message: `cannot follow files and ${noun} at once`,
    });
});

test('a type of datastore that Calico does not have is refused', async (t) => {
  await t.throwsAsync(placeOf({ file: [] }, { DATASTORE_TYPE: 'zookeeper' }), {
    message: 'cannot read the resources: DATASTORE_TYPE=zookeeper is no datastore',
  });
});
