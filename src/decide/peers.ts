import type { Peer, PeerName } from '../model/desired.js';
import type { NodeName } from '../model/node.js';
import type { Settings } from '../model/settings.js';
import type { Address, Family } from '../net/address.js';
import { isSameSubnet, type Host } from './host.js';

/** What the other nodes of one family are made from. */
export interface PeerGround {
  readonly family: Family;
  readonly local: Host | undefined;
  readonly hosts: ReadonlyMap<NodeName, Host>;
  /** Families whose VXLAN travels over this one. */
  readonly carried: readonly Family[];
  readonly zeroUdpChecksum: Settings['zeroUdpChecksum'];
}

/** The other nodes of one family, under the names that the desired state has for them. */
export class Peers {
  readonly #ground: PeerGround;
  readonly #peers = new Map<PeerName, Peer>();

  constructor(ground: PeerGround) {
    this.#ground = ground;
  }

  /** The name of a node where it is reached at an address; now it is one of the peers. */
  at(node: NodeName, address: Address): PeerName {
    const { family, local, hosts, carried } = this.#ground;
    const host = hosts.get(node);
    const main = host?.interfaceAddress?.address ?? address;
    const name = `${family}/${node}${address === main ? '' : ' ipip'}` as PeerName;
    if (!this.#peers.has(name))
      this.#peers.set(name, {
        node,
        family,
        address,
        // Of the underlay's family, whichever it carries.
        vtepMac: carried.map((inner) => host?.vteps[inner]).find((vtep) => vtep !== undefined)?.mac,
        sameSubnet: host !== undefined && isSameSubnet(local, host),
        zeroChecksum: family === 'ipv6' && this.#takesNoChecksum(node),
      });
    return name;
  }

  all(): ReadonlyMap<PeerName, Peer> {
    return this.#peers;
  }

  #takesNoChecksum(node: NodeName): boolean {
    const { zeroUdpChecksum } = this.#ground;
    switch (zeroUdpChecksum) {
      case 'always':
        return true;
      case 'never':
        return false;
      default:
        return zeroUdpChecksum.includes(node);
    }
  }
}
