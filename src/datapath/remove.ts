import { existsSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Link, type Netlink } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import { detachFilter, filterOn, pinnedProgramIds, removeEmptyClsact } from './clsact.js';
import type { Folders } from './folders.js';
import { generations, withForeign } from './generation.js';
import { directionOf } from './load.js';
import { ifOfThisKind } from './pin.js';
import { loosenedFile } from './loosened.js';
import type { Change } from './reconcile.js';
import { readState, stateFile } from './state.js';
import type { Table } from './table.js';
import { networkTables } from './tables/index.js';
import { groups } from './tables/groups.js';
import { interfaces } from './tables/interfaces.js';
import { mergers } from './tables/mergers.js';
import { reversePaths } from './tables/reverse-paths.js';
import { detours } from './tables/routes.js';
import { rules } from './tables/rules.js';
import { tunnelsFile } from './tunnel-ends.js';

/** One thing of ours in the kernel or on disk, and how to take it away. */
interface Belonging {
  readonly table: string;
  readonly key: string;
  readonly remove: () => void;
}

/**
 * Everything of ours on this node, in the order in which it goes: first what leads packets to the programs, then the
 * programs, then what packets needed that were under way. The reverse of a start, but for the programs' own order.
 */
export function belongings(folders: Folders, netlink: Netlink): readonly Belonging[] {
  const { routes, addresses, neighbours } = networkTables(netlink);
  return [
    // The last rule first: with it all traffic is back with the kernel's tunnels, where these took it over.
    ...entriesOf(rules(netlink)),
    ...entriesOf(detours(netlink)),
    ...entriesOf(groups(netlink)),
    ...entriesOf(mergers(netlink)),
    ...entriesOf(routes),
    ...links(folders),
    ...filters(folders, netlink),
    ...qdisc(folders),
    ...entriesOf(addresses),
    ...entriesOf(neighbours),
    ...entriesOf(interfaces(netlink)),
    ...entriesOf(reversePaths(netlink, folders.run)),
    ...pins(folders),
    ...files(folders),
  ];
}

/** What would go, as data. */
export function listed(things: readonly Belonging[]): readonly Change[] {
  return things.map(({ table, key }) => ({ table, action: 'remove', key }));
}

/** Removes all of it, then looks whether anything is left. */
export function removeAll(folders: Folders, netlink: Netlink): readonly Change[] {
  const things = belongings(folders, netlink);
  for (const { remove } of things) remove();
  const left = belongings(folders, netlink);
  if (left.length > 0)
    throw new EncapError(`cannot remove everything: ${left.length} left`, {
      code: 'KERNEL_REFUSED',
      why: left.map(({ table, key }) => `${table}: ${key}`).join('\n'),
      hint: 'is another agent still running with the same folders?',
    });
  return listed(things);
}

function entriesOf<K extends string, V>(table: Table<K, V>): Belonging[] {
  return [...table.entries().keys()].map((key) => ({
    table: table.name,
    key,
    remove: () => table.remove([key]),
  }));
}

/**
 * Shortcuts first; then ingress, for a detach returns when no packet is in the old program any more (RCU): what a route
 * had led to egress before the route went has met it, and left in its tunnel. The backstop stays until what it is behind
 * is gone.
 */
const order = ['workload', 'ingress', 'egress', 'backstop', 'cutter'] as const;

function links({ pins }: Folders): Belonging[] {
  const found = generations(pins).flatMap((generation) =>
    generation.links().map((name) => ({ name, pin: generation.link(name) })),
  );
  return order
    .flatMap((program) => found.filter(({ name }) => name.split('-')[0] === program))
    .map(({ pin }) => ({
      table: 'links',
      key: pin,
      remove: () => {
        using link = ifOfThisKind(() => Link.open(pin));
        if (link !== undefined && link.info.ifindex !== 0) link.detach();
        rmSync(pin);
      },
    }));
}

function filters({ pins }: Folders, netlink: Netlink): Belonging[] {
  const links = netlink.links();
  return (['workload', 'egress', 'backstop', 'ingress'] as const).flatMap((program) => {
    const direction = directionOf(program);
    const ours = pinnedProgramIds(pins, program);
    if (ours.size === 0) return [];
    return links
      .filter(({ index }) => ours.has(filterOn(program, { ifindex: index, direction }) ?? 0))
      .map(({ index, name }) => ({
        table: 'filters',
        key: `${name} ${program === 'backstop' ? 'backstop' : direction}`,
        remove: () => {
          detachFilter(program, { ifindex: index, direction }, ours);
          if (program === 'workload') removeEmptyClsact(name);
        },
      }));
  });
}

/** Ours only where the state file says that it was not there before us. */
function qdisc({ run }: Folders): Belonging[] {
  const state = readState(run);
  if (state?.madeClsact !== true) return [];
  const { name } = state.uplink;
  return [{ table: 'qdiscs', key: `${name} clsact`, remove: () => removeEmptyClsact(name) }];
}

function pins({ pins: folder }: Folders): Belonging[] {
  if (!existsSync(folder)) return [];
  return [
    {
      table: 'pins',
      key: folder,
      remove: () => {
        for (const generation of withForeign(folder))
          rmSync(generation.folder, { recursive: true });
        rmdirSync(folder); // what someone else put here stays, and is said
      },
    },
  ];
}

function files({ run }: Folders): Belonging[] {
  if (!existsSync(run)) return [];
  const ours = [stateFile(run), loosenedFile(run), tunnelsFile(run), ...logs(run)].filter((file) =>
    existsSync(file),
  );
  const rest = readdirSync(run).length - ours.length;
  return [
    // that of loosened interfaces goes with the last of these, unless they went before
    ...ours.map((file) => ({
      table: 'files',
      key: file,
      remove: () => rmSync(file, { force: true }),
    })),
    ...(rest === 0 ? [{ table: 'files', key: run, remove: () => rmdirSync(run) }] : []),
  ];
}

function logs(run: string): string[] {
  return readdirSync(run)
    .filter((name) => /^verifier-.*\.log$/.test(basename(name)))
    .map((name) => join(run, name));
}
