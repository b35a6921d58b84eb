import type { Netlink } from 'libbpf-ts';
import { tunnelGroup } from '../nexthop.js';
import type { Table } from '../table.js';

/** Interfaces in our group: by their name, their index. */
export function groups(netlink: Netlink): Table<string, number> {
  const inGroup = (): ReadonlyMap<string, number> =>
    new Map(
      netlink
        .links()
        .filter(({ group }) => group === tunnelGroup)
        .map(({ name, index }) => [name, index]),
    );
  return {
    name: 'groups',
    same: (a, b) => a === b,
    entries: inGroup,
    put: (entries) => {
      for (const index of new Map(entries).values())
        netlink.changeLink({ index, group: tunnelGroup });
    },
    remove: (names) => {
      const there = inGroup();
      for (const name of names) {
        const index = there.get(name);
        if (index !== undefined) netlink.changeLink({ index, group: 0 });
      }
    },
  };
}
