import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { encap } from '../cli/encap.js';
import { skips } from '../support/needs.js';

const name = `routers-${process.pid}`;

/** East and west are joined by two routers and a subnet without nodes between them. */
const network = `apiVersion: encap/v1
kind: LabTopology
subnets:
  - { name: east, cidr: 192.168.10.0/24 }
  - { name: middle, cidr: 192.168.15.0/24 }
  - { name: west, cidr: 192.168.20.0/24 }
routers:
  - { name: router, subnets: [east, middle] }
  - { name: far, subnets: [middle, west] }
pools:
  - { name: vxlan, cidr: 10.244.0.0/16, vxlanMode: CrossSubnet }
nodes:
  - { name: node-a, subnet: east, workloads: 1 }
  - { name: node-c, subnet: west, workloads: 1 }
`;

test.serial(
  'behind a chain of two routers VXLAN goes hop by hop, and both are drawn',
  async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ping', 'tcpdump')) return;
    const folder = mkdtempSync(join(tmpdir(), 'encap-routers-'));
    t.teardown(() => {
      rmSync(folder, { recursive: true });
    });
    const file = join(folder, 'chain.yaml');
    writeFileSync(file, network);
    t.teardown(() => encap(['lab', 'down', name]));
    const up = await encap(['lab', 'up', file, '--name', name]);
    t.is(up.code, 0, up.stderr);

    const { stdout } = await encap(['lab', 'ping', '--name', name, '-o', 'json']);
    const { items } = JSON.parse(stdout) as { items: { reached: boolean; how?: string }[] };
    t.deepEqual(
      items.map(({ reached, how }) => `${String(reached)} ${how ?? ''}`),
      ['true vxlan', 'true vxlan'],
    );

    // The kernel's own word: the time to live of an answer from the other node has met two routers.
    const ttl = [
      'lab',
      'exec',
      '--name',
      name,
      'node-a',
      '--',
      'ping',
      '-c1',
      '-W5',
      '192.168.20.11',
    ];
    t.regex((await encap(ttl)).stdout, / ttl=62 /);

    const dot = await encap(['lab', 'graph', '--name', name, '--as', 'dot']);
    t.regex(dot.stdout, /"far" -- "192\.168\.15\.0\/24"/);
    t.regex(dot.stdout, /"far" -- "node-c" \[lhead=cluster_1/);
    const svg = await encap(['lab', 'graph', '--name', name]);
    t.is([...svg.stdout.matchAll(/class="node"/g)].length, 5, 'two nodes, two routers, a subnet');
    const mermaid = await encap(['lab', 'graph', '--name', name, '--as', 'mermaid']);
    t.regex(mermaid.stdout, /r1\(\["far"\]\)\n {2}r1 -\.- t0\n {2}r1 -\.- s1/);
  },
);
