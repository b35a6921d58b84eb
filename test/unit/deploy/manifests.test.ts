import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { worldOf } from '../model/written.js';
import {
  byKind,
  type Container,
  deployFile,
  manifestsOf,
  noKubectl,
  overlays,
  type PodSpec,
} from './kustomize.js';

const unit = deployFile('systemd/encap.service');

const unitCapabilities = {
  drop: ['ALL'],
  add: (/^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? []).map((name) =>
    name.replace('CAP_', ''),
  ),
};

function skips(t: ExecutionContext): boolean {
  const reason = noKubectl();
  if (reason === undefined) return false;
  t.log(`skipped: ${reason}`);
  t.pass();
  return true;
}

/** The pod of a folder of deploy and its one container. */
function podOf(folder: string): {
  readonly pod: PodSpec;
  readonly agent: Container;
} {
  const pod = byKind(manifestsOf(folder)).get('DaemonSet')?.spec?.template.spec;
  const [agent] = pod?.containers ?? [];
  if (pod === undefined || agent === undefined) throw new Error('no DaemonSet with a container');
  return { pod, agent };
}

for (const overlay of overlays) {
  const folder = `overlays/${overlay}`;
  test(`${overlay}: every node, one after the other, in the node's network, before what needs it`, (t) => {
    if (skips(t)) return;
    const daemonSet = byKind(manifestsOf(folder)).get('DaemonSet');
    const { pod } = podOf(folder);
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
    const { pod, agent } = podOf(folder);
    t.deepEqual(agent.securityContext.capabilities, unitCapabilities);
    t.like(agent.securityContext, {
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
    });
    const volumes = new Set(pod.volumes.map(({ name }) => name));
    for (const { name } of agent.volumeMounts) t.true(volumes.has(name), name);
    const paths = agent.volumeMounts.map(({ mountPath }) => mountPath);
    for (const path of ['/sys/fs/bpf', '/run/encap', '/etc/encap/node.yaml'])
      t.true(paths.includes(path), path);
  });

  test(`${overlay}: stopping a pod runs nothing, and its probes ask the agent on loopback`, (t) => {
    if (skips(t)) return;
    const { agent } = podOf(folder);
    t.is(agent.lifecycle, undefined);
    t.like(agent.readinessProbe.httpGet, { host: '127.0.0.1', path: '/readyz' });
    t.like(agent.livenessProbe.httpGet, { host: '127.0.0.1', path: '/healthz' });
    t.true(agent.args.includes('--health'));
  });

  test(`${overlay}: the pod mounts the ConfigMap that is made for it`, (t) => {
    if (skips(t)) return;
    const map = byKind(manifestsOf(folder)).get('ConfigMap');
    const volume = podOf(folder).pod.volumes.find(({ name }) => name === 'config');
    t.like(volume, { configMap: { name: map?.metadata.name } });
    t.is(map?.data?.['node.yaml'], deployFile(`overlays/${overlay}/node.yaml`));
  });
}

test('bpffs is mounted by a container of its own, the only privileged one, which sees /sys/fs alone', (t) => {
  if (skips(t)) return;
  const { pod } = podOf('base');
  t.deepEqual(
    pod.initContainers?.map(({ name }) => name),
    ['bpffs'],
  );
  t.deepEqual(
    pod.initContainers?.[0]?.volumeMounts.map(({ mountPath }) => mountPath),
    ['/sys/fs'],
  );
});

test('down: encap down in what the agent may, and then a container that may nothing', (t) => {
  if (skips(t)) return;
  const { pod, agent: done } = podOf('down');
  const [down, ...others] = pod.initContainers ?? [];
  t.deepEqual(others, []);
  if (down === undefined) throw new Error('it has no init container');
  t.deepEqual(down.args, ['down', '--yes']);
  t.is(down.image, podOf('base').agent.image);
  t.deepEqual(down.securityContext.capabilities, unitCapabilities);
  t.false(down.securityContext.privileged);
  t.deepEqual(done.securityContext.capabilities, { drop: ['ALL'] } as never);
  t.is(pod.automountServiceAccountToken, false);
  // The node's network, and the agent's pins and lock: else there is nothing to take away.
  t.true(pod.hostNetwork);
  const agent = podOf('base');
  for (const { name, mountPath } of down.volumeMounts) {
    const there = agent.agent.volumeMounts.find((one) => one.mountPath === mountPath);
    t.truthy(there, mountPath);
    const volume = (of: PodSpec): unknown => of.volumes.find((one) => one['name'] === name);
    t.deepEqual(volume(pod), volume(agent.pod));
  }
});

test('coexist: encapd carries VXLAN although Felix is told not to', (t) => {
  if (skips(t)) return;
  const { env } = podOf('overlays/coexist').agent;
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

test('replace: encapd carries VXLAN although Felix is told not to, without a variable', (t) => {
  if (skips(t)) return;
  const { env } = podOf('overlays/replace').agent;
  t.deepEqual(
    env.map(({ name }) => name),
    ['NODENAME'],
  );
});

for (const overlay of overlays)
  test(`the configuration of the overlay ${overlay} is a NodeConfig that says so`, (t) => {
    const { refused, inventory } = worldOf([parse(deployFile(`overlays/${overlay}/node.yaml`))]);
    t.deepEqual(refused, []);
    t.true(inventory.settings.kernelTunnels === overlay);
  });

test('the default configuration is one that encap takes, without a warning', (t) => {
  const { refused, warnings } = worldOf([parse(deployFile('node.yaml'))]);
  t.deepEqual([...refused, ...warnings], []);
});
