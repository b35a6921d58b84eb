import { transits, type Edge, type Graph, type How, type Spot } from './graph.js';

/** Colours of the ways: direct green, VXLAN orange, IP-in-IP blue. */
export const colors: Readonly<Record<How, string>> = {
  direct: '#2e7d32',
  vxlan: '#d9730d',
  ipip: '#1565c0',
  ip6ip: '#6a3fb5',
};

/** What a way is called in a picture. */
export const titles: Readonly<Record<How, string>> = {
  direct: 'direct',
  vxlan: 'VXLAN',
  ipip: 'IP-in-IP',
  ip6ip: 'IP6-in-IP',
};

/** Graphviz' language: subnets are clusters, nodes records of name, address and blocks. */
export function dotOf(graph: Graph, title: string): string {
  const { subnets, edges, routers = [] } = graph;
  return [
    'graph encap {',
    `  label=${quoted(title)} labelloc=t fontname="Helvetica" fontsize=16`,
    '  compound=true nodesep=0.6 ranksep=0.9 bgcolor="white"',
    '  node [shape=record margin="0.2,0.06" fontname="Helvetica" fontsize=11 style=filled fillcolor="white" color="#555555"]',
    '  edge [fontname="Helvetica" fontsize=11 penwidth=1.8]',
    ...subnets.flatMap(({ name, nodes }, index) => [
      `  subgraph cluster_${index} {`,
      `    label=${quoted(name)} fontsize=12 style="rounded,filled" fillcolor="#f2f4f7" color="#c3c9d2"`,
      ...nodes.map((node) => `    ${quoted(node.name)} [label=${quoted(recordOf(node, name))}]`),
      '  }',
    ]),
    ...edges.map((edge) => `  ${edgeOf(edge)}`),
    ...transits(graph).map((name) => `  ${quoted(name)} [shape=plaintext style=""]`),
    ...routers.flatMap(({ name, subnets: joined }) => [
      `  ${quoted(name)} [shape=ellipse fillcolor="#f2f4f7"]`,
      ...joined.map((subnet) => `  ${quoted(name)} -- ${cableTo(graph, subnet)}`),
    ]),
    '}',
    '',
  ].join('\n');
}

/** To a subnet's frame, which an edge meets by way of a node in it. */
function cableTo({ subnets }: Graph, name: string): string {
  const index = subnets.findIndex((subnet) => subnet.name === name);
  const node = subnets[index]?.nodes[0];
  return node === undefined
    ? `${quoted(name)} [style=dashed color="#9aa3af"]`
    : `${quoted(node.name)} [lhead=cluster_${index} style=dashed color="#9aa3af"]`;
}

function recordOf({ name, lines }: Spot, subnet: string): string {
  return `{${[...(name === subnet ? [] : [name]), ...lines].map(escaped).join('|')}}`;
}

function edgeOf({ from, to, how, both }: Edge): string {
  const color = quoted(colors[how]);
  const direction = both ? 'both' : 'forward';
  return `${quoted(from)} -- ${quoted(to)} [label=${quoted(`  ${titles[how]}`)} color=${color} fontcolor=${color} dir=${direction} arrowsize=0.7]`;
}

/** Characters that mean something in a record. */
function escaped(text: string): string {
  return text.replaceAll(/[\\{}|<> ]/g, '\\$&');
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '\\"')}"`;
}
