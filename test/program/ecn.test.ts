import test, { type ExecutionContext } from 'ava';
import { whyNotTaken } from '../support/crossing.js';
import { ethernetBytes, tosAt, tosOf } from '../support/fields.js';
import { whyNoPrograms } from '../support/object.js';
import { internetChecksum, type Ecn } from '../support/packet.js';
import { arrivingBy, everyWay, leaving, ways, type Way } from '../support/ways.js';

const codepoints = ['notEct', 'ect0', 'ect1', 'ce'] as const satisfies readonly Ecn[];
const dscp = 10;

/** RFC 6040 section 4.2, figure 4: inner, then outer from left to right in the order above. */
const merged: Readonly<Record<Ecn, readonly (Ecn | 'drop')[]>> = {
  notEct: ['notEct', 'notEct', 'notEct', 'drop'],
  ect0: ['ect0', 'ect0', 'ect1', 'ce'],
  ect1: ['ect1', 'ect1', 'ect1', 'ce'],
  ce: ['ce', 'ce', 'ce', 'ce'],
};

const missing = whyNoPrograms();
const dut = missing === undefined ? everyWay('a') : undefined;
test.after.always(() => dut?.[Symbol.dispose]());

function skips(t: ExecutionContext, why = missing ?? ''): void {
  t.log(`skipped: ${why}`);
  t.pass();
}

function merges(t: ExecutionContext, way: Way, inner: Ecn, outer: Ecn, expected: Ecn | 'drop') {
  if (dut === undefined) return skips(t);
  const untaken = whyNotTaken(way.over, way.inside);
  if (untaken !== undefined) return skips(t, untaken);
  const of = (codepoint: Ecn): Uint8Array =>
    arrivingBy(way, { outer: { ecn: outer, dscp: 46 }, inner: { ecn: codepoint, dscp } })
      .tcp(80, 40000)
      .bytes();
  const { verdict, packet } = dut.run('ingress', of(inner));
  if (expected === 'drop') return t.is(verdict, 'DROP_ECN');
  t.is(verdict, 'DECAPSULATED');
  t.is(tosAt(packet), tosOf(dscp, expected), 'the inner DSCP stays');
  // the packet that the sender would have made with that field: its checksum follows, nothing else changes
  t.deepEqual(packet.slice(ethernetBytes), of(expected).slice(ethernetBytes + way.bytes));
}

function copies(t: ExecutionContext, way: Way, codepoint: Ecn): void {
  if (dut === undefined) return skips(t);
  const { verdict, packet } = dut.run(
    'egress',
    leaving(way, { ecn: codepoint, dscp }).tcp(1, 2).bytes(),
  );
  t.is(verdict, 'ENCAPSULATED');
  t.is(tosAt(packet), tosOf(dscp, codepoint));
  if (way.over === 'ipv4') t.is(internetChecksum(packet.slice(14, 34)), 0);
  t.is(tosAt(packet, ethernetBytes + way.bytes), tosOf(dscp, codepoint), 'the inner one stays');
}

for (const way of ways)
  for (const inner of codepoints) {
    test(
      `${way.title}: an inner ${inner} is ${inner} outside (RFC 6040, normal mode)`,
      copies,
      way,
      inner,
    );
    codepoints.forEach((outer, column) => {
      const expected = merged[inner][column] ?? 'drop';
      const title = `${way.title}: inner ${inner} and outer ${outer} make ${expected} (RFC 6040 section 4.2)`;
      test(title, merges, way, inner, outer, expected);
    });
  }
