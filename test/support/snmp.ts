import { readFileSync } from 'node:fs';
import { inNamespace } from 'libbpf-ts';

/** The kernel's packet counters of a namespace that are not 0, under nstat's names. */
export function snmpOf(namespace: string): ReadonlyMap<string, number> {
  return inNamespace(`/run/netns/${namespace}`, () => {
    const read = (file: string): string => readFileSync(`/proc/thread-self/net/${file}`, 'utf8');
    const counters = [...pairs(read('snmp')), ...pairs(read('netstat')), ...lines(read('snmp6'))];
    return new Map(counters.filter(([, count]) => count !== 0));
  });
}

/** Two lines for each protocol, of names and of figures. */
function* pairs(text: string): Iterable<[string, number]> {
  const rows = text.trim().split('\n');
  for (let at = 0; at + 1 < rows.length; at += 2) {
    const [names = [], figures = []] = [rows[at]?.split(' '), rows[at + 1]?.split(' ')];
    const protocol = names[0]?.replace(':', '') ?? '';
    for (const [place, name] of names.entries())
      if (place > 0) yield [`${protocol}${name}`, Number(figures[place])];
  }
}

function* lines(text: string): Iterable<[string, number]> {
  for (const row of text.trim().split('\n')) {
    const [name = '', figure] = row.trim().split(/\s+/);
    yield [name, Number(figure)];
  }
}
