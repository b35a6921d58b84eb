import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { endpoint, type Endpoint } from '../lab/endpoint.js';
import { resourcesOf } from '../lab/resources.js';
import { runFolder, type Lab } from '../lab/state.js';
import { carriedBy, type LabNode, type Topology } from '../lab/topology.js';
import { raise } from '../lab/up.js';
import type { End, Path } from './generators/generator.js';
import { inNamespace } from './place.js';
import type { Variant } from './variant.js';

const [pool, blockSize] = ['10.244.0.0/16', 26];

/**
 * Two nodes on one cable, a workload on each. Every variant has the same MTU, that of VXLAN: what is compared are
 * packets of the same size.
 */
const topology: Topology = {
  segments: [{ name: 'cable', prefixLength: 24 }],
  nodes: [node('a', 1, '66:07:02:c1:cc:60'), node('b', 2, '66:89:3a:22:7a:ac')],
  pools: [{ name: 'bench', cidr: pool, blockSize, vxlanMode: 'Always', ipipMode: 'Never' }],
  workloadMtu: 1450,
};

function node(letter: string, number: number, vtepMac: string): LabNode {
  const block = `10.244.${number}`;
  return {
    name: `node-${letter}`,
    segment: 'cable',
    address: `192.168.10.1${number}`,
    blocks: [{ pool: 'bench', cidr: `${block}.0/${blockSize}`, tunnelAddress: `${block}.0` }],
    vtepMac,
    carrier: 'encap',
    workloads: [{ name: `${letter}1`, address: `${block}.5` }],
  };
}

/** Builds the network of a variant. The agents of ours read resources that are written for it. */
export async function build(name: string, variant: Variant): Promise<Lab> {
  const manifests = runFolder(name, 'manifests');
  mkdirSync(manifests, { recursive: true });
  const network = networkOf(variant);
  const settings =
    variant.settings === undefined
      ? []
      : [{ apiVersion: 'encap/v1', kind: 'NodeConfig', ...variant.settings }];
  const documents = [...resourcesOf(network), ...settings].map((resource) => stringify(resource));
  writeFileSync(join(manifests, 'cluster.yaml'), documents.join('---\n'));
  return raise('bench', network, { name, manifests, patienceMs });
}

/** Its pool travels as the variant says. */
function networkOf({ carrier, pool: modes }: Variant): Topology {
  const pools = topology.pools.map((one) => ({ ...one, ...modes }));
  return carriedBy({ ...topology, pools }, carrier);
}

/** An emulated machine needs a minute for what others do in a second, and it is not measured. */
const patienceMs = 180_000;

/** From the first node's workload to the second's, each on a CPU of its own where there are two. */
export function pathOf(lab: Lab, cpus: readonly number[]): Path {
  const [first, second] = cpus.length > 1 ? cpus : [];
  return {
    client: endOf(endpoint(lab, 'a1'), first),
    server: endOf(endpoint(lab, 'b1'), second),
    polls: second !== undefined,
  };
}

function endOf({ namespace, address }: Endpoint, cpu: number | undefined): End {
  return { place: inNamespace(namespace, cpu), address };
}
