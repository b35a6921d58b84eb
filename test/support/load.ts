import { open, type BpfObject } from 'libbpf-ts';
import * as abi from '../../src/datapath/abi.js';
import { configOf, probe, type Config, type ProgramSettings } from '../../src/datapath/config.js';
import { datapathObject } from './object.js';
import { fill, tablesOf, type NodeName, type PoolRow, type Tables } from './world.js';

/** A node's loaded programs, with the tables that its agent would have written. */
export interface Loaded {
  readonly object: BpfObject;
  readonly config: Config;
  readonly tables: Tables;
}

/** Loads the programs as a node of the corpus, with Felix' defaults but for `changes`. */
export function load(
  node: NodeName,
  changes: Partial<Config> = {},
  file: string = datapathObject(),
  more: readonly PoolRow[] = [],
): Loaded {
  const config = { ...configOf(settings, probe()), ...changes };
  const object = open(file).setGlobal('config', abi.config, config).load();
  const tables = tablesOf(object);
  fill(tables, node, more);
  return { object, config, tables };
}

const settings: ProgramSettings = {
  vxlanVni: 4096,
  vxlanPort: 4789,
  allowVxlanFromWorkloads: false,
  allowIpipFromWorkloads: false,
  checks: {
    source: 'strict',
    destination: 'strict',
    vxlanReservedBits: 'strict',
    outerOptions: 'drop',
  },
  dscp: 'inherit',
  outerTtl: 64,
  sharedVxlanPort: true,
  fastPath: 'never',
  beyondCalico: { ipv6PoolsOver: 'ipv6', ipv4PoolsOver: 'ipv4', ip6ip: false },
};
