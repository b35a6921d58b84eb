import type { ExecutionContext } from 'ava';
import type { Pair } from './pair.js';
import { snmpOf } from './snmp.js';

/** Nothing was dropped or called too big, what was sent left once, and no checksum was wrong anywhere. */
export function addsUp(t: ExecutionContext, pair: Pair): void {
  for (const side of ['a', 'b'] as const) {
    const counts = pair.counts(side);
    const drops = [...counts].filter(([name, count]) => name.includes('DROP') && count > 0n);
    t.deepEqual(drops, [], `dropped by ${side}`);
    t.is(counts.get('egress ANSWERED_TOO_BIG') ?? 0n, 0n, `too big for ${side}`);
    t.is(counts.get('egress PASS_OWN_TUNNEL'), counts.get('egress ENCAPSULATED'), side);
    for (const namespace of [pair.namespace(side), pair.workload(side)]) {
      const errors = [...snmpOf(namespace)].filter(([name]) => name.endsWith('InCsumErrors'));
      t.deepEqual(errors, [], `checksums in ${namespace}`);
    }
  }
}
