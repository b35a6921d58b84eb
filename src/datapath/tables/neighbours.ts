import type { Netlink, NeighbourState } from 'libbpf-ts';
import { families, type Address } from '../../net/address.js';
import { nobody, nobodyMac } from '../nexthop.js';
import type { Table } from '../table.js';
import { keyOfNeighbour, type KernelNeighbour } from '../underlay.js';

/** NOBODY's permanent entry on the uplink. A MAC change of the interface, or an admin down, flushes it in silence. */
export function neighbours(netlink: Netlink): Table<string, KernelNeighbour> {
  const ours = (): KernelNeighbour[] =>
    netlink
      .neighbours()
      .filter(isOurs)
      .map(({ address, index }) => ({ address: address as Address, index }));
  return {
    name: 'neighbours',
    same: () => true,
    entries: () => new Map(ours().map((entry) => [keyOfNeighbour(entry), entry])),
    put: (entries) => {
      for (const { address, index } of entries.values())
        netlink.putNeighbour({ address, index, mac: nobodyMac, state: 'permanent' });
    },
    remove: (keys) => {
      const wanted = new Set(keys);
      for (const entry of ours())
        if (wanted.has(keyOfNeighbour(entry)))
          netlink.removeNeighbour({ address: entry.address, index: entry.index });
    },
  };
}

/** Any other state or MAC: the kernel has begun to ask the network for NOBODY, or someone else made it. */
function isOurs({ address, mac, state }: NeighbourState): boolean {
  return (
    families.some((family) => nobody[family] === address) &&
    state === 'permanent' &&
    mac === nobodyMac
  );
}
