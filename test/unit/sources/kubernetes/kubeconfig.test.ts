import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { EncapError } from '../../../../src/errors.js';
import { loadKubeconfig } from '../../../../src/sources/kubernetes/kubeconfig.js';
import { kubernetesSource } from '../../../../src/sources/kubernetes/source.js';

function fileOf(t: ExecutionContext, text: string, name = 'kubeconfig'): string {
  const folder = mkdtempSync(join(tmpdir(), 'encap-kubeconfig-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

function configOf(name: string, server: string, cluster: object = {}): string {
  return JSON.stringify({
    clusters: [{ name, cluster: { server, ...cluster } }],
    users: [{ name, user: { token: 't' } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}

test('the file that is named, else those of KUBECONFIG', async (t) => {
  const one = fileOf(t, configOf('one', 'https://192.0.2.1:6443'));
  const two = fileOf(t, configOf('two', 'https://192.0.2.2:6443'));
  const serverOf = async (
    kubeconfig: string | undefined,
    context: string | undefined,
    KUBECONFIG: string,
  ): Promise<string | undefined> =>
    (await loadKubeconfig({ kubeconfig, context }, { KUBECONFIG })).getCurrentCluster()?.server;
  t.is(await serverOf(one, undefined, two), 'https://192.0.2.1:6443');
  t.is(await serverOf(undefined, undefined, two), 'https://192.0.2.2:6443');
  t.is(await serverOf(undefined, undefined, `${one}:${two}`), 'https://192.0.2.1:6443');
  t.is(await serverOf(undefined, 'two', `${one}:${two}`), 'https://192.0.2.2:6443');
});

const failures: readonly (readonly [what: string, text: string | undefined, told: RegExp])[] = [
  ['that is not there', undefined, /^cannot read kubeconfig \S+: ENOENT: there is no such file$/],
  ['that is no YAML', 'a: b: c', /^cannot read kubeconfig \S+: bad indentation/],
  ['that is empty', '', /^cannot read kubeconfig \S+: /],
  ['without a context', '{}', /^cannot use kubeconfig \S+: it has no current-context$/],
  [
    'whose context has no cluster',
    JSON.stringify({
      contexts: [{ name: 'c', context: { cluster: 'gone', user: 'u' } }],
      'current-context': 'c',
    }),
    /^cannot use kubeconfig \S+: it has no context c with a cluster$/,
  ],
  [
    'with an address in clear',
    configOf('c', 'http://192.0.2.1:8080'),
    /^cannot use kubeconfig \S+: http:\/\/192\.0\.2\.1:8080 is no https: address$/,
  ],
];

for (const [what, text, told] of failures)
  test(`a kubeconfig ${what} ends the source at once: time does not heal it`, async (t) => {
    const file = text === undefined ? '/nowhere/kubeconfig' : fileOf(t, text);
    const source = kubernetesSource({
      kubeconfig: file,
      context: undefined,
      environment: {},
      node: 'a',
    });
    t.is(source.name, `Kubernetes (${file})`);
    const readings = source.inventories(new AbortController().signal)[Symbol.asyncIterator]();
    const failure = await t.throwsAsync(readings.next(), { instanceOf: EncapError });
    t.regex(failure.message, told);
    t.truthy(failure.hint);
  });

test('a kubeconfig that everybody may read is none to trust', async (t) => {
  const file = fileOf(t, configOf('one', 'https://192.0.2.1:6443'));
  chmodSync(file, 0o644);
  const failure = await t.throwsAsync(loadKubeconfig({ kubeconfig: file, context: undefined }, {}));
  t.regex(failure.message, /EPUBLIC: everybody may read it/);
});

test('a context that the file does not have', async (t) => {
  const file = fileOf(t, configOf('one', 'https://192.0.2.1:6443'));
  const failure = await t.throwsAsync(loadKubeconfig({ kubeconfig: file, context: 'two' }, {}), {
    instanceOf: EncapError,
  });
  t.is(failure.message, `cannot use kubeconfig ${file}: it has no context two with a cluster`);
  t.is(failure.why, 'contexts: one');
});

test('neither a file nor a pod’s service account: no address is guessed', async (t) => {
  const failure = await t.throwsAsync(
    loadKubeconfig({ kubeconfig: undefined, context: undefined }, {}),
    { instanceOf: EncapError },
  );
  t.is(failure.message, 'cannot read resources from Kubernetes: no cluster was named');
});
