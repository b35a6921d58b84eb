import type { EncapName } from '../encap/index.js';
import { unrouted, type Peer } from '../model/desired.js';
import type { Inventory } from '../model/inventory.js';
import type { NodeName } from '../model/node.js';
import type { Address } from '../net/address.js';
import { isHost, type Cidr } from '../net/cidr.js';
import type { Decision } from './decide.js';
import type { Local } from './locals.js';
import type { Found } from './lookup.js';
import { crossesFamilies } from './overlay.js';
import { knowsUplink } from './reach.js';

/** What happens to packets for an address. */
export type Action = EncapName | 'direct' | 'local' | 'none';

/** Why it is so, in one word for programs; `steps` are for people. */
export type Reason =
  | 'always'
  | 'different-subnet'
  | 'own-subnet-unknown'
  | 'same-subnet'
  | 'never'
  | Local
  | 'no-route'
  | 'host-ip'
  | 'blackhole';

/** What a node does with the packets for one address. */
export interface Verdict {
  readonly action: Action;
  /** Outer destination; of `direct` the next hop. */
  readonly via?: Address;
  /** The node that has the address. */
  readonly peer?: NodeName;
  /** metadata.name of the innermost pool. */
  readonly pool?: string;
  readonly block?: Cidr;
  readonly reason: Reason;
}

/** What an explanation is made from. */
export interface Scene {
  readonly inventory: Inventory;
  readonly self: NodeName;
  readonly decision: Decision;
  readonly find: (address: Address) => Found | undefined;
  readonly locals: ReadonlyMap<Address, Local>;
}

/** The answer for one address: a look into the tables, and the name of what is found there. */
export function verdictOf(destination: Address, { self, decision, find, locals }: Scene): Verdict {
  const { desired, trace } = decision;
  const overlay = trace.overlays.match(destination)?.value;
  const pool = overlay === undefined ? {} : { pool: overlay.pool.name };
  const host = trace.hostAddresses.get(destination);
  if (host !== undefined) return { action: 'none', peer: host, ...pool, reason: 'host-ip' };

  const found = find(destination)?.block;
  const block = found === undefined ? {} : { block: found.cidr };
  const local = locals.get(destination);
  // An address that IPAM says is in use here may be another node's tunnel address: the tables know.
  if (local !== undefined && (found === undefined || found.owner.peer === 'self'))
    return { action: 'local', peer: self, ...pool, ...block, reason: local };
  if (found === undefined || found.owner.policy === unrouted)
    return { action: 'none', ...pool, ...block, reason: 'no-route' };
  if (found.owner.peer === 'self') {
    // A blackhole for a block of one address would keep out the workload that is to come: Calico has none.
    const reason = isHost(found.cidr) && isBlock(found.cidr, decision) ? 'no-route' : 'blackhole';
    return { action: 'none', peer: self, ...pool, ...block, reason };
  }
  const peer = desired.peers.get(found.owner.peer);
  const policy = desired.policies.get(found.owner.policy);
  if (peer === undefined || policy === undefined)
    throw new TypeError(`${found.cidr} is of a peer or a policy that is not there`);
  const encap = peer.sameSubnet ? policy.sameSubnet : policy.otherSubnet;
  return {
    action: encap === 'none' ? 'direct' : encap,
    via: peer.address,
    peer: peer.node,
    ...pool,
    ...block,
    reason: reasonOf(encap, found.cidr, { peer, decision }),
  };
}

function reasonOf(
  encap: EncapName | 'none',
  block: Cidr,
  { peer, decision: { desired, trace } }: { readonly peer: Peer; readonly decision: Decision },
): Reason {
  const overlay = trace.overlays.match(block)?.value;
  if (encap === 'none') return overlay?.encap === 'none' ? 'never' : 'same-subnet';
  if (overlay?.crossSubnet !== true || crossesFamilies(overlay)) return 'always';
  const local = trace.hosts[peer.family].get(desired.node);
  return knowsUplink(overlay, local) ? 'different-subnet' : 'own-subnet-unknown';
}

function isBlock(cidr: Cidr, { trace }: Decision): boolean {
  return trace.claims.get(cidr)?.by === 'block';
}
