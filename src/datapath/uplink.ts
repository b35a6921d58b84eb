import type { AddressState, LinkState } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import type { Desired } from '../model/desired.js';
import type { Settings } from '../model/settings.js';
import { families, familyOf, type Address, type Family } from '../net/address.js';
import type { Fault } from '../model/fault.js';
import type { Surroundings } from './surroundings.js';
import type { Sysctls } from './sysctl.js';

/** The interface that encapsulated packets leave by. */
export interface Uplink {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
  readonly sysctls: Sysctls;
  /** What pools over one family lack there, while those over the other go on. */
  readonly faults: readonly Fault[];
}

/** The interface named by the user or in the settings, else the one that has the node's underlay address. */
export function uplinkOf(
  desired: Pick<Desired, 'self' | 'policies'>,
  { links, addresses, sysctls }: Surroundings,
  { interface: name, mtu }: Settings['underlay'],
): Uplink {
  const places = name === undefined ? placesOf(desired, links, addresses) : [];
  const link = name === undefined ? carrierOf(places) : named(name, links);
  if (mtu > link.mtu)
    throw new EncapError(`cannot use an underlay MTU of ${mtu}: ${link.name} has ${link.mtu}`, {
      code: 'CONFIG_INVALID',
      hint: `write ${link.mtu} or less, or auto, as mtu.underlay, or: ip link set ${link.name} mtu ${mtu}`,
    });
  const switches = sysctls(link.name);
  return {
    name: link.name,
    index: link.index,
    mtu: mtu === 0 ? link.mtu : mtu,
    sysctls: switches,
    faults: places
      .filter(({ address }) => familyOf(address) === 'ipv4' || switches.ipv6.is === 'on')
      .flatMap(({ address, on }) =>
        on.length === 0 ? absent(address, link) : duplicates(address, link, addresses),
      ),
  };
}

/** Bytes that an outer packet of a family may have. */
export function underlayMtu({ mtu, sysctls: { ipv6 } }: Uplink, family: Family): number {
  return family === 'ipv6' && ipv6.is === 'on' ? Math.min(mtu, ipv6.mtu) : mtu;
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

/** An address of the node, and the interfaces that have it. */
interface Place {
  readonly address: Address;
  readonly on: readonly LinkState[];
}

/** Of the families that pools travel over: another one may be anywhere. */
function placesOf(
  { self, policies }: Pick<Desired, 'self' | 'policies'>,
  links: readonly LinkState[],
  addresses: readonly AddressState[],
): readonly Place[] {
  const used = new Set([...policies.values()].map(({ underlay }) => underlay));
  const own = families.flatMap((family) => self[family]?.address ?? []);
  const wanted = own.filter((address) => used.size === 0 || used.has(familyOf(address)));
  return (wanted.length === 0 ? own : wanted).map((address) => ({
    address,
    on: links.filter(({ index }) =>
      addresses.some((state) => state.address === address && state.index === index),
    ),
  }));
}

/** Both families leave by one interface. */
function carrierOf(places: readonly Place[]): LinkState {
  const [first, ...others] = places.filter(({ on }) => on.length > 0);
  if (first === undefined) throw nowhere(places);
  const shared = first.on.filter((link) => others.every(({ on }) => on.includes(link)));
  const link = shared.find(({ type }) => type !== loopbackType) ?? shared[0];
  if (link === undefined) throw apart([first, ...others]);
  return link;
}

/** ARPHRD_LOOPBACK: a node whose address is on lo too still sends by its uplink. */
const loopbackType = 772;

function nowhere(places: readonly Place[]): EncapError {
  return places.length === 0
    ? unknown('the node has no address', "give the Node's spec.bgp.ipv4Address or ipv6Address")
    : unknown(
        `no interface has the node's address ${places.map(({ address }) => address).join(' or ')}`,
        `check --node and the Node's spec.bgp against ip address, or name one with --iface`,
      );
}

function apart(places: readonly Place[]): EncapError {
  const said = places.map(({ address, on }) => `${address} is on ${on[0]?.name ?? ''}`);
  return unknown(
    said.join(', '),
    'overlays of both families leave by one interface: give the node both addresses there, or name one with --iface',
  );
}

function absent(address: Address, { name }: LinkState): Fault {
  return {
    short: `no ${address}`,
    message: `no interface has the node's address ${address}: pools over ${familyNames[familyOf(address)]} carry nothing`,
    hint: `ip address add ${address}/PREFIX dev ${name}, or correct the Node's spec.bgp`,
  };
}

/** RFC 4862 section 5.4: such an address is not used. */
function duplicates(
  address: Address,
  { index, name }: LinkState,
  addresses: readonly AddressState[],
): readonly Fault[] {
  const isDuplicate = addresses.some(
    (state) => state.address === address && state.index === index && state.duplicate,
  );
  if (!isDuplicate) return [];
  return [
    {
      short: `duplicate ${address}`,
      message: `another machine has the node's address ${address}: duplicate address detection failed on ${name}`,
      hint: 'give one of the two another address, and correct its Node',
    },
  ];
}

const familyNames: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

function unknown(why: string, hint: string): EncapError {
  return new EncapError(`cannot find the uplink: ${why}`, { code: 'UPLINK_UNKNOWN', hint });
}
