import type { Netlink } from 'libbpf-ts';
import { families, type Address } from '../../net/address.js';
import { nobody, nobodyMac } from '../nexthop.js';
import type { Table } from '../table.js';
import { keyOfNeighbour, type KernelNeighbour } from '../underlay.js';

/** NOBODY's permanent entry on the uplink. A MAC change of the interface, or an admin down, flushes it in silence. */
export function neighbours(netlink: Netlink): Table<string, KernelNeighbour> {
  const ours = (): KernelNeighbour[] =>
    netlink
      .neighbours()
      .filter(({ address }) => isNobody(address))
      .map(({ address, index, mac, state }) => ({
        address: address as Address,
        index,
        // Any other state means that the kernel has begun to ask the network for nobody's MAC.
        mac: state === 'permanent' && mac === nobodyMac ? nobodyMac : undefined,
      }));
  return {
    name: 'neighbours',
    same: (a, b) => a.mac === b.mac,
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

function isNobody(address: string): boolean {
  return families.some((family) => nobody[family] === address);
}
