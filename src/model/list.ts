import type { World } from './assemble.js';
import type { FelixSpec } from './resources/felix-configuration.js';
import type { IpPool } from './resources/ip-pool.js';
import { blockName, type IpamBlock } from './resources/ipam-block.js';
import type { CalicoNode } from './resources/node.js';
import type { Settings } from './settings.js';

/** What `get` can show. */
export type Listed = 'pools' | 'nodes' | 'blocks' | 'config' | 'nodeconfig';

/** A list as calicoctl prints it; what it holds can be fed back to us, or to calicoctl. */
export interface List {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: object;
  readonly items: readonly Item[];
}

export interface Item {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  /** Calico's resources have one; what a NodeConfig says stands beside its metadata. */
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: object;
}

const calico = 'projectcalico.org/v3';

/** The resources as understood: defaults applied, environment applied, Installation converted. */
export function listOf(world: World, what: Listed): List {
  switch (what) {
    case 'pools':
      return {
        apiVersion: calico,
        kind: 'IPPoolList',
        metadata: {},
        items: world.pools.map(poolItem),
      };
    case 'nodes':
      return {
        apiVersion: calico,
        kind: 'NodeList',
        metadata: {},
        items: world.nodes.map(nodeItem),
      };
    case 'blocks':
      // Calico has no list of blocks of its own: this is Kubernetes'.
      return { apiVersion: 'v1', kind: 'List', metadata: {}, items: world.blocks.map(blockItem) };
    case 'config':
      return {
        apiVersion: calico,
        kind: 'FelixConfigurationList',
        metadata: {},
        items: [
          {
            apiVersion: calico,
            kind: 'FelixConfiguration',
            metadata: { name: 'default' },
            spec: { ...felixSpecOf(world.inventory.settings) },
          },
        ],
      };
    case 'nodeconfig':
      return { apiVersion: 'v1', kind: 'List', metadata: {}, items: [nodeConfigItem(world)] };
  }
}

function poolItem({ name, spec }: IpPool): Item {
  return { apiVersion: calico, kind: 'IPPool', metadata: { name }, spec: { ...spec } };
}

function nodeItem({ name, labels, spec, podCidrs }: CalicoNode): Item {
  const { bgp, addresses, ...tunnels } = spec;
  return {
    apiVersion: calico,
    kind: 'Node',
    metadata: { name, ...(Object.keys(labels).length === 0 ? {} : { labels }) },
    spec: {
      ...(bgp === undefined ? {} : { bgp: written({ ...bgp }) }),
      ...written({ ...tunnels }),
      ...(addresses.length === 0 ? {} : { addresses: addresses.map((one) => written({ ...one })) }),
    },
    ...(podCidrs.length === 0 ? {} : { status: { podCIDRs: podCidrs } }),
  };
}

function blockItem({ cidr, spec }: IpamBlock): Item {
  const { affinity, hostAffinity, ...rest } = spec;
  const owner =
    affinity === '' ? (hostAffinity === '' ? undefined : `host:${String(hostAffinity)}`) : affinity;
  return {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'IPAMBlock',
    metadata: { name: blockName(cidr) },
    spec: { ...rest, cidr, ...(owner === undefined ? {} : { affinity: owner }) },
  };
}

/** Members that hold something: the empty text is how an absent one is read. */
function written(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== ''));
}

/** Members that somebody wrote. */
function said(members: object): object {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]: [string, unknown]) => value !== undefined),
  );
}

/** The settings in the words of a FelixConfiguration, every default among them. */
export function felixSpecOf(settings: Settings): FelixSpec {
  const { vxlanEnabled, ipipEnabled, mtu } = settings;
  return {
    ...(vxlanEnabled === undefined ? {} : { vxlanEnabled }),
    ...(ipipEnabled === undefined ? {} : { ipipEnabled }),
    vxlanPort: settings.vxlanPort,
    vxlanVNI: settings.vxlanVni,
    vxlanMTU: mtu.vxlan,
    vxlanMTUV6: mtu.vxlanV6,
    ipipMTU: mtu.ipip,
    ipv6Support: settings.ipv6Support,
    externalNodesList: settings.externalNodes,
    allowVXLANPacketsFromWorkloads: settings.allowVxlanFromWorkloads,
    allowIPIPPacketsFromWorkloads: settings.allowIpipFromWorkloads,
    routeSource: settings.routeSource,
    programClusterRoutes: settings.programClusterRoutes,
  };
}

/** What a NodeConfig says, or would say: every default is there. */
function nodeConfigItem({ config, inventory: { settings } }: World): Item & NodeConfigMembers {
  const { underlay, kernelTunnels, checks, dscp, outerTtl, sharedVxlanPort, receiveMerging } =
    settings;
  const { fastPath, beyondCalico, zeroUdpChecksum, metrics, health, log } = settings;
  return {
    apiVersion: 'encap/v1',
    kind: 'NodeConfig',
    metadata: { name: config === undefined || config.name === '' ? 'default' : config.name },
    ...(config?.datastore === undefined ? {} : { datastore: said(config.datastore) }),
    node: {
      ...(config?.node === undefined ? {} : { name: config.node }),
      ...(underlay.interface === undefined ? {} : { interfaces: [underlay.interface] }),
    },
    vxlan: { vni: settings.vxlanVni, port: settings.vxlanPort },
    mtu: { underlay: underlay.mtu === 0 ? 'auto' : underlay.mtu },
    kernelTunnels,
    checks,
    dscp,
    outerTtl,
    sharedVxlanPort,
    receiveMerging,
    fastPath,
    beyondCalico,
    zeroUdpChecksum,
    metrics,
    health,
    log,
  };
}

/** The members of a NodeConfig as it is written. */
interface NodeConfigMembers extends Pick<
  Settings,
  | 'kernelTunnels'
  | 'checks'
  | 'dscp'
  | 'outerTtl'
  | 'sharedVxlanPort'
  | 'receiveMerging'
  | 'fastPath'
  | 'beyondCalico'
  | 'zeroUdpChecksum'
  | 'metrics'
  | 'health'
  | 'log'
> {
  readonly datastore?: object;
  readonly node: object;
  readonly vxlan: object;
  readonly mtu: object;
}
