import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { worldOf } from '../model/written.js';
import {
  byKind,
  type Container,
  deployFile,
  manifestsOf,
  noKubectl,
  type Overlay,
  type PodSpec,
} from './kustomize.js';

const unit = deployFile('systemd/encap.service');

function skips(t: ExecutionContext): boolean {
  const reason = noKubectl();
  if (reason === undefined) return false;
  t.log(`skipped: ${reason}`);
  t.pass();
  return true;
}

/** The pod of an overlay and its one container. */
function podOf(overlay: Overlay): {
  readonly pod: PodSpec;
  readonly agent: Container;
} {
  const pod = byKind(manifestsOf(overlay)).get('DaemonSet')?.spec?.template.spec;
  const [agent] = pod?.containers ?? [];
  if (pod === undefined || agent === undefined) throw new Error('no DaemonSet with a container');
  return { pod, agent };
}

for (const overlay of ['coexist'] as const) {
  test(`${overlay}: every node, one after the other, in the node's network, before what needs it`, (t) => {
    if (skips(t)) return;
    const daemonSet = byKind(manifestsOf(overlay)).get('DaemonSet');
    const { pod } = podOf(overlay);
    t.deepEqual(daemonSet?.spec?.updateStrategy, {
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 1 },
    });
    t.true(pod.hostNetwork);
    t.is(pod.priorityClassName, 'system-node-critical');
    t.deepEqual(pod.tolerations, [{ operator: 'Exists' }]);
    t.is(pod.terminationGracePeriodSeconds, 10);
  });

  test(`${overlay}: the capabilities of encap.service and no others, not privileged, nothing written to the image`, (t) => {
    if (skips(t)) return;
    const { pod, agent } = podOf(overlay);
    const inUnit = /^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];
    t.deepEqual(agent.securityContext.capabilities, {
      drop: ['ALL'],
      add: inUnit.map((name) => name.replace('CAP_', '')),
    });
    t.like(agent.securityContext, {
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
    });
    t.is(pod.initContainers, undefined);
    const volumes = new Set(pod.volumes.map(({ name }) => name));
    for (const { name } of agent.volumeMounts) t.true(volumes.has(name), name);
    const paths = agent.volumeMounts.map(({ mountPath }) => mountPath);
    for (const path of ['/sys/fs/bpf', '/run/encap', '/etc/encap/node.yaml'])
      t.true(paths.includes(path), path);
  });

  test(`${overlay}: stopping a pod runs nothing, and its probes ask the agent on loopback`, (t) => {
    if (skips(t)) return;
    const { agent } = podOf(overlay);
    t.is(agent.lifecycle, undefined);
    t.like(agent.readinessProbe.httpGet, { host: '127.0.0.1', path: '/readyz' });
    t.like(agent.livenessProbe.httpGet, { host: '127.0.0.1', path: '/healthz' });
    t.true(agent.args.includes('--health'));
  });

  test(`${overlay}: the pod mounts the ConfigMap that is made for it`, (t) => {
    if (skips(t)) return;
    const map = byKind(manifestsOf(overlay)).get('ConfigMap');
    const volume = podOf(overlay).pod.volumes.find(({ name }) => name === 'config');
    t.like(volume, { configMap: { name: map?.metadata.name } });
    t.is(map?.data?.['node.yaml'], deployFile(`overlays/${overlay}/node.yaml`));
  });
}

test('coexist: encapd carries VXLAN although Felix is told not to', (t) => {
  if (skips(t)) return;
  const { env } = podOf('coexist').agent;
  t.deepEqual(env.map(({ name }) => name).sort(), ['FELIX_VXLANENABLED', 'NODENAME']);
  const felix = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'FelixConfiguration',
    metadata: { name: 'node.node-a' },
    spec: { vxlanEnabled: false },
  };
  const environment = Object.fromEntries(
    env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
  );
  const node = 'node-a';
  t.false(worldOf([felix], { node }).inventory.settings.vxlanEnabled);
  t.true(worldOf([felix], { node, environment }).inventory.settings.vxlanEnabled);
});

test('the configuration of the overlay is a NodeConfig', (t) => {
  const { refused } = worldOf([parse(deployFile('overlays/coexist/node.yaml'))]);
  t.deepEqual(refused, []);
});

test('the default configuration is one that encap takes, without a warning', (t) => {
  const { refused, warnings } = worldOf([parse(deployFile('node.yaml'))]);
  t.deepEqual([...refused, ...warnings], []);
});
