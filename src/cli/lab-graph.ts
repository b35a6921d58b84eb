import type { Command } from 'commander';
import { examplesOf } from './examples.js';
import { drawsGraph, printGraph, type DrawOptions } from './graph-view.js';
import { usualTimeoutMs } from './inputs.js';
import { type LabOptions, labSession, verb } from './lab-verb.js';
import { readWorld } from './world.js';

/** `encap lab graph`: who encapsulates to whom, as the resources of a lab have it. */
export function graphVerb(parent: Command): void {
  const command = drawsGraph(verb(parent, 'graph', 'draw who encapsulates to whom'));
  examplesOf(command, [
    ['encap lab graph > lab.svg', 'a picture: subnets, nodes, how packets go between them'],
    ['encap lab graph --as mermaid', 'for a README'],
    ['encap lab graph --as dot | dot -Tpdf > lab.pdf', 'for Graphviz'],
  ]).action(async ({ name, as }: LabOptions & DrawOptions) => {
    const session = labSession(command);
    const [{ findLab }, { joinsOf }] = await Promise.all([
      import('../lab/state.js'),
      import('../lab/routes.js'),
    ]);
    const lab = findLab(name);
    const { world } = await readWorld(session, { file: [lab.manifests], timeout: usualTimeoutMs });
    await printGraph(session, {
      inventory: world.inventory,
      routers: joinsOf(lab.topology),
      title: lab.name,
      as,
    });
  });
}
