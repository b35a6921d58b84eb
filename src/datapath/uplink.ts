import type { AddressState, LinkState } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import type { Desired } from '../model/desired.js';
import type { Settings } from '../model/settings.js';

/** The interface that encapsulated packets leave by. */
export interface Uplink {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
}

/** The interface named by the user or in the settings, else the one that has the node's underlay address. */
export function uplinkOf(
  self: Desired['self'],
  links: readonly LinkState[],
  addresses: readonly AddressState[],
  { interface: name, mtu }: Settings['underlay'],
): Uplink {
  const link = name === undefined ? carrierOf(self, links, addresses) : named(name, links);
  if (mtu > link.mtu)
    throw new EncapError(`cannot use an underlay MTU of ${mtu}: ${link.name} has ${link.mtu}`, {
      code: 'CONFIG_INVALID',
      hint: `write ${link.mtu} or less, or auto, as mtu.underlay, or: ip link set ${link.name} mtu ${mtu}`,
    });
  return { name: link.name, index: link.index, mtu: mtu === 0 ? link.mtu : mtu };
}

function named(name: string, links: readonly LinkState[]): LinkState {
  const link = links.find((candidate) => candidate.name === name);
  if (link === undefined)
    throw unknown(
      `there is no interface ${name}`,
      `interfaces of this network namespace: ${links.map((candidate) => candidate.name).join(', ')}`,
    );
  return link;
}

function carrierOf(
  self: Desired['self'],
  links: readonly LinkState[],
  addresses: readonly AddressState[],
): LinkState {
  const wanted = self.ipv4?.address;
  if (wanted === undefined)
    throw unknown('the node has no IPv4 address', "give the Node's spec.bgp.ipv4Address");
  const index = addresses.find(({ address }) => address === wanted)?.index;
  const link = links.find((candidate) => candidate.index === index);
  if (link === undefined)
    throw unknown(
      `no interface has the node's address ${wanted}`,
      `check --node and the Node's spec.bgp.ipv4Address against ip address, or name one with --iface`,
    );
  return link;
}

function unknown(why: string, hint: string): EncapError {
  return new EncapError(`cannot find the uplink: ${why}`, { code: 'UPLINK_UNKNOWN', hint });
}
