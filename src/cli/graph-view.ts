import { Option, type Command } from 'commander';
import type { Graph, Router } from '../graph/graph.js';
import type { Inventory } from '../model/inventory.js';
import { print } from './output.js';
import { note, type Session } from './session.js';

const languages = ['svg', 'dot', 'mermaid'] as const;

type Language = (typeof languages)[number];

export interface DrawOptions {
  readonly as: Language;
}

/** Gives a command the option --as. */
export function drawsGraph(command: Command): Command {
  return command.addOption(
    new Option('--as <language>', 'a picture, or the text to make one of')
      .choices(languages)
      .default('svg'),
  );
}

/** Prints who encapsulates to whom, as these resources have it. */
export async function printGraph(
  session: Session,
  {
    inventory,
    routers,
    title,
    as,
  }: DrawOptions & {
    readonly inventory: Inventory;
    readonly routers?: readonly Router[] | undefined;
    readonly title: string;
  },
): Promise<void> {
  const { graphOf } = await import('../graph/graph.js');
  const graph = { ...graphOf(inventory), ...(routers === undefined ? {} : { routers }) };
  await print(session, {
    document: { apiVersion: 'encap/v1', kind: 'Graph', title, ...graph },
    names: () => graph.subnets.flatMap(({ nodes }) => nodes.map(({ name }) => name)),
    text: () => drawn(graph, title, as),
  });
  const isOnScreen = session.columns !== undefined && session.format === 'table';
  if (isOnScreen && as === 'svg')
    note(session, 'that was a picture (SVG): lead it into a file, > cluster.svg; or --as mermaid');
}

async function drawn(graph: Graph, title: string, as: Language): Promise<string> {
  if (as === 'mermaid') return (await import('../graph/mermaid.js')).mermaidOf(graph);
  const { dotOf } = await import('../graph/dot.js');
  const dot = dotOf(graph, title);
  return as === 'dot' ? dot : (await import('../graph/svg.js')).svgOf(dot);
}
