import { encapsulations, type EncapName } from '../encap/index.js';
import type { Policy, PoolEntry, Route } from '../model/desired.js';
import type { Node } from '../model/node.js';
import type { Settings } from '../model/settings.js';
import { familyOf, type Family } from '../net/address.js';
import { mtuSetting } from './mtu.js';
import type { Host } from './host.js';
import type { Overlay } from './overlay.js';
import { knowsUplink } from './reach.js';

/** The kernel route of a whole pool. */
export function routeOf(overlay: Overlay, self: Node | undefined, settings: Settings): Route {
  const family = familyOf(overlay.pool.cidr);
  const { encap } = overlay;
  if (encap === undefined || encap === 'none')
    return { source: undefined, mtu: 0, overheadBytes: 0 };
  return {
    source: tunnelAddressOf(self, family, encap),
    mtu: mtuSetting(encap, family, settings),
    overheadBytes: encapsulations[encap].overheadBytes[overlay.underlay],
  };
}

/**
 * What a pool's packets get by the peer's place. Where no interface is known for plain packets, neighbours are no
 * exception. The host is this node, in the underlay's family.
 */
export function policyOf(overlay: Overlay, local: Host | undefined): Policy {
  const { encap = 'none', crossSubnet, underlay } = overlay;
  return {
    sameSubnet: crossSubnet && knowsUplink(overlay, local) ? 'none' : encap,
    otherSubnet: encap,
    accepted: encap === 'none' ? [] : [encap],
    underlay,
  };
}

/** Nodes' own addresses inside a pool: never encapsulated, but a node may send from its own as the pool's do. */
export function hostPolicyOf(overlay: Overlay, local: Host | undefined): Policy {
  return { ...policyOf(overlay, local), sameSubnet: 'none', otherSubnet: 'none' };
}

export function poolEntryOf(lengths: Iterable<number>): PoolEntry {
  return { blockLengths: [...lengths].sort((a, b) => b - a) };
}

/** Of the packets' own family. Calico has no IPIP address for IPv6: there is one IPv6 tunnel address, of VXLAN or not. */
function tunnelAddressOf(
  self: Node | undefined,
  family: Family,
  encap: EncapName,
): Route['source'] {
  switch (encap) {
    case 'vxlan':
    case 'ip6ip':
      return self?.[family].vxlanTunnelAddress;
    case 'ipip':
      return self?.[family].ipipTunnelAddress;
  }
}
