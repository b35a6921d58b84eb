import type { Brand, Address, Family, Ipv4, Ipv6 } from '../net/address.js';
import type { Mac } from '../net/mac.js';

export type NodeName = Brand<string, 'NodeName'>;

/** An address with the length of its subnet's prefix: `192.168.1.11/24`. */
export interface InterfaceAddress {
  readonly address: Address;
  readonly prefixLength: number;
}

/** What one family of a node's Calico resource says. */
export interface NodeFamily {
  /** spec.bgp.ipv4Address / ipv6Address as written. `undefined` without a (valid) one. */
  readonly bgp: (InterfaceAddress & { readonly hasPrefix: boolean }) | undefined;
  /** The first InternalIP, else the first ExternalIP of spec.addresses; a bare IP counts as /32, /128. */
  readonly fallback: (InterfaceAddress & { readonly hasPrefix: boolean }) | undefined;
  /** spec.ipv4VXLANTunnelAddr / ipv6VXLANTunnelAddr. */
  readonly vxlanTunnelAddress: Address | undefined;
  /** spec.vxlanTunnelMACAddr / vxlanTunnelMACAddrV6, where explicit. */
  readonly vxlanTunnelMac: Mac | undefined;
  /** spec.bgp.ipv4IPIPTunnelAddr. */
  readonly ipipTunnelAddress: Address | undefined;
}

/** Calico's Node, or a Kubernetes Node with Calico's annotations. */
export interface Node {
  readonly name: NodeName;
  readonly ipv4: NodeFamily;
  readonly ipv6: NodeFamily;
  /** spec.bgp: absent, there without any member (Felix takes the host for removed, as far as IPIP goes), or set. */
  readonly bgpSection: 'absent' | 'empty' | 'set';
  /** All addresses of bgp and spec.addresses: never encapsulated. */
  readonly addresses: readonly Address[];
  /** podCIDRs, for host-local IPAM. */
  readonly podCidrs: readonly string[];
}

export type { Family, Ipv4, Ipv6 };
