import type { EncapName } from '../encap/index.js';
import type { Address } from '../net/address.js';
import { isSameSubnet, type Host } from './host.js';
import type { Overlay } from './overlay.js';

/** How packets for another node's addresses get there. */
export type Reach =
  | { readonly how: EncapName | 'direct'; readonly via: Address }
  | { readonly how: 'unreachable'; readonly because: string };

/** Felix' route managers: directly where the pool and the subnet allow it, else encapsulated where the peer can take it. */
export function reach(
  { encap, crossSubnet }: Overlay,
  local: Host | undefined,
  remote: Host,
): Reach {
  const direct = remote.interfaceAddress?.address;
  const allowed = encap === 'none' || (crossSubnet && isSameSubnet(local, remote));
  // No VTEP and no tunnel address is needed for this.
  if (allowed && direct !== undefined && knowsUplink(encap, local))
    return { how: 'direct', via: direct };
  switch (encap) {
    case 'vxlan':
      return remote.vtep === undefined
        ? unreachable(
            `${remote.node} is no VTEP: it needs a BGP address and a VXLAN tunnel address`,
          )
        : { how: 'vxlan', via: remote.vtep.address };
    case 'ipip':
    case 'ip6ip':
      return remote.ipipAddress === undefined
        ? unreachable(`${remote.node} has no address with a prefix length that IPIP could go to`)
        : { how: 'ipip', via: remote.ipipAddress };
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
 * tunnels to neighbours as well.
 */
export function knowsUplink(encap: Overlay['encap'], local: Host | undefined): boolean {
  switch (encap) {
    case 'vxlan':
      return local?.vtep !== undefined;
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
