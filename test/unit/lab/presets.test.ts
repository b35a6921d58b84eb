import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { presets, presetNames, type PresetName } from '../../../src/lab/presets.js';
import { segmentOf, type LabNode, type Topology } from '../../../src/lab/topology.js';
import { wiringOf } from '../../../src/lab/wiring.js';

const examples = fileURLToPath(new URL('../../../../examples', import.meta.url));

const describes = test.macro({
  title: (_, preset: PresetName) =>
    `the resources of ${preset} in examples/ describe the network that the lab builds`,
  exec(t: ExecutionContext, preset: PresetName) {
    const topology: Topology = presets[preset];
    const nodes = itemsOf(topology, 'nodes.yaml') as readonly CalicoNode[];
    t.deepEqual(
      nodes.map(({ metadata, spec }) => ({
        name: metadata.name,
        address: spec.bgp.ipv4Address,
        tunnelAddress: spec.ipv4VXLANTunnelAddr ?? spec.bgp.ipv4IPIPTunnelAddr,
      })),
      topology.nodes.map((node) => ({
        name: node.name,
        address: `${node.address}/${segmentOf(topology, node).prefixLength}`,
        tunnelAddress: node.tunnelAddress,
      })),
    );
    t.deepEqual(
      (itemsOf(topology, 'ipamblocks.yaml') as readonly IpamBlock[]).map(({ spec }) => ({
        cidr: spec.cidr,
        affinity: spec.affinity,
        addresses: spec.allocations.flatMap((index, ordinal) => (index === null ? [] : [ordinal])),
      })),
      topology.nodes.map((node) => ({
        cidr: node.block,
        affinity: `host:${node.name}`,
        addresses: ordinals(node),
      })),
    );
    t.deepEqual(
      (itemsOf(topology, 'ippools.yaml') as readonly IpPool[]).map(({ spec }) => spec.vxlanMode),
      [topology.vxlanMode],
    );
  },
});

for (const preset of presetNames) test(describes, preset);

test('VTEP MACs are the ones that Calico derives from node names', (t) => {
  for (const { name, vtepMac } of presetNames.flatMap((preset) => [...presets[preset].nodes])) {
    const sha1 = createHash('sha1').update(name).digest('hex').slice(0, 10);
    t.is(vtepMac, `66:${(sha1.match(/../g) ?? []).join(':')}`, name);
  }
});

test('no interface name is longer than the kernel takes', (t) => {
  for (const preset of presetNames)
    for (const { links } of wiringOf('x'.repeat(32), presets[preset]))
      for (const line of links)
        for (const [, name = ''] of line.matchAll(/\bname (\S+)/g)) t.true(name.length < 16, name);
});

function ordinals(node: LabNode): readonly number[] {
  return [node.tunnelAddress, ...node.workloads.map(({ address }) => address)].map((address) =>
    Number(address.split('.')[3]),
  );
}

function itemsOf({ manifests }: Topology, file: string): readonly unknown[] {
  const list = parse(readFileSync(`${examples}/${manifests}/${file}`, 'utf8')) as {
    readonly items: readonly unknown[];
  };
  return list.items;
}

interface CalicoNode {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly bgp: { readonly ipv4Address: string; readonly ipv4IPIPTunnelAddr?: string };
    readonly ipv4VXLANTunnelAddr?: string;
  };
}

interface IpamBlock {
  readonly spec: {
    readonly cidr: string;
    readonly affinity: string;
    readonly allocations: readonly (number | null)[];
  };
}

interface IpPool {
  readonly spec: { readonly vxlanMode: string };
}
