import { createHash } from 'node:crypto';
import type { Node, NodeName } from '../model/node.js';
import type { Address, Family } from '../net/address.js';
import { macFromBytes, type Mac } from '../net/mac.js';

/** One end of VXLAN tunnels: where outer packets go, and whom the inner frame is for. */
export interface Vtep {
  readonly address: Address;
  readonly tunnelAddress: Address;
  readonly mac: Mac;
}

/**
 * A node is a VTEP where its BGP address and its tunnel address are known. InternalIP does not count
 * (felix/calc/vxlan_resolver.go). Address and MAC are those of the underlay's family, the tunnel address is one of the
 * packets inside.
 */
export function vtepOf(node: Node, underlay: Family, inner: Family): Vtep | undefined {
  const { bgp } = node[underlay];
  const { vxlanTunnelAddress } = node[inner];
  if (bgp === undefined || vxlanTunnelAddress === undefined) return undefined;
  return {
    address: bgp.address,
    tunnelAddress: vxlanTunnelAddress,
    mac: vtepMacOf(node, underlay),
  };
}

/** The MAC of a node's VTEP: as its Node resource says, else the one that Calico derives from the name. */
export function vtepMacOf(node: Node, family: Family): Mac {
  return node[family].vxlanTunnelMac ?? derivedVtepMac(node.name, family);
}

/** An `f`, which makes it a local unicast MAC, and five bytes of the name's SHA-1: all nodes compute the same. */
export function derivedVtepMac(name: NodeName, family: Family): Mac {
  const hashed = family === 'ipv4' ? name : `${name}-v6`;
  const hash = createHash('sha1').update(hashed).digest();
  return macFromBytes(Uint8Array.of('f'.charCodeAt(0), ...hash.subarray(0, 5)));
}
