import { readFileSync } from 'node:fs';
import { netfilterRules } from 'libbpf-ts';

/** Rules of this network namespace that a packet past the stack does not meet, in words; undefined: there are none. */
export function rulesInForce(): string | undefined {
  const rules = netfilterRules();
  const tables = ['ip', 'ip6'].flatMap((family) => tablesOf(family));
  const found = [
    ...(rules === 0 ? [] : [`${rules} rules of nf_tables`]),
    ...(tables.length === 0 ? [] : [`the tables ${tables.join(', ')} of iptables`]),
  ];
  return found.length === 0 ? undefined : found.join(' and ');
}

/** Of iptables (legacy): a table is there once someone has looked at it, rules or not. */
function tablesOf(family: string): readonly string[] {
  try {
    const names = readFileSync(`/proc/net/${family}_tables_names`, 'utf8');
    return names.split('\n').filter((name) => name !== '');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw cause;
  }
}
