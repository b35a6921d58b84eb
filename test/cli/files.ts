import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** Three nodes in two subnets, a CrossSubnet VXLAN pool and an IPIP pool; one address borrowed. */
export const world = `apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: default }
spec: { cidr: 10.244.0.0/16, blockSize: 29, vxlanMode: CrossSubnet, natOutgoing: true }
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: second }
spec: { cidr: 10.245.0.0/16, blockSize: 29, ipipMode: Always }
${node('node-a', '192.168.10.11', '10.244.1.0', '10.245.1.0')}
${node('node-b', '192.168.10.12', '10.244.2.0', '10.245.2.0')}
${node('node-c', '192.168.20.11', '10.244.3.0', '10.245.3.0')}
${block('10.244.1.0/29', 'node-a', ['node-a', 'node-a', 'node-b'])}
${block('10.244.2.0/29', 'node-b', ['node-b'])}
${block('10.244.3.0/29', 'node-c', ['node-c', 'node-c'])}
${block('10.245.3.0/29', 'node-c', ['node-c'])}
`;

function node(name: string, address: string, vxlan: string, ipip: string): string {
  return `---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: ${name} }
spec:
  bgp: { ipv4Address: ${address}/24, ipv4IPIPTunnelAddr: ${ipip} }
  ipv4VXLANTunnelAddr: ${vxlan}`;
}

/** A /29 whose first addresses are allocated to these nodes. */
function block(cidr: string, owner: string, holders: readonly string[]): string {
  const allocations = Array.from({ length: 8 }, (_, index) =>
    index < holders.length ? index : null,
  );
  const spec = {
    cidr,
    affinity: `host:${owner}`,
    allocations,
    attributes: holders.map((holder) => ({ secondary: { node: holder } })),
    unallocated: allocations.flatMap((index, ordinal) => (index === null ? [ordinal] : [])),
  };
  return `---
apiVersion: crd.projectcalico.org/v1
kind: IPAMBlock
metadata: { name: ${cidr.replaceAll(/[./]/g, '-')} }
spec: ${JSON.stringify(spec)}`;
}

/** An empty folder for one test; gone with it. */
export function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'encap-cli-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A file of its own for one test; gone with it. */
export function fileWith(t: ExecutionContext, text: string, name = 'world.yaml'): string {
  const file = join(folderOf(t), name);
  writeFileSync(file, text);
  return file;
}
