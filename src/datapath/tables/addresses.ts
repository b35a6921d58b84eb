import type { AddressState, Netlink } from 'libbpf-ts';
import { addressBits, familyOf, type Address } from '../../net/address.js';
import { addressAlias, addressMetric, labelOn, loopback } from '../nexthop.js';
import type { Table } from '../table.js';
import type { KernelAddress } from '../underlay.js';

/**
 * Tunnel addresses. Ours are known by their label or metric; one of `wanted` that someone else put on lo does as well
 * where it belongs on lo, and stays when we go.
 */
export function addresses(
  netlink: Netlink,
  wanted: ReadonlyMap<Address, KernelAddress>,
): Table<Address, KernelAddress> {
  return {
    name: 'addresses',
    same,
    entries() {
      const all = netlink.addresses();
      const found = new Map<Address, KernelAddress>();
      for (const state of all) {
        const address = state.address as Address;
        const want = wanted.get(address);
        const isAdopted = state.index === loopback && want?.index === loopback;
        if (!isOurs(state) && !isAdopted) continue;
        // Where there are two of one, the wrong one counts, so that it goes.
        const known = found.get(address);
        if (known === undefined || want === undefined || same(known, want))
          found.set(address, held(state, all));
      }
      return found;
    },
    put(entries) {
      for (const [address, want] of entries) {
        const all = netlink.addresses();
        const own = all.filter((state) => isOurs(state) && state.address === address);
        const there = own.find((state) => isThere(state, want));
        const elsewhere = own.filter((state) => state !== there);
        if (there !== undefined && held(there, all).isFirst) {
          // With it the kernel would take the routes that name it as their source: meanwhile lo has it.
          const meanwhile = { index: loopback, peer: undefined };
          if (elsewhere.length === 0) putOn(netlink, address, meanwhile);
          netlink.removeAddress(there);
          putOn(netlink, address, want);
          if (elsewhere.length === 0) removeFrom(netlink, address, meanwhile);
        } else if (there === undefined) putOn(netlink, address, want);
        for (const state of elsewhere) netlink.removeAddress(state);
      }
    },
    remove(keys) {
      const gone = new Set<string>(keys);
      for (const state of netlink.addresses().filter(isOurs))
        if (gone.has(state.address)) netlink.removeAddress(state);
    },
  };
}

function isOurs({ label, metric, family }: AddressState): boolean {
  return family === 'ipv4' ? label?.endsWith(addressAlias) === true : metric === addressMetric;
}

function same(a: KernelAddress, b: KernelAddress): boolean {
  return a.index === b.index && a.peer === b.peer && a.isFirst === b.isFirst;
}

function isThere(
  { index, peer }: AddressState,
  want: Pick<KernelAddress, 'index' | 'peer'>,
): boolean {
  return index === want.index && peer === want.peer;
}

function removeFrom(
  netlink: Netlink,
  address: Address,
  place: Pick<KernelAddress, 'index' | 'peer'>,
): void {
  for (const state of netlink.addresses())
    if (state.address === address && isOurs(state) && isThere(state, place))
      netlink.removeAddress(state);
}

/** As the kernel lists an interface's addresses; the first is the source of whatever has no better one. */
function held({ index, peer, family }: AddressState, all: readonly AddressState[]): KernelAddress {
  const beside = all.filter((state) => state.index === index && state.family === family);
  const others = beside.filter((state) => !isOurs(state));
  const [first] = beside;
  return {
    index,
    peer: peer as Address | undefined,
    isFirst: index !== loopback && others.length > 0 && first !== undefined && isOurs(first),
  };
}

/**
 * No route for the prefix: the local one says it all. IPv6: no duplicate detection on lo, nobody could answer.
 */
function putOn(
  netlink: Netlink,
  address: Address,
  { index, peer }: Pick<KernelAddress, 'index' | 'peer'>,
): void {
  const family = familyOf(address);
  const name = netlink.links().find((link) => link.index === index)?.name ?? '';
  netlink.putAddress({
    index,
    address,
    peer,
    prefixLength: addressBits[family],
    noPrefixRoute: true,
    ...(family === 'ipv4' ? { label: labelOn(name) } : { metric: addressMetric, noDad: true }),
  });
}
