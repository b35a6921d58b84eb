import type { LinkState, Netlink } from 'libbpf-ts';
import { readLoosened, writeLoosened } from '../loosened.js';
import type { Table } from '../table.js';

/** Interfaces whose reverse path filter we loosened: their own rp_filter by name. What it was is on disk before it is changed. */
export function reversePaths(netlink: Netlink, run: string): Table<string, number> {
  const linksOf = (
    names: Iterable<string>,
  ): readonly (LinkState & { reversePathFilter: number })[] => {
    const wanted = new Set(names);
    return netlink
      .links()
      .filter(({ name }) => wanted.has(name))
      .flatMap((link) =>
        link.reversePathFilter === undefined
          ? []
          : [{ ...link, reversePathFilter: link.reversePathFilter }],
      );
  };
  return {
    name: 'reverse_paths',
    same: (a, b) => a === b,
    entries: () =>
      new Map(
        linksOf(Object.keys(readLoosened(run))).map(
          ({ name, reversePathFilter }) => [name, reversePathFilter] as const,
        ),
      ),
    put: (entries) => {
      const known = readLoosened(run);
      const links = linksOf(entries.keys());
      const before = links.map(({ name, reversePathFilter }) => [name, reversePathFilter] as const);
      writeLoosened(run, { ...Object.fromEntries(before), ...known });
      for (const { index, name } of links)
        netlink.changeLink({ index, reversePathFilter: entries.get(name) });
    },
    remove: (names) => {
      const known = readLoosened(run);
      for (const { name, index, reversePathFilter } of linksOf(names))
        // another value is someone else's since
        if (reversePathFilter === loose)
          netlink.changeLink({ index, reversePathFilter: known[name] ?? 0 });
      const left = Object.entries(known).filter(([name]) => !names.includes(name));
      writeLoosened(run, Object.fromEntries(left));
    },
  };
}

/** RFC 3704 section 2.4: by whatever interface, as long as there is a way back. */
export const loose = 2;
