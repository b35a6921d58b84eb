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
    readonly blocks: readonly string[];
    readonly workloads: readonly { readonly name: string; readonly address: string }[];
    /** `running`, `dead`, `ended` where it was to make one round; `none` on a node with a device of the kernel. */
    readonly agent: 'running' | 'dead' | 'ended' | 'none';
    readonly log?: string;
  }[];
  /** Namespaces that somebody removed behind the lab's back. */
  readonly missing: readonly string[];
  /** Faults that were made on purpose and not mended. */
  readonly broken: readonly string[];
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
      blocks: planned?.blocks.map(({ cidr }) => cidr) ?? [],
      workloads: planned?.workloads ?? [],
      agent:
        carrier !== 'encap'
          ? ('none' as const)
          : planned?.agent === 'once' && agent === undefined
            ? ('ended' as const)
            : life,
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
    broken: lab.broken ?? [],
  };
}
