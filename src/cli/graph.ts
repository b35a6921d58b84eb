import type { Command } from 'commander';
import { examplesOf } from './examples.js';
import { type DrawOptions, drawsGraph, printGraph } from './graph-view.js';
import { takesNode, takesResources, takesTimeout } from './inputs.js';
import { sessionOf } from './session.js';
import { type OnceOptions, readWorld } from './world.js';

/** `encap graph`: who encapsulates to whom; needs neither root nor kernel. */
export function define(command: Command): void {
  drawsGraph(takesTimeout(takesNode(takesResources(command))));
  examplesOf(command, [
    ['encap graph -f cluster.d > cluster.svg', 'a picture: subnets, nodes, how packets go'],
    ['encap graph -f cluster.d --as mermaid', 'for a README'],
    ['encap graph --source kubernetes --as dot | dot -Tpdf > now.pdf', 'for Graphviz'],
    ['encap graph -f cluster.d -o json', 'nodes and edges, for a script'],
  ]).action(async (options: OnceOptions & DrawOptions) => {
    const session = sessionOf(command);
    const { world, place } = await readWorld(session, options);
    await printGraph(session, {
      inventory: world.inventory,
      title: place.paths.join(' ') || place.datastore.value.type,
      as: options.as,
    });
  });
}
