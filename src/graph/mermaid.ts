import { colors, titles } from './dot.js';
import { transits, type Graph } from './graph.js';

/** Mermaid's language, which many sites draw where it stands in Markdown. */
export function mermaidOf(graph: Graph): string {
  const { subnets, edges, routers = [] } = graph;
  const between = transits(graph);
  const subnetId = (name: string): string => {
    const index = subnets.findIndex((subnet) => subnet.name === name);
    return index === -1 ? `t${between.indexOf(name)}` : `s${index}`;
  };
  const ids = new Map(
    subnets.flatMap(({ nodes }) => nodes).map(({ name }, index) => [name, `n${index}`] as const),
  );
  return [
    'flowchart LR',
    ...subnets.flatMap(({ name, nodes }, index) => [
      `  subgraph s${index}["${name}"]`,
      ...nodes.map((node) => {
        const lines = [...(node.name === name ? [] : [node.name]), ...node.lines];
        return `    ${ids.get(node.name) ?? ''}["${lines.join('<br/>')}"]`;
      }),
      '  end',
    ]),
    ...edges.map(
      ({ from, to, how, both }) =>
        `  ${ids.get(from) ?? ''} ${both ? '<-->' : '-->'}|${titles[how]}| ${ids.get(to) ?? ''}`,
    ),
    ...between.map((name) => `  ${subnetId(name)}["${name}"]`),
    ...routers.flatMap(({ name, subnets: joined }, index) => [
      `  r${index}(["${name}"])`,
      ...joined.map((subnet) => `  r${index} -.- ${subnetId(subnet)}`),
    ]),
    ...edges.map(({ how }, index) => `  linkStyle ${index} stroke:${colors[how]}`),
    '',
  ].join('\n');
}
