import type { EncapName } from '../encap/index.js';
import { familyOf, type Address } from '../net/address.js';
import { isSameSubnet, type Host } from './host.js';
import { crossesFamilies, type Overlay } from './overlay.js';
import { familyNames } from './words.js';

/** How packets for another node's addresses get there. */
export type Reach =
  | { readonly how: EncapName | 'direct'; readonly via: Address }
  | { readonly how: 'unreachable'; readonly because: string };

/**
 * Felix' route managers: directly where the pool and the subnet allow it, else encapsulated where the peer can take it.
 * The hosts are of the underlay's family.
 */
export function reach(overlay: Overlay, local: Host | undefined, remote: Host): Reach {
  const { pool, encap, crossSubnet, underlay } = overlay;
  const direct = remote.interfaceAddress?.address;
  const allowed = encap === 'none' || (crossSubnet && isSameSubnet(local, remote));
  // No VTEP and no tunnel address is needed for this.
  if (allowed && direct !== undefined && knowsUplink(overlay, local))
    return { how: 'direct', via: direct };
  const inner = familyOf(pool.cidr);
  switch (encap) {
    case 'vxlan': {
      const vtep = remote.vteps[inner];
      if (vtep !== undefined) return { how: 'vxlan', via: vtep.address };
      const needs = crossesFamilies(overlay)
        ? `an ${familyNames[underlay]} BGP address and an ${familyNames[inner]} VXLAN tunnel address`
        : 'a BGP address and a VXLAN tunnel address';
      return unreachable(`${remote.node} is no VTEP: it needs ${needs}`);
    }
    case 'ipip':
      return remote.ipipAddress === undefined
        ? unreachable(`${remote.node} has no address with a prefix length that IPIP could go to`)
        : { how: encap, via: remote.ipipAddress };
    case 'ip6ip':
      return remote.ipipAddress === undefined
        ? unreachable(
            `${remote.node} has no ${familyNames[underlay]} address with a prefix length that IP6-in-IP could go to`,
          )
        : { how: encap, via: remote.ipipAddress };
    case 'none':
      return unreachable(
        direct === undefined
          ? `${remote.node} has no address`
          : 'this node has no address, so there is no interface for unencapsulated routes',
      );
    case undefined:
      return unreachable('the pool is for load balancers alone');
  }
}

/**
 * Felix finds the interface of unencapsulated routes by the address that it tunnels from. Without one, it
 * tunnels to neighbours as well. Packets have no next hop of the other family.
 */
export function knowsUplink(overlay: Overlay, local: Host | undefined): boolean {
  if (crossesFamilies(overlay)) return false;
  switch (overlay.encap) {
    case 'vxlan':
      return local?.vteps[overlay.underlay] !== undefined;
    case 'ipip':
    case 'ip6ip':
    case 'none':
      return local?.ipipAddress !== undefined;
    case undefined:
      return false;
  }
}

function unreachable(because: string): Reach {
  return { how: 'unreachable', because };
}
