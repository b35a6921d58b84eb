import type { AddressState, Netlink } from 'libbpf-ts';
import { addressBits, familyOf, type Address } from '../../net/address.js';
import { addressLabel } from '../nexthop.js';
import type { Table } from '../table.js';

/** The kernel gives the loopback interface this index in every network namespace. */
const loopback = 1;

/**
 * Tunnel addresses on lo. Ours are known by their label; one of `wanted` that someone else put there does as well, and
 * stays when we go.
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
          .filter(({ address, label }) => label === addressLabel || wanted.has(address as Address))
          .map(({ address }) => [address as Address, address as Address]),
      ),
    put: (entries) => {
      for (const address of entries.keys())
        netlink.putAddress({
          index: loopback,
          address,
          prefixLength: addressBits[familyOf(address)],
          label: addressLabel,
        });
    },
    remove: (keys) => {
      const ours = onLoopback().filter(({ label }) => label === addressLabel);
      for (const address of keys)
        for (const state of ours) if (state.address === address) netlink.removeAddress(state);
    },
  };
}
