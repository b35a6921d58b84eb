import test from 'ava';
import { dotOf } from '../../../src/graph/dot.js';
import { graphOf, mostNodes } from '../../../src/graph/graph.js';
import { mermaidOf } from '../../../src/graph/mermaid.js';
import { svgOf } from '../../../src/graph/svg.js';
import { presets } from '../../../src/lab/presets.js';
import { resourcesOf } from '../../../src/lab/resources.js';
import { inventoryOf } from '../../../src/model/assemble.js';
import { readResources } from '../../../src/sources/file/read.js';
import { Readable } from 'node:stream';
import { stringify } from 'yaml';

test('nodes stand in their subnets, and an edge says how packets go between two of them', async (t) => {
  const graph = await graphAt('examples/crosssubnet');
  t.deepEqual(graph, {
    subnets: [
      {
        name: '192.168.10.0/24',
        nodes: [
          { name: 'node-a', lines: ['192.168.10.11', '10.244.1.0/26'] },
          { name: 'node-b', lines: ['192.168.10.12', '10.244.2.0/26'] },
        ],
      },
      {
        name: '192.168.20.0/24',
        nodes: [{ name: 'node-c', lines: ['192.168.20.11', '10.244.3.0/26'] }],
      },
    ],
    edges: [
      { from: 'node-a', to: 'node-b', how: 'direct', both: true },
      { from: 'node-a', to: 'node-c', how: 'vxlan', both: true },
      { from: 'node-b', to: 'node-c', how: 'vxlan', both: true },
    ],
  });
});

test('a hundred nodes are drawn subnet by subnet', async (t) => {
  const text = resourcesOf(presets.scale100).map((one) => stringify(one));
  t.true(presets.scale100.nodes.length > mostNodes);
  const graph = await graphAt('-', text.join('---\n'));
  t.deepEqual(
    graph.subnets.map(({ name, nodes }) => [name, ...(nodes[0]?.lines ?? [])]),
    [
      ['192.168.20.0/24', '25 nodes', 'e01 to e25'],
      ['192.168.10.0/24', '25 nodes', 'n01 to n25'],
      ['192.168.30.0/24', '25 nodes', 's01 to s25'],
      ['192.168.40.0/24', '25 nodes', 'w01 to w25'],
    ],
  );
  const how = (one: string): number => graph.edges.filter((edge) => edge.how === one).length;
  t.is(how('direct'), 4, 'inside of each subnet');
  t.is(how('vxlan'), 6, 'between any two of them');
  t.true(graph.edges.every(({ both }) => both));
});

test('the picture is drawn by Graphviz: a shape for every node, a line for every edge, in its colour', async (t) => {
  const svg = await svgOf(dotOf(await graphAt('examples/crosssubnet'), 'crosssubnet'));
  t.is([...svg.matchAll(/<g id="\w+" class="node">/g)].length, 3);
  t.is([...svg.matchAll(/<g id="\w+" class="edge">/g)].length, 3);
  t.is([...svg.matchAll(/<g id="\w+" class="cluster">/g)].length, 2);
  t.is([...svg.matchAll(/<path fill="none" stroke="#d9730d"/g)].length, 2);
  t.true(svg.includes('10.244.3.0/26'));
});

test('the same in the language of Mermaid', async (t) => {
  t.is(
    mermaidOf(await graphAt('examples/two')),
    `flowchart LR
  subgraph s0["192.168.10.0/24"]
    n0["node-a<br/>192.168.10.11<br/>10.244.1.0/26"]
    n1["node-b<br/>192.168.10.12<br/>10.244.2.0/26"]
  end
  n0 <-->|VXLAN| n1
  linkStyle 0 stroke:#d9730d
`,
  );
});

async function graphAt(path: string, stdin = ''): Promise<ReturnType<typeof graphOf>> {
  const documents = await readResources([path], { stdin: Readable.from([Buffer.from(stdin)]) });
  return graphOf(inventoryOf(documents, {}).inventory);
}
