import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join, resolve } from 'node:path';
import { EncapError } from '../errors.js';
import { startAgent, untilReady } from './agent.js';
import { remove } from './down.js';
import { interfacesOf } from './interfaces.js';
import { kernelLines } from './kernel-carriers.js';
import { batch, setSysctls } from './namespace.js';
import { presets, type PresetName } from './presets.js';
import { namespaceOf, readLab, writeLab, type Lab, type LabNamespace } from './state.js';
import { carriedBy, type Carrier, type Topology } from './topology.js';
import { wiringOf, workloadNamespace, type Wiring } from './wiring.js';

export interface UpOptions {
  /** Default: the preset's name. Two labs of different names live side by side. */
  readonly name?: string;
  /** Default: as the preset says. */
  readonly carrier?: Carrier;
  /** Calico resources for the agents; default: the preset's folder under examples/. */
  readonly manifests?: string;
  /** How long an agent may take until it is ready; default: 20 s. */
  readonly patienceMs?: number;
  readonly onStep?: (sentence: string) => void;
}

/** Builds a preset's network, starts an agent on each node and waits until all of them are ready. */
export async function up(preset: PresetName, options: UpOptions = {}): Promise<Lab> {
  const { name = preset, carrier } = options;
  const topology = carrier === undefined ? presets[preset] : carriedBy(presets[preset], carrier);
  return raise(preset, topology, { ...options, name });
}

/** The same for a topology of one's own; `preset` is what it is called in the lab's state. */
export async function raise(
  preset: string,
  topology: Topology,
  options: UpOptions & { readonly name: string },
): Promise<Lab> {
  const { name, onStep = () => undefined } = options;
  const manifests = resolve(options.manifests ?? join(examples, topology.manifests));
  checkStart(name, manifests);

  const planned = plan(name, preset, topology, manifests);
  writeLab(planned); // before the first namespace: whatever happens now, `down` knows what to remove
  try {
    await buildNetwork(name, topology);
    const namespaces = await Promise.all(
      planned.namespaces.map(async (namespace) => ({
        ...namespace,
        interfaces: await interfacesOf(namespace.name),
      })),
    );
    onStep(
      `${namespaces.length} namespaces: router, ${topology.nodes.length} nodes, ` +
        `${topology.nodes.flatMap(({ workloads }) => workloads).length} workloads`,
    );
    const built = { ...planned, namespaces };
    writeLab(built);
    const lab = { ...built, nodes: startAgents(built) };
    writeLab(lab);
    await Promise.all(
      lab.nodes.map(async ({ name: node, agent }) => {
        if (agent !== undefined) await untilReady(node, agent, options.patienceMs);
      }),
    );
    const agents = lab.nodes.filter(({ agent }) => agent !== undefined);
    if (agents.length > 0) onStep(`${agents.length} agents ready, reading ${manifests}`);
    return lab;
  } catch (error) {
    await remove(planned.name);
    throw error;
  }
}

const examples = fileURLToPath(new URL('../../../examples', import.meta.url));

/** Fails for anybody else; `command` is what to type as root. */
export function checkRoot(command: string): void {
  if (process.geteuid?.() === 0) return;
  throw new EncapError('cannot build a lab: it needs root', {
    code: 'PERMISSION',
    why: 'network namespaces, links and eBPF need CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_BPF',
    hint: `sudo ${command}`,
  });
}

function checkStart(name: string, manifests: string): void {
  checkRoot('encap lab up');
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(name))
    throw new EncapError(`cannot name a lab ${name}`, {
      code: 'USAGE',
      hint: 'lower-case letters, digits and hyphens, 32 at most',
    });
  if (readLab(name) !== undefined)
    throw new EncapError(`cannot build the lab ${name}: it is up already`, {
      code: 'USAGE',
      hint: `encap lab down ${name}, or choose another name: --name NAME`,
    });
  if (!existsSync(manifests))
    throw new EncapError(`cannot read ${manifests}: ENOENT`, {
      code: 'FILE_UNREADABLE',
      hint: 'name a file or folder with Calico resources: -f PATH',
    });
}

function plan(name: string, preset: string, topology: Topology, manifests: string): Lab {
  const namespaces: LabNamespace[] = [
    { name: namespaceOf(name, 'router'), role: 'router', interfaces: [] },
    ...topology.nodes.flatMap((node): LabNamespace[] => [
      { name: namespaceOf(name, node.name), role: 'node', node: node.name, interfaces: [] },
      ...node.workloads.map((workload) => ({
        name: workloadNamespace(name, node, workload.name),
        role: 'workload' as const,
        node: node.name,
        workload: workload.name,
        interfaces: [],
      })),
    ]),
  ];
  return {
    apiVersion: 'encap/v1',
    kind: 'Lab',
    name,
    preset,
    manifests,
    namespaces,
    nodes: topology.nodes.map((node) => ({
      name: node.name,
      namespace: namespaceOf(name, node.name),
      address: node.address,
      carrier: node.carrier,
    })),
    topology,
  };
}

async function buildNetwork(lab: string, topology: Topology): Promise<void> {
  const wirings = wiringOf(lab, topology);
  await batch(
    'ip',
    undefined,
    wirings.map(({ namespace }) => `netns add ${namespace}`),
  );
  await buildWirings(wirings);
  for (const node of topology.nodes) {
    const namespace = namespaceOf(lab, node.name);
    const { ip, bridge } = kernelLines(topology, node);
    await batch('ip', namespace, ip);
    await batch('bridge', namespace, bridge);
  }
}

/** Each phase of all namespaces before the next: the far end of a link is another namespace's interface. */
export async function buildWirings(wirings: readonly Wiring[]): Promise<void> {
  await Promise.all(wirings.map(({ namespace, sysctls }) => setSysctls(namespace, sysctls)));
  await Promise.all(wirings.map(({ namespace, links }) => batch('ip', namespace, links)));
  await Promise.all(
    wirings.map(async ({ namespace, addresses, interfaceSysctls }) => {
      await batch('ip', namespace, addresses);
      await setSysctls(namespace, interfaceSysctls);
    }),
  );
}

function startAgents(lab: Lab): Lab['nodes'] {
  return lab.nodes.map((node) =>
    node.carrier === 'encap'
      ? { ...node, agent: startAgent(lab.name, node.name, lab.manifests) }
      : node,
  );
}
