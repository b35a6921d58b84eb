import { interfacesOf } from './interfaces.js';
import { batch } from './namespace.js';
import { namespaceOf, writeLab, type Lab } from './state.js';
import type { Workload } from './topology.js';
import { buildWirings } from './up.js';
import { workloadNamespace, workloadPorts, workloadRoutes, workloadWiring } from './wiring.js';

/** Gives nodes of a running lab one more workload each, as a scheduler would. */
export async function addWorkloads(
  lab: Lab,
  additions: Readonly<Record<string, Workload>>,
): Promise<Lab> {
  const { name, topology } = lab;
  const added = topology.nodes.flatMap((node) => {
    const workload = additions[node.name];
    return workload === undefined ? [] : [{ node, workload }];
  });
  const planned = added.map(({ node, workload }) => ({
    name: workloadNamespace(name, node, workload.name),
    role: 'workload' as const,
    node: node.name,
    workload: workload.name,
    interfaces: [],
  }));
  writeLab({ ...lab, namespaces: [...lab.namespaces, ...planned] });
  await batch(
    'ip',
    undefined,
    planned.map((namespace) => `netns add ${namespace.name}`),
  );
  await buildWirings(
    added.flatMap(({ node, workload }) => [
      {
        namespace: namespaceOf(name, node.name),
        sysctls: {},
        ...workloadPorts(name, topology, node, [workload]),
        addresses: workloadRoutes([workload]),
      },
      workloadWiring(name, topology, node, workload),
    ]),
  );
  const namespaces = await Promise.all(
    planned.map(async (namespace) => ({
      ...namespace,
      interfaces: await interfacesOf(namespace.name),
    })),
  );
  const grown: Lab = {
    ...lab,
    namespaces: [...lab.namespaces, ...namespaces],
    topology: {
      ...topology,
      nodes: topology.nodes.map((node) => ({
        ...node,
        workloads: [
          ...node.workloads,
          ...added.filter((one) => one.node === node).map(({ workload }) => workload),
        ],
      })),
    },
  };
  writeLab(grown);
  return grown;
}
