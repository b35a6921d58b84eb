import {
  unrouted,
  type Desired,
  type Peer,
  type Policy,
  type Source,
} from '../../../src/model/desired.js';
import type { NodeName } from '../../../src/model/node.js';
import type { Settings } from '../../../src/model/settings.js';
import type { Address } from '../../../src/net/address.js';
import type { Mac } from '../../../src/net/mac.js';
import { PrefixTable } from '../../../src/net/prefix-table.js';

/** What a node is told of the cluster, by names: the reference knows no indices. */
export type Tables = Omit<Desired, 'routes'>;

/** What a user can switch. */
export type Switches = Pick<
  Settings,
  | 'vxlanVni'
  | 'vxlanPort'
  | 'allowVxlanFromWorkloads'
  | 'allowIpipFromWorkloads'
  | 'checks'
  | 'dscp'
  | 'outerTtl'
  | 'sharedVxlanPort'
  | 'beyondCalico'
>;

/** All that a decision rests on, besides the packet. */
export interface World {
  readonly tables: Tables;
  readonly switches: Switches;
  readonly uplink: { readonly mac: Mac; readonly mtu: number };
  readonly kernel: KernelHelp;
}

/** What a node's kernel can do for the programs. */
export interface KernelHelp {
  /** Takes packets out of headers of the other family: since 6.3. */
  readonly crossesFamilies: boolean;
  /** Tells the program the uplink's MTU (since 5.12); otherwise its routes alone keep packets small. */
  readonly tellsMtu: boolean;
}

/** Whose an address of a pool is, and how its packets travel. */
export interface Place {
  readonly owner: Peer | 'self' | 'lost';
  readonly node: NodeName | undefined;
  readonly policy: Policy | 'unrouted';
}

/** Who may send from an outer address, and in what. */
export interface Sender {
  /** undefined: an external node. */
  readonly node: NodeName | undefined;
  readonly accepted: Source['accepted'];
}

/** The tables, asked by address. */
export interface Atlas {
  isPooled(address: Address): boolean;
  /** The longest block that holds the address: a borrowed address is a block of its own. */
  placeOf(address: Address): Place | undefined;
  senderOf(address: Address): Sender | undefined;
  /** Whether it is the underlay address of this or another node. */
  isNode(address: Address): boolean;
}

/** Reads the tables once, for many questions. */
export function atlasOf({
  node,
  self,
  policies,
  pools,
  blocks,
  peers,
  sources,
  externals,
}: Tables): Atlas {
  const inPools = new PrefixTable(pools);
  const inExternals = new PrefixTable(externals);
  const places = new PrefixTable<Place>();
  for (const [cidr, { peer, policy }] of blocks) {
    places.set(cidr, {
      ...(peer === 'self' ? { owner: 'self', node } : ownedBy(peers.get(peer))),
      policy: policy === unrouted ? 'unrouted' : known(policies.get(policy), policy),
    });
  }
  const senders = new Map<Address, Sender>();
  for (const [address, { peer, accepted }] of sources)
    senders.set(address, {
      node: peer === 'external' ? undefined : known(peers.get(peer), peer).node,
      accepted,
    });
  const nodes = new Set(
    [self.ipv4, self.ipv6, ...peers.values()].flatMap((one) => one?.address ?? []),
  );
  return {
    isPooled: (address) => inPools.match(address) !== undefined,
    placeOf: (address) =>
      inPools.match(address) === undefined ? undefined : places.match(address)?.value,
    senderOf: (address) => {
      const external = inExternals.match(address)?.value;
      return (
        senders.get(address) ??
        (external === undefined ? undefined : { node: undefined, accepted: external.accepted })
      );
    },
    isNode: (address) => nodes.has(address),
  };
}

/** Of a peer that is gone, the block may still be there. */
function ownedBy(peer: Peer | undefined): Pick<Place, 'owner' | 'node'> {
  return peer === undefined ? { owner: 'lost', node: undefined } : { owner: peer, node: peer.node };
}

function known<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new TypeError(`the tables name ${name} but do not have it`);
  return found;
}
