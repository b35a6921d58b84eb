import type { Peer, PeerName } from '../model/desired.js';
import type { NodeName } from '../model/node.js';
import type { Address, Family } from '../net/address.js';
import { isSameSubnet, type Host } from './host.js';

/** The other nodes of one family, under the names that the desired state has for them. */
export class Peers {
  readonly #family: Family;
  readonly #local: Host | undefined;
  readonly #hosts: ReadonlyMap<NodeName, Host>;
  readonly #peers = new Map<PeerName, Peer>();

  constructor(family: Family, local: Host | undefined, hosts: ReadonlyMap<NodeName, Host>) {
    this.#family = family;
    this.#local = local;
    this.#hosts = hosts;
  }

  /** The name of a node where it is reached at an address; now it is one of the peers. */
  at(node: NodeName, address: Address): PeerName {
    const host = this.#hosts.get(node);
    const main = host?.interfaceAddress?.address ?? address;
    const name = `${this.#family}/${node}${address === main ? '' : ' ipip'}` as PeerName;
    if (!this.#peers.has(name))
      this.#peers.set(name, {
        node,
        family: this.#family,
        address,
        vtepMac: host?.vtep?.mac,
        sameSubnet: host !== undefined && isSameSubnet(this.#local, host),
        zeroChecksum: false,
      });
    return name;
  }

  all(): ReadonlyMap<PeerName, Peer> {
    return this.#peers;
  }
}
