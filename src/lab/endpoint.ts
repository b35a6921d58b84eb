import { EncapError } from '../errors.js';
import type { Lab } from './state.js';
import { namespaceOf } from './state.js';
import { workloadNamespace } from './wiring.js';

/** A place in a lab from which one can send: a workload or a node itself. */
export interface Endpoint {
  readonly name: string;
  readonly node: string;
  readonly namespace: string;
  readonly address: string;
}

export function workloadsOf({ name: lab, topology }: Lab): readonly Endpoint[] {
  return topology.nodes.flatMap((node) =>
    node.workloads.map(({ name, address }) => ({
      name,
      node: node.name,
      namespace: workloadNamespace(lab, node, name),
      address,
    })),
  );
}

export function nodesOf({ name: lab, topology }: Lab): readonly Endpoint[] {
  return topology.nodes.map(({ name, address }) => ({
    name,
    node: name,
    namespace: namespaceOf(lab, name),
    address,
  }));
}

/** A node (`node-a`) or workload (`a1`) of a lab by its name. */
export function endpoint(lab: Lab, name: string): Endpoint {
  const all = [...nodesOf(lab), ...workloadsOf(lab)];
  const found = all.find((candidate) => candidate.name === name);
  if (found === undefined)
    throw new EncapError(`cannot find ${name} in the lab ${lab.name}`, {
      code: 'USAGE',
      hint: `it has ${all.map((candidate) => candidate.name).join(', ')}`,
    });
  return found;
}
