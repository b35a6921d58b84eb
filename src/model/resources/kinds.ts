import { blockAffinity, type BlockAffinity } from './block-affinity.js';
import { clusterConfiguration, type ClusterConfiguration } from './cluster-configuration.js';
import { felixConfiguration, type FelixConfiguration } from './felix-configuration.js';
import { installation, type Installation } from './installation.js';
import { ipPool, type IpPool } from './ip-pool.js';
import { ipamBlock, type IpamBlock } from './ipam-block.js';
import type { ResourceKind } from './kind.js';
import { kubernetesNode } from './kubernetes-node.js';
import { nodeConfig, type NodeConfig } from './node-config.js';
import { calicoNode, type CalicoNode } from './node.js';
import { workloadList, type WorkloadList } from './workload-list.js';

/** A resource that was read. */
export type Resource =
  | IpPool
  | CalicoNode
  | IpamBlock
  | BlockAffinity
  | FelixConfiguration
  | Installation
  | WorkloadList
  | NodeConfig
  | ClusterConfiguration;

/** Every resource that we read: a new one is a file and a line here. */
export const kinds: readonly ResourceKind<Resource>[] = [
  ipPool,
  calicoNode,
  kubernetesNode,
  ipamBlock,
  blockAffinity,
  felixConfiguration,
  installation,
  workloadList,
  nodeConfig,
  clusterConfiguration,
];

/** Calico's resources that have no say in encapsulation: `calicoctl get` writes them into the same files. */
export const unreadKinds: readonly string[] = `
  BGPConfiguration BGPFilter BGPPeer CalicoNodeStatus ClusterInformation GlobalNetworkPolicy
  GlobalNetworkSet HostEndpoint IPAMConfig IPAMConfiguration IPAMHandle IPReservation KubeControllersConfiguration
  NetworkPolicy NetworkSet Profile StagedGlobalNetworkPolicy StagedKubernetesNetworkPolicy StagedNetworkPolicy
  Tier WorkloadEndpoint APIServer ImageSet TigeraStatus Goldmane Whisker`
  .trim()
  .split(/\s+/);

/** API groups whose kinds we know all of: an unknown one there is a typo. */
export const calicoGroups: readonly string[] = [
  'projectcalico.org',
  'crd.projectcalico.org',
  'operator.tigera.io',
  'encap',
];
