import { encapNames, type EncapName } from '../encap/index.js';
import type { Finding } from './finding.js';
import { finding } from './finding.js';
import { outerName, outers } from './outer.js';

/** A rule of this network namespace that drops tunnel packets. */
export interface FirewallRule {
  /** `inet filter input`. */
  readonly where: string;
  /** What it drops. */
  readonly what: string;
  readonly family: string;
  /** Interfaces whose packets alone it sees; empty: it sees those of all. */
  readonly devices: readonly string[];
}

/** What is used of `nft -j list ruleset` (libnftables-json(5)). */
interface Listed {
  readonly nftables?: readonly {
    readonly rule?: {
      readonly family: string;
      readonly table: string;
      readonly chain: string;
      readonly expr: readonly object[];
    };
  }[];
}

/**
 * Pure: the rules of a listing that drop tunnel packets, as far as one rule alone can tell. `chains`: what
 * `nft list chains` prints, for the interfaces; nftables 1.0.6 leaves them out of its JSON.
 */
export function droppingRules(json: string, chains: string, port: number): readonly FirewallRule[] {
  const { nftables = [] } = JSON.parse(json) as Listed;
  const devices = devicesIn(chains);
  return nftables.flatMap(({ rule }) => {
    if (rule === undefined) return [];
    const { family, table, chain, expr } = rule;
    const isDrop = expr.some((one) => 'drop' in one || 'reject' in one);
    const encap = encapNames.find((name) => expr.some((one) => isAbout(name, one, port)));
    const where = `${family} ${table} ${chain}`;
    return isDrop && encap !== undefined
      ? [{ where, what: outerName(encap, port), family, devices: devices.get(where) ?? [] }]
      : [];
  });
}

/** By `family table chain`, the interfaces whose packets alone a chain sees: `device "eth0"`, `devices = { eth0, eth1 }`. */
function devicesIn(chains: string): ReadonlyMap<string, readonly string[]> {
  const devices = new Map<string, readonly string[]>();
  let [table, chain] = ['', ''];
  for (const line of chains.split('\n')) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    chain = /^\s+chain (\S+) \{/.exec(line)?.[1] ?? chain;
    const [, names] = / devices? (?:= \{)?([^}]*?)\}? priority /.exec(line) ?? [];
    if (names !== undefined)
      devices.set(`${table} ${chain}`, names.replace(/["\s]/g, '').split(','));
  }
  return devices;
}

function isAbout(encap: EncapName, expression: object, port: number): boolean {
  const { match } = expression as { match?: { op?: string; left?: Left; right?: unknown } };
  if (match?.op !== '==') return false;
  const { payload: { protocol: layer = '', field } = {}, meta } = match.left ?? {};
  const { protocol, words = [] } = outers[encap];
  if (protocol === undefined)
    return ['udp', 'th'].includes(layer) && field === 'dport' && covers(match.right, [port]);
  const isProtocol =
    (layer === 'ip' && field === 'protocol') ||
    (layer === 'ip6' && field === 'nexthdr') ||
    meta?.key === 'l4proto';
  return isProtocol && covers(match.right, [protocol, ...words]);
}

interface Left {
  readonly payload?: { readonly protocol?: string; readonly field?: string };
  readonly meta?: { readonly key?: string };
}

/** Whether one of the values is among those that a rule names: one, a set, a range. */
function covers(right: unknown, values: readonly unknown[]): boolean {
  if (typeof right !== 'object' || right === null) return values.includes(right);
  const { set, range } = right as { set?: readonly unknown[]; range?: readonly [number, number] };
  if (set !== undefined) return set.some((one) => covers(one, values));
  return (
    range !== undefined &&
    values.some((value) => typeof value === 'number' && range[0] <= value && value <= range[1])
  );
}

/** Pure. `isAhead`: whether a rule sees our packets between the programs and the wire; most never see the outer headers. */
export function firewallFindings(
  rules: readonly FirewallRule[],
  isAhead: (rule: FirewallRule) => boolean,
): readonly Finding[] {
  return rules.map((rule) => {
    const { where, what } = rule;
    const [family = '', table = '', chain = ''] = where.split(' ');
    return finding('firewall-rule', {
      severity: isAhead(rule) ? 'warn' : 'note',
      seen: `a rule in ${where} drops ${what}`,
      cure: `nft -a list chain ${family} ${table} ${chain}, and take it out where it is not meant: nft delete rule ${where} handle N`,
    });
  });
}
