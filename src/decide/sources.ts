import { encapNames, type EncapName } from '../encap/index.js';
import type { PeerName, Source } from '../model/desired.js';
import type { ExternalNodes } from '../model/inventory.js';
import type { NodeName } from '../model/node.js';
import { families, familyOf, type Address, type Family } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import type { Carriage } from './carriage.js';
import type { Host } from './host.js';
import type { Peers } from './peers.js';

/** What the accepted senders are made from: the other nodes, and all that is carried. */
export interface SourceGround {
  readonly others: Readonly<Record<Family, ReadonlyMap<NodeName, Host>>>;
  readonly peers: Readonly<Record<Family, Peers>>;
  readonly carriages: readonly Carriage[];
}

/** Who may send us tunnel packets: VTEPs VXLAN, all hosts IPIP. Of two nodes with one address it is the lowest name. */
export function sourcesOf({ others, peers, carriages }: SourceGround): Map<Address, Source> {
  const found = new Map<Address, { readonly peer: PeerName; readonly accepted: Set<EncapName> }>();
  const at = (family: Family, node: NodeName, address: Address): Set<EncapName> => {
    const before = found.get(address);
    if (before !== undefined) return before.accepted;
    const accepted = new Set<EncapName>();
    found.set(address, { peer: peers[family].at(node, address), accepted });
    return accepted;
  };
  for (const family of families)
    for (const host of others[family].values())
      for (const carriage of carriages) {
        if (carriage.underlay === family) {
          const address = outerAddressOf(host, carriage);
          if (address !== undefined) at(family, host.node, address).add(carriage.encap);
        } else if (carriage.inner === family && host.interfaceAddress !== undefined) {
          // It sends us nothing from there, but may do so inside: its own packets, and what it masquerades.
          at(family, host.node, host.interfaceAddress.address);
        }
      }
  return new Map(
    [...found].map(([address, { peer, accepted }]) => [
      address,
      { peer, accepted: encapNames.filter((encap) => accepted.has(encap)) },
    ]),
  );
}

/** FelixConfiguration externalNodesList: hosts outside the cluster that may send us all that we accept. */
export function externalsOf(
  externalNodes: ExternalNodes,
  carriages: readonly Carriage[],
): Map<Cidr, Source> {
  const externals = new Map<Cidr, Source>();
  for (const cidr of externalNodes) {
    const accepted = encapNames.filter((encap) =>
      carriages.some((one) => one.encap === encap && one.underlay === familyOf(cidr)),
    );
    if (accepted.length > 0) externals.set(cidr, { peer: 'external', accepted });
  }
  return externals;
}

function outerAddressOf(host: Host, { encap, inner }: Carriage): Address | undefined {
  switch (encap) {
    case 'vxlan':
      return host.vteps[inner]?.address;
    case 'ipip':
    case 'ip6ip':
      return host.ipipAddress;
  }
}
