import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { root } from '../cli/encap.js';
import { KubeCluster } from '../support/kube-cluster.js';
import { byKind, kustomizations, manifestsOf, noKubectl } from '../unit/deploy/kustomize.js';

let cluster: KubeCluster;
let kubeconfig: string;

test.before('an API server, as it is without Calico', async () => {
  cluster = await KubeCluster.open();
  kubeconfig = cluster.kubeconfig('admin');
});

test.after.always('the end of the API server', async () => {
  await cluster[Symbol.asyncDispose]();
});

function skips(t: ExecutionContext): boolean {
  const reason = noKubectl();
  if (reason === undefined) return false;
  t.log(`skipped: ${reason}`);
  t.pass();
  return true;
}

function kubectl(...words: readonly string[]): string {
  return execFileSync('kubectl', ['--kubeconfig', kubeconfig, ...words], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

for (const folder of kustomizations)
  test.serial(`the API server takes all of deploy/${folder}`, (t) => {
    if (skips(t)) return;
    const said = kubectl('apply', '--dry-run=server', '-k', `deploy/${folder}`);
    const lines = said.trim().split('\n');
    t.is(lines.length, byKind(manifestsOf(folder)).size);
    for (const line of lines) t.regex(line, /created \(server dry run\)$/);
  });

test.serial('a manifest with a mistake in it is refused, so that these tests can fail', (t) => {
  if (skips(t)) return;
  const text = manifestsOf('base').replace(
    'mountPropagation: Bidirectional',
    'mountPropagation: Both',
  );
  const { status, stderr } = spawnSync(
    'kubectl',
    ['--kubeconfig', kubeconfig, 'apply', '--dry-run=server', '-f', '-'],
    { input: text, encoding: 'utf8' },
  );
  t.not(status, 0);
  t.regex(stderr, /mountPropagation/);
});

test.serial(
  'the service account may list and watch what the source reads, and nothing else',
  (t) => {
    if (skips(t)) return;
    kubectl('apply', '-f', 'deploy/base/rbac.yaml');
    const as = '--as=system:serviceaccount:kube-system:encapd';
    const rules = kubectl('auth', 'can-i', '--list', '--no-headers', as)
      .trim()
      .split('\n')
      .map((line) => line.trim().replaceAll(/ {2,}/g, ' '))
      // What every user of a cluster may: ask what it may itself, and what the server serves.
      .filter(
        (line) =>
          !/^(?:selfsubject|\[\/(?:.well-known|api|healthz|livez|openapi|openid|readyz|version))/.test(
            line,
          ),
      );
    t.deepEqual(rules.sort(), [
      'felixconfigurations.crd.projectcalico.org [] [] [list watch]',
      'felixconfigurations.projectcalico.org [] [] [list watch]',
      'installations.operator.tigera.io [] [] [list watch]',
      'ipamblocks.crd.projectcalico.org [] [] [list watch]',
      'ipamblocks.projectcalico.org [] [] [list watch]',
      'ippools.crd.projectcalico.org [] [] [list watch]',
      'ippools.projectcalico.org [] [] [list watch]',
      'nodes [] [] [list watch]',
    ]);
  },
);

test('the init container mounts bpffs where there is none, and only there', (t) => {
  if (process.geteuid?.() !== 0) {
    t.log('skipped: mounting needs root');
    t.pass();
    return;
  }
  if (skips(t)) return;
  const pod = byKind(manifestsOf('base')).get('DaemonSet')?.spec?.template.spec;
  const { command = [], args = [] } = pod?.initContainers?.[0] ?? {};
  const script = `
    while umount /sys/fs/bpf 2>/dev/null; do :; done
    "$@"; grep -c ' /sys/fs/bpf bpf ' /proc/self/mounts
    "$@"; grep -c ' /sys/fs/bpf bpf ' /proc/self/mounts`;
  // In a mount namespace of its own: what happens there stays there.
  const words = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
  const said = execFileSync('unshare', [...words, ...command, ...args], { encoding: 'utf8' });
  t.is(said, '1\n1\n');
  t.regex(readFileSync('/proc/self/mounts', 'utf8'), / \/sys\/fs\/bpf bpf /);
});
