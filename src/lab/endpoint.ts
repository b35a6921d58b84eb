import { EncapError } from '../errors.js';
import type { Lab } from './state.js';
import { namespaceOf } from './state.js';
import { routersOf } from './topology.js';
import { workloadNamespace } from './wiring.js';

/** A place in a lab from which one can send: a workload or a node itself. */
export interface Endpoint {
  readonly name: string;
  readonly node: string;
  readonly namespace: string;
  readonly address: string;
  readonly address6?: string;
}

export function workloadsOf({ name: lab, topology }: Lab): readonly Endpoint[] {
  return topology.nodes.flatMap((node) =>
    node.workloads.map((workload) => ({
      ...workload,
      node: node.name,
      namespace: workloadNamespace(lab, node, workload.name),
    })),
  );
}

export function nodesOf({ name: lab, topology }: Lab): readonly Endpoint[] {
  return topology.nodes.map(({ name, address, address6 }) => ({
    name,
    node: name,
    namespace: namespaceOf(lab, name),
    address,
    ...(address6 === undefined ? {} : { address6 }),
  }));
}

/** A router has no address of its own but those of its ports. */
function routerEnds({ name: lab, topology }: Lab): readonly Endpoint[] {
  return routersOf(topology).map(({ name, ports: [port] }) => ({
    name,
    node: name,
    namespace: namespaceOf(lab, name),
    address: port?.address ?? '',
  }));
}

/** A node (`node-a`), a workload (`a1`) or a router of a lab by its name. */
export function endpoint(lab: Lab, name: string): Endpoint {
  const all = [...nodesOf(lab), ...workloadsOf(lab), ...routerEnds(lab)];
  const found = all.find((candidate) => candidate.name === name);
  if (found === undefined)
    throw new EncapError(`cannot find ${name} in the lab ${lab.name}`, {
      code: 'USAGE',
      hint: `it has ${all.map((candidate) => candidate.name).join(', ')}`,
    });
  return found;
}
