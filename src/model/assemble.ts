import { type Address } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import { withinBounds } from './beyond-calico.js';
import { type Finding, headOf, problemOf } from './check.js';
import type { Block } from './block.js';
import type { Documents } from './document.js';
import { defaultPools, type Environment, namesPools } from './environment.js';
import type { Inventory } from './inventory.js';
import type { NodeName } from './node.js';
import { inReadingOrder, type Problem } from './problem.js';
import type { FelixConfiguration } from './resources/felix-configuration.js';
import type { IpPool } from './resources/ip-pool.js';
import type { IpamBlock } from './resources/ipam-block.js';
import type { Resource } from './resources/kinds.js';
import type { NodeConfig } from './resources/node-config.js';
import type { CalicoNode } from './resources/node.js';
import type { WorkloadList } from './resources/workload-list.js';
import { blockOf, hostLocalBlocks } from './translate/block.js';
import { nodeOf, withHostLocalTunnel } from './translate/node.js';
import { poolOf } from './translate/pool.js';
import { settingsOf, type SettingsSources } from './translate/settings.js';
import { identityIn } from './plain-block.js';
import { understand, type Understood } from './understand.js';
import { contestedBlocks, wholeFindings } from './whole.js';

/** A set of resources as understood. */
export interface World {
  readonly inventory: Inventory & { readonly blocks: readonly Block[] };
  /** For `get`: defaults and environment applied, Installation converted, podCIDRs turned into blocks. */
  readonly pools: readonly IpPool[];
  readonly nodes: readonly CalicoNode[];
  readonly blocks: readonly IpamBlock[];
  readonly config: NodeConfig | undefined;
  /** What Calico's API would refuse and Felix tolerates, and what is odd. */
  readonly warnings: readonly Problem[];
  /** Resources that leave no decision, and texts that can't be read. The rest of the world does not wait for them. */
  readonly refused: readonly Problem[];
  /** Whose word counts for the settings. */
  readonly speakers: SettingsSources;
  /** All that was read, with the places of it. */
  readonly all: readonly Understood[];
  /** By identity, what was good: where a later edition of one is refused, this one stays in force. */
  readonly good: ReadonlyMap<string, Resource>;
}

export interface AssembleOptions {
  readonly environment?: Environment;
  /** For whom settings are read. */
  readonly node?: string | undefined;
  /** The world before this one: its good resources stand in for refused ones. */
  readonly before?: Pick<World, 'good'> | undefined;
}

/** The tolerant reading: documents → the world that decisions are made of. */
export function inventoryOf(documents: Documents, options: AssembleOptions = {}): World {
  return worldOf({ ...documents, all: documents.documents.map(understand) }, options);
}

/** The same of documents that were understood before. */
export function worldOf(files: UnderstoodFiles, options: AssembleOptions = {}): World {
  const { inventory, findings: _findings, ...world } = assembled(files, options);
  const blocks = world.blocks.map(blockOf);
  return { ...world, all: files.all, inventory: { ...inventory, blocks } };
}

/** What was understood of a set of files. */
export interface UnderstoodFiles extends Pick<Documents, 'files' | 'problems'> {
  readonly all: readonly Understood[];
}

/** A world whose blocks are still as Calico has them. */
export interface Assembled extends Omit<World, 'inventory' | 'all'> {
  readonly inventory: Omit<Inventory, 'blocks'>;
  /** Of more than one resource. */
  readonly findings: readonly Finding[];
}

export function assembled(
  { files, problems, all: understood }: UnderstoodFiles,
  options: AssembleOptions,
): Assembled {
  const environment = options.environment ?? {};
  const all = withinBounds(understood);
  const contests = contestedBlocks(all);
  const contested: ReadonlySet<Understood> = new Set(contests.map(({ claim }) => claim));
  const good = goodOnes(all, contested, options.before?.good);
  const resources = [...good.values()];
  // A pool that is refused is a pool all the same: no default takes its place.
  const hasPools = all.some((one) => /^(?:IPPool|Installation)\//.test(identityIn(one) ?? ''));
  const { pools, nodes, blocks } = calicoWorld(resources, environment, hasPools);
  const config = resources.find((one) => one.kind === 'NodeConfig');
  const speakers: SettingsSources = {
    felix: resources.filter((one): one is FelixConfiguration => one.kind === 'FelixConfiguration'),
    node: options.node ?? config?.node,
    nodes,
    config,
    installationMtu: resources.find((one) => one.kind === 'Installation')?.mtu,
    environment,
  };
  const inventory = {
    pools: pools.map(poolOf),
    nodes: new Map(nodes.map(nodeOf).map((node) => [node.name, node])),
    workloads: workloadsOf(resources.filter((one) => one.kind === 'WorkloadList')),
    settings: settingsOf(speakers),
  };
  const findings = wholeFindings(all, contests);
  const words = told({ files, problems, all }, contested, findings);
  return { inventory, pools, nodes, blocks, config, speakers, good, findings, ...words };
}

/** Of two with one name the later counts, as with `kubectl apply`. A refused one gives way to its last good edition. */
function goodOnes(
  all: readonly Understood[],
  contested: ReadonlySet<Understood>,
  before: ReadonlyMap<string, Resource> | undefined,
): Map<string, Resource> {
  const good = new Map<string, Resource>();
  all.forEach((one, index) => {
    const { resource } = one;
    const identity = identityIn(one) ?? `${headOf(one.document.value).kind ?? ''}/ number ${index}`;
    const usable = contested.has(one) ? before?.get(identity) : (resource ?? before?.get(identity));
    if (usable !== undefined) good.set(identity, usable);
  });
  return good;
}

interface CalicoWorld {
  readonly pools: readonly IpPool[];
  readonly nodes: readonly CalicoNode[];
  readonly blocks: readonly IpamBlock[];
}

function calicoWorld(
  resources: readonly Resource[],
  environment: Environment,
  hasPools: boolean,
): CalicoWorld {
  const nodes = nodesIn(resources);
  const ipam = resources.filter((one): one is IpamBlock => one.kind === 'IPAMBlock');
  const hostLocal = ipam.length === 0 && nodes.some((node) => node.podCidrs.length > 0);
  const ready = hostLocal ? nodes.map(withHostLocalTunnel) : nodes;
  return {
    pools: poolsIn(resources, { environment, nodes: ready, hasPools }),
    nodes: ready,
    blocks: hostLocal ? ready.flatMap(hostLocalBlocks) : onePerCidr(ipam),
  };
}

/** Calico names a block by its CIDR. Of two by other names the later counts. */
function onePerCidr(blocks: readonly IpamBlock[]): readonly IpamBlock[] {
  const byCidr = new Map<Cidr, IpamBlock>();
  for (const block of blocks) byCidr.set(block.cidr, block);
  return byCidr.size === blocks.length ? blocks : [...byCidr.values()];
}

/** A node can be there twice, as Calico sees it and as Kubernetes does: Calico's view counts, Kubernetes knows the podCIDRs. */
function nodesIn(resources: readonly Resource[]): CalicoNode[] {
  const byName = new Map<string, CalicoNode>();
  for (const node of resources.filter((one) => one.kind === 'Node')) {
    const other = byName.get(node.name);
    const first = other === undefined || !isKubernetes(node) ? node : other;
    const podCidrs = [node, ...(other === undefined ? [] : [other])].find(
      (one) => one.podCidrs.length > 0,
    )?.podCidrs;
    byName.set(node.name, { ...first, podCidrs: podCidrs ?? [] });
  }
  return [...byName.values()].sort((a, b) => compare(a.name, b.name));
}

function isKubernetes(node: CalicoNode): boolean {
  return node.origin === 'Kubernetes';
}

interface PoolSurroundings {
  readonly environment: Environment;
  readonly nodes: readonly CalicoNode[];
  /** Whether pools were written at all, good or bad. */
  readonly hasPools: boolean;
}

function poolsIn(
  resources: readonly Resource[],
  { environment, nodes, hasPools }: PoolSurroundings,
): IpPool[] {
  const written = resources.filter((one) => one.kind === 'IPPool');
  // The operator's pools show up as IPPools too, once it has made them: those are the truth.
  const fromOperator = resources
    .flatMap((one) => (one.kind === 'Installation' ? one.pools : []))
    .filter(
      ({ name, spec }) =>
        !written.some((pool) => pool.name === name || pool.spec.cidr === spec.cidr),
    );
  const pools = [...written, ...fromOperator];
  const podSubnets = resources.flatMap((one) =>
    one.kind === 'ClusterConfiguration' ? one.podSubnet.split(',') : [],
  );
  if (!hasPools || namesPools(environment))
    pools.push(
      ...defaultPools(environment, {
        pools,
        podSubnets: podSubnets.map((subnet) => subnet.trim()),
        hosts: nodes.flatMap((node) => nodeOf(node).addresses),
      }),
    );
  return pools.sort((a, b) => compare(a.name, b.name));
}

/** Live addresses; of two nodes with the same one, the lowest name counts. */
function workloadsOf(lists: readonly WorkloadList[]): Inventory['workloads'] {
  if (lists.length === 0) return undefined;
  const workloads = new Map<Address, NodeName>();
  for (const { node, ips } of lists.flatMap((list) => list.items)) {
    for (const ip of ips) {
      const owner = workloads.get(ip);
      if (owner === undefined || node < owner) workloads.set(ip, node as NodeName);
    }
  }
  return workloads;
}

function told(
  { files, problems, all }: UnderstoodFiles,
  contested: ReadonlySet<Understood>,
  whole: readonly Finding[],
): Pick<World, 'warnings' | 'refused'> {
  const refusedDocuments = new Set(
    all
      .filter(
        (one) => contested.has(one) || (one.resource === undefined && one.findings.length > 0),
      )
      .map((one) => one.document),
  );
  const findings = [...all.flatMap((one) => one.findings), ...whole];
  const isRefused = ({ document, severity = 'error' }: Finding): boolean =>
    refusedDocuments.has(document) && severity === 'error';
  const asWarning = (finding: Finding): Problem => ({ ...problemOf(finding), severity: 'warning' });
  const unreadable = problems.filter(({ severity }) => severity === 'error');
  const odd = problems.filter(({ severity }) => severity === 'warning');
  return {
    warnings: inReadingOrder(
      [...odd, ...findings.filter((finding) => !isRefused(finding)).map(asWarning)],
      files,
    ),
    refused: inReadingOrder([...unreadable, ...findings.filter(isRefused).map(problemOf)], files),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
