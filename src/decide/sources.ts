import { encapsulations, type EncapName } from '../encap/index.js';
import type { Source } from '../model/desired.js';
import type { ExternalNodes } from '../model/inventory.js';
import type { NodeName } from '../model/node.js';
import type { Address } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import type { Host } from './host.js';
import type { Peers } from './peers.js';

const encapNames = Object.keys(encapsulations) as EncapName[];

/** Who may send us tunnel packets: VTEPs VXLAN, all hosts IPIP. Of two nodes with one address it is the lowest name. */
export function sourcesOf(
  hosts: ReadonlyMap<NodeName, Host>,
  peers: Peers,
  enabled: ReadonlySet<EncapName>,
): Map<Address, Source> {
  const sources = new Map<Address, Source>();
  for (const host of hosts.values())
    for (const encap of encapNames) {
      const address = encap === 'vxlan' ? host.vtep?.address : host.ipipAddress;
      if (address === undefined || !enabled.has(encap)) continue;
      const before = sources.get(address);
      sources.set(address, {
        peer: before?.peer ?? peers.at(host.node, address),
        accepted: [...(before?.accepted ?? []), encap].filter(isFirst),
      });
    }
  return sources;
}

/** FelixConfiguration externalNodesList: hosts outside the cluster that may send us all that we accept. */
export function externalsOf(
  externalNodes: ExternalNodes,
  enabledFor: (cidr: Cidr) => ReadonlySet<EncapName>,
): Map<Cidr, Source> {
  const externals = new Map<Cidr, Source>();
  for (const cidr of externalNodes) {
    const enabled = enabledFor(cidr);
    const accepted = encapNames.filter((encap) => enabled.has(encap));
    if (accepted.length > 0) externals.set(cidr, { peer: 'external', accepted });
  }
  return externals;
}

function isFirst(encap: EncapName, place: number, all: readonly EncapName[]): boolean {
  return all.indexOf(encap) === place;
}
