import { type Address, type Family, readAddress } from '../../net/address.js';
import { addressAt } from '../../net/cidr.js';
import { readMac } from '../../net/mac.js';
import type { Node, NodeFamily, NodeName } from '../node.js';
import { addressOf, writtenCidr, writtenCidrOrAddress } from '../resources/address.js';
import type { CalicoNode, NodeSpec } from '../resources/node.js';

/** Calico's Node → the node that decisions are made of. Values that are none count as absent, as in Felix. */
export function nodeOf({ name, spec, podCidrs }: CalicoNode): Node {
  return {
    name: name as NodeName,
    ipv4: {
      bgp: interfaceAddress('ipv4', spec.bgp?.ipv4Address ?? ''),
      fallback: fallbackOf('ipv4', spec),
      vxlanTunnelAddress: addressOf('ipv4', spec.ipv4VXLANTunnelAddr),
      vxlanTunnelMac: readMac(spec.vxlanTunnelMACAddr),
      ipipTunnelAddress: addressOf('ipv4', spec.bgp?.ipv4IPIPTunnelAddr ?? ''),
    },
    ipv6: {
      bgp: interfaceAddress('ipv6', spec.bgp?.ipv6Address ?? ''),
      fallback: fallbackOf('ipv6', spec),
      vxlanTunnelAddress: addressOf('ipv6', spec.ipv6VXLANTunnelAddr),
      vxlanTunnelMac: readMac(spec.vxlanTunnelMACAddrV6),
      ipipTunnelAddress: undefined,
    },
    bgpSection: bgpSectionOf(spec),
    addresses: addressesOf(spec),
    podCidrs,
  };
}

/** usePodCIDR: the IPIP tunnel address is the first podCIDR's second address, whatever the annotation says. */
export function withHostLocalTunnel(node: CalicoNode): CalicoNode {
  const [first] = node.podCidrs;
  const cidr = first === undefined ? undefined : writtenCidr(first);
  if (cidr?.family !== 'ipv4') return node;
  const nothing = { ipv4Address: '', ipv6Address: '', routeReflectorClusterID: '', asNumber: '' };
  const bgp = { ...nothing, ...node.spec.bgp, ipv4IPIPTunnelAddr: addressAt(cidr.network, 1) };
  return { ...node, spec: { ...node.spec, bgp } };
}

function interfaceAddress(family: Family, text: string): NodeFamily['bgp'] {
  const written = writtenCidrOrAddress(text);
  if (written?.family !== family) return undefined;
  const { address, prefixLength } = written;
  return { address, prefixLength, hasPrefix: text.includes('/') };
}

function fallbackOf(family: Family, { addresses }: NodeSpec): NodeFamily['fallback'] {
  for (const type of ['InternalIP', 'ExternalIP']) {
    for (const one of addresses.filter((address) => address.type === type)) {
      const found = interfaceAddress(family, one.address);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** A section without any value is, to Felix, a host that went; one without addresses is not. */
function bgpSectionOf({ bgp }: NodeSpec): Node['bgpSection'] {
  if (bgp === undefined) return 'absent';
  return Object.values(bgp).every((member) => member === '') ? 'empty' : 'set';
}

function addressesOf({ bgp, addresses }: NodeSpec): readonly Address[] {
  const texts = [
    bgp?.ipv4Address ?? '',
    bgp?.ipv6Address ?? '',
    ...addresses.map((one) => one.address),
  ];
  const found = texts.map((text) => readAddress(text.replace(/\/\d+$/, '')));
  return [...new Set(found.filter((address) => address !== undefined))];
}
