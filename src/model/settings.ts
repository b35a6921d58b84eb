import type { Cidr } from '../net/cidr.js';

/** What FelixConfiguration (global, then this node's) and FELIX_* say; defaults applied. */
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
  readonly programClusterRoutes: 'Enabled' | 'Disabled' | 'EnabledIPIPOnly' | 'EnabledNoEncapOnly';
}
