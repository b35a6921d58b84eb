import type { AddressPut, AddressState, Netlink } from 'libbpf-ts';
import { addressBits, familyOf, type Address } from '../../net/address.js';
import { addressLabel, addressMetric, loopback } from '../nexthop.js';
import type { Table } from '../table.js';

/**
 * Tunnel addresses on lo. Ours are known by their label or metric; one of `wanted` that someone else put there does as
 * well, and stays when we go.
 */
export function addresses(
  netlink: Netlink,
  wanted: ReadonlyMap<Address, Address>,
): Table<Address, Address> {
  const onLoopback = (): readonly AddressState[] =>
    netlink.addresses().filter(({ index }) => index === loopback);
  return {
    name: 'addresses',
    same: (a, b) => a === b,
    entries: () =>
      new Map(
        onLoopback()
          .filter((state) => isOurs(state) || wanted.has(state.address as Address))
          .map(({ address }) => [address as Address, address as Address]),
      ),
    put: (entries) => {
      for (const address of entries.keys())
        netlink.putAddress({
          index: loopback,
          address,
          prefixLength: addressBits[familyOf(address)],
          ...markOf(address),
        });
    },
    remove: (keys) => {
      const ours = onLoopback().filter(isOurs);
      for (const address of keys)
        for (const state of ours) if (state.address === address) netlink.removeAddress(state);
    },
  };
}

function isOurs({ label, metric, family }: AddressState): boolean {
  return family === 'ipv4' ? label === addressLabel : metric === addressMetric;
}

/** No duplicate detection on lo: nobody could answer. No route for the prefix: the local one says it all. */
function markOf(address: Address): Partial<AddressPut> {
  return familyOf(address) === 'ipv4'
    ? { label: addressLabel }
    : { metric: addressMetric, noDad: true, noPrefixRoute: true };
}
