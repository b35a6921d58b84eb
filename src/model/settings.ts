import type { Family } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import type { SocketAddress } from '../net/socket-address.js';
import type { LogLevel } from './log-level.js';
import type { NodeName } from './node.js';

/** What an inner address must be: of its sender (source) or of us (destination); of no third node; anything. */
export type Check = 'strict' | 'pool' | 'off';

/**
 * DSCP of the outer header (RFC 2983): the inner packet's; the same, and the inner packet gets it back from the outer
 * one at the far end (uniform); one number for all, and nothing at the far end (pipe).
 */
export type Dscp = 'inherit' | 'uniform' | { readonly pipe: number };

/** What is asked of received packets, and what is forgiven. */
export interface Checks {
  readonly source: Check;
  readonly destination: Check;
  /** RFC 7348 section 5: reserved bits are zero, and ignored where they are not; strict drops them. */
  readonly vxlanReservedBits: 'strict' | 'ignore';
  /** Options of the outer IPv4 header: no node of a cluster sends any. */
  readonly outerOptions: 'drop' | 'accept';
}

/**
 * What becomes of Calico's tunnel devices: replace: what they would carry is ours; coexist: they carry what their routes
 * lead to, and we the rest; leave: the same, and it is said that it was hardly meant so.
 */
export type KernelTunnels = 'replace' | 'coexist' | 'leave';

/** Ways that Calico has no name for. */
export interface BeyondCalico {
  /** The outer headers of encapsulated IPv6 pools. */
  readonly ipv6PoolsOver: Family;
  /** The outer headers of encapsulated IPv4 pools; IPIP is IPv4 in IPv4, whatever this says. */
  readonly ipv4PoolsOver: Family;
  /** ipipMode of an IPv6 pool is IPv6 behind protocol 41. */
  readonly ip6ip: boolean;
}

/** How an agent is looked at; command line and environment have their say before this. */
export interface Telemetry {
  /** Where Prometheus finds figures; perPeer: some of them for each node, which a large cluster may be too many for. */
  readonly metrics: { readonly listen: SocketAddress | 'off'; readonly perPeer: boolean };
  /** Where it says whether it lives and whether its node is ready. */
  readonly health: { readonly listen: SocketAddress | 'off' };
  readonly log: { readonly level: LogLevel };
}

/** What FelixConfiguration (global, then this node's), FELIX_* and a NodeConfig say; defaults applied. */
export interface Settings extends Telemetry {
  /** undefined: derived from the pools; where we replace Felix's devices, they speak of these alone. vxlanEnabled governs IPv4 only. */
  readonly vxlanEnabled: boolean | undefined;
  readonly ipipEnabled: boolean | undefined;
  /** UDP port of VXLAN, default 4789. */
  readonly vxlanPort: number;
  /** Default 4096. */
  readonly vxlanVni: number;
  /** Bytes; 0 = from the underlay. */
  readonly mtu: { readonly vxlan: number; readonly vxlanV6: number; readonly ipip: number };
  readonly ipv6Support: boolean;
  readonly externalNodes: readonly Cidr[];
  readonly allowVxlanFromWorkloads: boolean;
  readonly allowIpipFromWorkloads: boolean;
  readonly routeSource: 'CalicoIPAM' | 'WorkloadIPs';
  /** NodeConfig: the interface to the other nodes; undefined: the one with the node's address. MTU 0: the interface's own. */
  readonly underlay: { readonly interface: string | undefined; readonly mtu: number };
  readonly kernelTunnels: KernelTunnels;
  readonly checks: Checks;
  readonly dscp: Dscp;
  /** TTL or hop limit of the outer header; inherit: the inner packet's. */
  readonly outerTtl: number | 'inherit';
  /** Packets with another VNI on the VXLAN port are someone's: they pass. Else they are dropped. */
  readonly sharedVxlanPort: boolean;
  /** Whether the kernel is made to merge received VXLAN packets before they are taken out. */
  readonly receiveMerging: 'auto' | 'off';
  /**
   * Which packets between workloads go past the host's stack: none; those of flows that its conntrack holds as answered
   * and without NAT; all, whatever the host's rules say.
   */
  readonly fastPath: 'never' | 'guarded' | 'always';
  readonly beyondCalico: BeyondCalico;
  /** To which nodes VXLAN over IPv6 goes without a UDP checksum (RFC 6935): a kernel's vxlan device drops it. */
  readonly zeroUdpChecksum: 'never' | 'always' | readonly NodeName[];
  readonly programClusterRoutes: 'Enabled' | 'Disabled' | 'EnabledIPIPOnly' | 'EnabledNoEncapOnly';
}
