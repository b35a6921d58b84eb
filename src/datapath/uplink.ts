import type { AddressState, LinkState } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import type { Desired } from '../model/desired.js';
import type { Settings } from '../model/settings.js';
import { families, familyOf } from '../net/address.js';

/** The interface that encapsulated packets leave by. */
export interface Uplink {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
}

/** The interface named by the user or in the settings, else the one that has the node's underlay address. */
export function uplinkOf(
  desired: Pick<Desired, 'self' | 'policies'>,
  links: readonly LinkState[],
  addresses: readonly AddressState[],
  { interface: name, mtu }: Settings['underlay'],
): Uplink {
  const link = name === undefined ? carrierOf(desired, links, addresses) : named(name, links);
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

/** Both families leave by one interface; one that no pool travels over may be elsewhere. */
function carrierOf(
  { self, policies }: Pick<Desired, 'self' | 'policies'>,
  links: readonly LinkState[],
  addresses: readonly AddressState[],
): LinkState {
  const used = new Set([...policies.values()].map(({ underlay }) => underlay));
  const own = families.flatMap((family) => self[family]?.address ?? []);
  const wanted = own.filter((address) => used.size === 0 || used.has(familyOf(address)));
  const [first, ...others] = (wanted.length === 0 ? own : wanted).map((address) => {
    const index = addresses.find((candidate) => candidate.address === address)?.index;
    return { address, link: links.find((candidate) => candidate.index === index) };
  });
  if (first === undefined)
    throw unknown('the node has no address', "give the Node's spec.bgp.ipv4Address or ipv6Address");
  for (const { address, link } of [first, ...others])
    if (link === undefined)
      throw unknown(
        `no interface has the node's address ${address}`,
        `check --node and the Node's spec.bgp against ip address, or name one with --iface`,
      );
  const other = others.find(({ link }) => link !== first.link);
  if (first.link === undefined || other !== undefined)
    throw unknown(
      `${first.address} is on ${first.link?.name ?? ''} and ${other?.address ?? ''} on ${other?.link?.name ?? ''}`,
      'overlays of both families leave by one interface: give the node both addresses there, or name one with --iface',
    );
  return first.link;
}

function unknown(why: string, hint: string): EncapError {
  return new EncapError(`cannot find the uplink: ${why}`, { code: 'UPLINK_UNKNOWN', hint });
}
