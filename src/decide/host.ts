import type { InterfaceAddress, Node, NodeName } from '../model/node.js';
import { families, type Address, type Family } from '../net/address.js';
import { cidrOf, contains } from '../net/cidr.js';
import { vtepOf, type Vtep } from './vtep.js';

/** One family of a node, as the three parts of Felix that read it see it: each has rules of its own. */
export interface Host {
  readonly node: NodeName;
  /** Next hop of unencapsulated routes; its prefix is the node's subnet (felix/calc/l3_route_resolver.go). */
  readonly interfaceAddress: InterfaceAddress | undefined;
  /** Where IPIP packets go (felix/calc/dataplane_passthru.go). */
  readonly ipipAddress: Address | undefined;
  /** Where VXLAN packets go, by the family of those inside (felix/calc/vxlan_resolver.go). */
  readonly vteps: Readonly<Record<Family, Vtep | undefined>>;
}

export function hostOf(node: Node, family: Family): Host {
  return {
    node: node.name,
    interfaceAddress: interfaceAddressOf(node, family),
    ipipAddress: ipipAddressOf(node, family),
    vteps: { ipv4: vtepOf(node, family, 'ipv4'), ipv6: vtepOf(node, family, 'ipv6') },
  };
}

/** A node without any address takes no part: not its tunnel addresses, nor the others in spec.addresses. */
export function isKnown(node: Node): boolean {
  return families.some((family) => interfaceAddressOf(node, family) !== undefined);
}

/** Only the local prefix decides: where prefixes differ, two nodes may well answer differently. */
export function isSameSubnet(local: Host | undefined, remote: Host): boolean {
  if (local?.interfaceAddress === undefined || remote.interfaceAddress === undefined) return false;
  const { address, prefixLength } = local.interfaceAddress;
  return contains(cidrOf(address, prefixLength), remote.interfaceAddress.address);
}

/** A BGP address of either family rules out InternalIP and ExternalIP for both. */
function interfaceAddressOf(node: Node, family: Family): InterfaceAddress | undefined {
  const { bgp, fallback } = node[family];
  return families.some((one) => node[one].bgp !== undefined) ? bgp : fallback;
}

/** Here the fallback is per family, and takes the place of a BGP address without prefix length too. */
function ipipAddressOf(node: Node, family: Family): Address | undefined {
  const hasTunnelAddress = node.ipv4.ipipTunnelAddress !== undefined;
  if (node.bgpSection === 'empty' && !hasTunnelAddress) return undefined;
  const { bgp, fallback } = node[family];
  return bgp?.hasPrefix === true ? bgp.address : fallback?.address;
}
