import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse, stringify } from 'yaml';
import { decide } from '../../../src/decide/decide.js';
import { presets, presetNames, type PresetName } from '../../../src/lab/presets.js';
import { resourcesOf } from '../../../src/lab/resources.js';
import { segmentOf, type LabNode, type Topology } from '../../../src/lab/topology.js';
import { wiringOf } from '../../../src/lab/wiring.js';
import { inventoryOf } from '../../../src/model/assemble.js';
import type { NodeName } from '../../../src/model/node.js';
import { validate } from '../../../src/model/validate.js';
import { readResources } from '../../../src/sources/file/read.js';

const describes = test.macro({
  title: (_, preset: PresetName) =>
    `the resources of ${preset} in examples/ describe the network that the lab builds`,
  exec(t: ExecutionContext, preset: PresetName) {
    const topology: Topology = presets[preset];
    const nodes = itemsOf(topology, 'nodes.yaml') as readonly CalicoNode[];
    t.deepEqual(
      nodes.map(({ metadata, spec }) => ({
        name: metadata.name,
        addresses: [spec.bgp.ipv4Address, spec.bgp.ipv6Address],
        tunnelAddresses: [
          spec.ipv4VXLANTunnelAddr ?? spec.bgp.ipv4IPIPTunnelAddr,
          spec.ipv6VXLANTunnelAddr,
        ],
      })),
      topology.nodes.map((node) => {
        const { prefixLength, prefixLength6 } = segmentOf(topology, node);
        const { address6, blocks } = node;
        return {
          name: node.name,
          addresses: [
            `${node.address}/${prefixLength}`,
            address6 === undefined ? undefined : `${address6}/${String(prefixLength6)}`,
          ],
          tunnelAddresses: [0, 1].map((index) => blocks[index]?.tunnelAddress),
        };
      }),
    );
    t.deepEqual(
      (itemsOf(topology, 'ipamblocks.yaml') as readonly IpamBlock[])
        .map(({ spec }) => ({
          cidr: spec.cidr,
          affinity: spec.affinity,
          addresses: spec.allocations.flatMap((index, ordinal) =>
            index === null ? [] : [ordinal],
          ),
        }))
        .sort(byCidr),
      topology.nodes
        .flatMap((node) =>
          node.blocks.map(({ cidr }) => ({
            cidr,
            affinity: `host:${node.name}`,
            addresses: ordinals(node),
          })),
        )
        .sort(byCidr),
    );
    t.deepEqual(
      (itemsOf(topology, 'ippools.yaml') as readonly IpPool[]).map(({ metadata, spec }) => ({
        name: metadata.name,
        cidr: spec.cidr,
        blockSize: spec.blockSize,
        vxlanMode: spec.vxlanMode,
        ipipMode: spec.ipipMode,
      })),
      topology.pools,
    );
  },
});

const withResources = presetNames.filter((name) => presets[name].resources !== undefined);

for (const preset of withResources) test(describes, preset);

const writes = test.macro({
  title: (_, preset: PresetName) => `what is written for ${preset} is what Calico would accept`,
  async exec(t: ExecutionContext, preset: PresetName) {
    const folder = mkdtempSync(join(tmpdir(), 'encap-preset-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'cluster.yaml');
    writeFileSync(
      file,
      resourcesOf(presets[preset])
        .map((one) => stringify(one))
        .join('---\n'),
    );
    const { documents, problems } = await readResources([file]);
    t.deepEqual(validate({ files: [file], documents, problems }), []);
  },
});

for (const preset of presetNames) test(writes, preset);

test('what is written for a preset leads to the same tables as the resources in examples/', async (t) => {
  for (const preset of withResources) {
    const folder = mkdtempSync(join(tmpdir(), 'encap-preset-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'cluster.yaml');
    writeFileSync(
      file,
      resourcesOf(presets[preset])
        .map((one) => stringify(one))
        .join('---\n'),
    );
    const [written, shown] = await Promise.all(
      [file, presets[preset].resources ?? ''].map(async (path) => {
        const { inventory } = inventoryOf(await readResources([path]), {});
        return presets[preset].nodes.map(({ name }) => {
          const { desired } = decide(inventory, name as NodeName);
          return { ...desired, blocks: new Map([...desired.blocks].sort()) };
        });
      }),
    );
    t.deepEqual(written, shown, preset);
  }
});

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
  return [node.blocks[0]?.tunnelAddress ?? '', ...node.workloads.map(({ address }) => address)].map(
    (address) => Number(address.split('.')[3]),
  );
}

function byCidr({ cidr: a }: { readonly cidr: string }, { cidr: b }: { readonly cidr: string }) {
  return a < b ? -1 : 1;
}

function itemsOf({ resources = '' }: Topology, file: string): readonly unknown[] {
  const list = parse(readFileSync(`${resources}/${file}`, 'utf8')) as {
    readonly items: readonly unknown[];
  };
  return list.items;
}

interface CalicoNode {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly bgp: {
      readonly ipv4Address: string;
      readonly ipv6Address?: string;
      readonly ipv4IPIPTunnelAddr?: string;
    };
    readonly ipv4VXLANTunnelAddr?: string;
    readonly ipv6VXLANTunnelAddr?: string;
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
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly cidr: string;
    readonly blockSize: number;
    readonly vxlanMode: string;
    readonly ipipMode: string;
  };
}
