import { routeTables, type Netlink, type RulePut, type RuleState } from 'libbpf-ts';
import { families, type Family } from '../../net/address.js';
import {
  detourPriority,
  detourTable,
  mainPriority,
  routeProtocol,
  tunnelGroup,
} from '../nexthop.js';
import type { Table } from '../table.js';

/** Of each family two rules, in order and with none between them and main: or else packets miss them, or others' rules do. */
export type Rules = ReadonlyMap<Family, 'in order' | 'out of order'>;

/** The rules that lead past kernel tunnels, known by our protocol number. */
export function rules(netlink: Netlink): Table<Family, 'in order' | 'out of order'> {
  const ours = (family: Family): readonly RuleState[] =>
    netlink.rules().filter((rule) => rule.family === family && isOurs(rule));
  /** The last goes first: with it, all that it moved. */
  const removeAll = (family: Family): void => {
    for (const { table, ...rule } of [...ours(family)].reverse())
      if (table !== undefined) netlink.removeRule({ ...rule, table });
  };
  return {
    name: 'rules',
    same: (a, b) => a === b,
    entries: () => {
      const all = netlink.rules();
      return new Map(
        families
          .filter((family) => all.some((rule) => rule.family === family && isOurs(rule)))
          .map((family) => [family, orderOf(family, all)]),
      );
    },
    put: (entries) => {
      for (const family of entries.keys()) {
        removeAll(family);
        for (const rule of rulesOf(family)) netlink.putRule(rule);
      }
    },
    remove: (gone) => {
      for (const family of gone) removeAll(family);
    },
  };
}

/** What main answers by a kernel tunnel counts for nothing; then our own routes are asked, and main once more, for the rest. */
export function rulesOf(family: Family): readonly RulePut[] {
  const rule = { family, priority: detourPriority, protocol: routeProtocol };
  return [
    { ...rule, table: routeTables.main, suppressGroup: tunnelGroup },
    { ...rule, table: detourTable },
  ];
}

function isOurs({ protocol }: RuleState): boolean {
  return protocol === routeProtocol;
}

/** A rule of someone else's behind ours would never be asked: main has an answer for everything. */
function orderOf(family: Family, all: readonly RuleState[]): 'in order' | 'out of order' {
  const before = all.filter((rule) => rule.family === family && rule.priority < mainPriority);
  const wanted = rulesOf(family);
  const last = before.slice(-wanted.length);
  const isRight =
    before.filter(isOurs).length === wanted.length &&
    wanted.every((rule, place) => isSame(rule, last[place]));
  return isRight ? 'in order' : 'out of order';
}

function isSame(wanted: RulePut, there: RuleState | undefined): boolean {
  return (
    there?.priority === wanted.priority &&
    there.table === wanted.table &&
    there.protocol === wanted.protocol &&
    there.suppressGroup === wanted.suppressGroup
  );
}
