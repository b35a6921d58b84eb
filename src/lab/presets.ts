import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { checkout } from './checkout.js';
import type { Topology } from './topology.js';
import { topologyFile } from './topology/file.js';
import { layOut } from './topology/lay-out.js';

/** The networks that `encap lab up` knows by name, and one sentence for each: files of examples/lab. */
export const presetTitles = {
  two: 'two nodes in one subnet, VXLAN Always',
  crosssubnet: 'router, two subnets, three nodes, VXLAN CrossSubnet',
  ipip: 'router, two subnets, three nodes, IP-in-IP Always',
  mixed: 'as crosssubnet with VXLAN Always; node-b runs the kernel’s own vxlan device',
  'dual-stack': 'as crosssubnet, with IPv4 and IPv6 in underlay and overlay',
  scale100: 'a hundred nodes in four subnets; their agents make one round and end',
} as const;

export type PresetName = keyof typeof presetTitles;

export const presetNames = Object.keys(presetTitles) as readonly PresetName[];

export const presets: Readonly<Record<PresetName, Topology>> = Object.fromEntries(
  presetNames.map((name) => [name, read(name)]),
) as Record<PresetName, Topology>;

/** The file of a preset: to copy, and to change. */
export function presetFile(name: PresetName): string {
  return join(checkout, `examples/lab/${name}.yaml`);
}

function read(name: PresetName): Topology {
  const file = presetFile(name);
  return layOut(topologyFile.parse(parse(readFileSync(file, 'utf8'))), dirname(file));
}
