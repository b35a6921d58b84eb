import { existsSync } from 'node:fs';
import { isAlive } from './agent.js';
import { namespacePath } from './namespace.js';
import { labNames, readLab, type Lab } from './state.js';

/** How a lab is: its agents alive, its namespaces there. */
export interface LabStatus {
  readonly name: string;
  readonly preset: string;
  readonly healthy: boolean;
  readonly manifests: string;
  readonly nodes: readonly {
    readonly name: string;
    readonly namespace: string;
    readonly address: string;
    readonly block: string;
    readonly workloads: readonly { readonly name: string; readonly address: string }[];
    /** `running`, `dead`, or `none` on a node with the kernel's vxlan device. */
    readonly agent: 'running' | 'dead' | 'none';
    readonly log?: string;
  }[];
  /** Namespaces that somebody removed behind the lab's back. */
  readonly missing: readonly string[];
}

/** The labs that are up, or the one of this name. */
export function status(name?: string): readonly LabStatus[] {
  return labNames()
    .filter((candidate) => name === undefined || candidate === name)
    .map(readLab)
    .filter((lab) => lab !== undefined)
    .map(statusOf);
}

function statusOf(lab: Lab): LabStatus {
  const missing = lab.namespaces
    .map((namespace) => namespace.name)
    .filter((namespace) => !existsSync(namespacePath(namespace)));
  const nodes = lab.nodes.map(({ name, namespace, address, carrier, agent }) => {
    const planned = lab.topology.nodes.find((node) => node.name === name);
    const life = agent !== undefined && isAlive(agent) ? ('running' as const) : ('dead' as const);
    return {
      name,
      namespace,
      address,
      block: planned?.block ?? '',
      workloads: planned?.workloads ?? [],
      agent: carrier === 'encap' ? life : ('none' as const),
      ...(agent === undefined ? {} : { log: agent.log }),
    };
  });
  return {
    name: lab.name,
    preset: lab.preset,
    healthy: missing.length === 0 && nodes.every(({ agent }) => agent !== 'dead'),
    manifests: lab.manifests,
    nodes,
    missing,
  };
}
