import type { Cidr } from '../net/cidr.js';

/** What an inner address must be: of its sender (source) or of us (destination); of no third node; anything. */
export type Check = 'strict' | 'pool' | 'off';

/** What FelixConfiguration (global, then this node's), FELIX_* and a NodeConfig say; defaults applied. */
export interface Settings {
  /** undefined: derived from the pools. vxlanEnabled governs IPv4 only. */
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
  /** NodeConfig: of what inner addresses must be. */
  readonly checks: { readonly source: Check; readonly destination: Check };
  readonly programClusterRoutes: 'Enabled' | 'Disabled' | 'EnabledIPIPOnly' | 'EnabledNoEncapOnly';
}
