import { copyFileSync, cpSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { EncapError } from '../errors.js';
import { runOnce, startAgent, untilReady } from './agent.js';
import { remove } from './down.js';
import { interfacesOf } from './interfaces.js';
import { kernelLines } from './kernel-carriers.js';
import { lose } from './loss.js';
import { lookAtMachine } from './machine.js';
import { batch, setSysctls } from './namespace.js';
import { presets, type PresetName } from './presets.js';
import { resourcesOf } from './resources.js';
import { namespaceOf, readLab, runFolder, writeLab, type Lab, type LabNamespace } from './state.js';
import { carriedBy, routersOf, type Carrier, type Topology } from './topology.js';
import { wiringOf, workloadNamespace, type Wiring } from './wiring.js';

export interface UpOptions {
  /** Default: the preset's name. Two labs of different names live side by side. */
  readonly name?: string;
  /** Default: as the preset says. */
  readonly carrier?: Carrier;
  /** Calico resources that the agents follow; default: a copy of the topology's. */
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
  const manifests = resolve(options.manifests ?? runFolder(name, 'manifests'));
  checkStart(name, options.manifests === undefined ? topology.resources : manifests);

  const machine = await lookAtMachine();
  const planned = { ...plan(name, preset, topology, manifests), machine };
  writeLab(planned); // before the first namespace: whatever happens now, `down` knows what to remove
  try {
    if (options.manifests === undefined) writeResources(topology, manifests);
    await buildNetwork(name, topology);
    const namespaces = await Promise.all(
      planned.namespaces.map(async (namespace) => ({
        ...namespace,
        interfaces: await interfacesOf(namespace.name),
      })),
    );
    onStep(
      `${namespaces.length} namespaces: ${routersOf(topology)
        .map((router) => router.name)
        .join(', ')}, ${topology.nodes.length} nodes, ` +
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
    const passed = await passAgents(lab);
    if (passed > 0)
      onStep(`${passed} of the nodes had an agent for one round: their datapath stays as it is`);
    return lab;
  } catch (error) {
    await remove(planned.name);
    throw error;
  }
}

/** The agents follow a copy, so that a lab's resources can be changed. */
function writeResources(topology: Topology, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const { resources } = topology;
  if (resources === undefined) {
    const documents = resourcesOf(topology).map((resource) => stringify(resource));
    writeFileSync(join(folder, 'cluster.yaml'), documents.join('---\n'));
  } else if (statSync(resources).isDirectory()) cpSync(resources, folder, { recursive: true });
  else copyFileSync(resources, join(folder, basename(resources)));
}

/** Fails for anybody else; `command` is what to type as root. */
export function checkRoot(command: string): void {
  if (process.geteuid?.() === 0) return;
  throw new EncapError('cannot build a lab: it needs root', {
    code: 'PERMISSION',
    why: 'network namespaces, links and eBPF need CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_BPF',
    hint: `sudo ${command}`,
  });
}

function checkStart(name: string, resources: string | undefined): void {
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
  if (resources !== undefined && !existsSync(resources))
    throw new EncapError(`cannot read ${resources}: ENOENT`, {
      code: 'FILE_UNREADABLE',
      hint: 'name a file or folder with Calico resources: -f PATH',
    });
}

function plan(name: string, preset: string, topology: Topology, manifests: string): Lab {
  const namespaces: LabNamespace[] = [
    ...routersOf(topology).map((router) => ({
      name: namespaceOf(name, router.name),
      role: 'router' as const,
      interfaces: [],
    })),
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
  await lose(lab, topology);
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
    node.carrier === 'encap' && !isOnce(lab, node.name)
      ? { ...node, agent: startAgent(lab.name, node.name, lab.manifests) }
      : node,
  );
}

/** Those that make one round, as many at once as there are CPUs; gives back how many they are. */
async function passAgents(lab: Lab): Promise<number> {
  const passing = lab.nodes.filter(({ name, carrier }) => carrier === 'encap' && isOnce(lab, name));
  const queue = passing.values();
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (const { name } of queue) await runOnce(lab.name, name, lab.manifests);
    }),
  );
  return passing.length;
}

function isOnce({ topology }: Lab, name: string): boolean {
  return topology.nodes.some((node) => node.name === name && node.agent === 'once');
}
