import type { Carrier, LabNode, Topology } from './topology.js';

type Pool = 'vxlan' | 'ipip';
type Letter = 'a' | 'b' | 'c';

const poolPrefix: Readonly<Record<Pool, string>> = { vxlan: '10.244', ipip: '10.245' };
const blockNumber: Readonly<Record<Letter, number>> = { a: 1, b: 2, c: 3 };
const vtepMacs: Readonly<Record<Letter, string>> = {
  a: '66:07:02:c1:cc:60',
  b: '66:89:3a:22:7a:ac',
  c: '66:1a:b9:f1:6e:af',
};

/** The networks that `encap lab up` knows by name; each has its Calico resources in examples/. */
export const presets = {
  two: {
    segments: [{ name: 'east', router: '192.168.10.1', prefixLength: 24 }],
    nodes: [
      node('a', 'east', '192.168.10.11', 'vxlan'),
      node('b', 'east', '192.168.10.12', 'vxlan'),
    ],
    vxlanMode: 'Always',
    workloadMtu: 1450,
    manifests: 'two',
  },
  crosssubnet: {
    ...crossSubnet('vxlan'),
    vxlanMode: 'CrossSubnet',
    workloadMtu: 1450,
    manifests: 'crosssubnet',
  },
  ipip: { ...crossSubnet('ipip'), vxlanMode: 'Never', workloadMtu: 1480, manifests: 'ipip' },
  mixed: {
    ...crossSubnet('vxlan', 'kernel-vxlan'),
    vxlanMode: 'Always',
    workloadMtu: 1450,
    manifests: 'mixed',
  },
} as const satisfies Record<string, Topology>;

export type PresetName = keyof typeof presets;

export const presetNames = Object.keys(presets) as readonly PresetName[];

/** One sentence for each preset, for help and listings. */
export const presetTitles: Readonly<Record<PresetName, string>> = {
  two: 'two nodes in one subnet, VXLAN Always',
  crosssubnet: 'router, two subnets, three nodes, VXLAN CrossSubnet',
  ipip: 'router, two subnets, three nodes, IP-in-IP Always',
  mixed: 'as crosssubnet with VXLAN Always; node-b runs the kernel’s own vxlan device',
};

/** Two nodes on one side of a router, the third on the other. */
function crossSubnet(pool: Pool, ofNodeB: Carrier = 'encap'): Pick<Topology, 'segments' | 'nodes'> {
  return {
    segments: [
      { name: 'east', router: '192.168.10.1', prefixLength: 24 },
      { name: 'west', router: '192.168.20.1', prefixLength: 24 },
    ],
    nodes: [
      node('a', 'east', '192.168.10.11', pool),
      { ...node('b', 'east', '192.168.10.12', pool), carrier: ofNodeB },
      node('c', 'west', '192.168.20.11', pool),
    ],
  };
}

/** A node with the first address of its block as tunnel address and two workloads, as Calico's IPAM hands them out. */
function node(letter: Letter, segment: string, address: string, pool: Pool): LabNode {
  const block = `${poolPrefix[pool]}.${blockNumber[letter]}`;
  return {
    name: `node-${letter}`,
    segment,
    address,
    block: `${block}.0/26`,
    tunnelAddress: `${block}.0`,
    vtepMac: vtepMacs[letter],
    carrier: 'encap',
    workloads: [
      { name: `${letter}1`, address: `${block}.5` },
      { name: `${letter}2`, address: `${block}.6` },
    ],
  };
}
