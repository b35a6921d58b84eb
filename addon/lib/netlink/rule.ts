import { familyName, familyNumbers, type Family } from './family.js';
import { integerField, nameField, objectField } from './field.js';
import type { RawRule } from './native.js';
import { routeProtocols } from './route.js';

/** A rule that chooses the routing table (ip-rule(8)). Rules of one priority count in the order in which they were made. */
export interface RuleState {
  readonly family: Family;
  /** The lowest counts first; main is asked at 32766. */
  readonly priority: number;
  /** undefined: it asks no table, but ends the search or jumps. */
  readonly table: number | undefined;
  /** Who made it, as of routes; 0 where the kernel does not tell (before 4.17). */
  readonly protocol: number;
  /** What the table answers counts for nothing where it leaves by an interface of this group. */
  readonly suppressGroup: number | undefined;
}

/** A rule for all packets. A RuleState is one, too. */
export interface RulePut {
  readonly family: Family;
  readonly priority: number;
  readonly table: number;
  /** static (4) by default. */
  readonly protocol?: number | undefined;
  readonly suppressGroup?: number | undefined;
}

const FR_ACT_TO_TBL = 1;
const U32 = 0xffffffff;

export function ruleState({ family, action, table, ...rule }: RawRule): RuleState {
  return {
    ...rule,
    family: familyName(family),
    table: action === FR_ACT_TO_TBL ? table : undefined,
  };
}

/** Checked fields for the kernel; TypeError or RangeError names the wrong one. */
export function ruleFields(put: RulePut): RawRule {
  objectField(put, 'rule');
  return {
    family: familyNumbers[nameField(put.family, 'rule.family', ['ipv4', 'ipv6'])],
    priority: integerField(put.priority, 'rule.priority', 1, U32),
    action: FR_ACT_TO_TBL,
    table: integerField(put.table, 'rule.table', 1, U32),
    protocol: integerField(put.protocol ?? routeProtocols.static, 'rule.protocol', 1, 255),
    suppressGroup:
      put.suppressGroup === undefined
        ? undefined
        : integerField(put.suppressGroup, 'rule.suppressGroup', 0, 0x7fffffff),
  };
}

export function describeRule({ family, priority, table }: RawRule): string {
  return `${familyName(family)} rule ${priority} for table ${table}`;
}
