import test, { type ExecutionContext } from 'ava';
import { Dut } from '../support/dut.js';
import { whyNoPrograms } from '../support/object.js';
import { ecn, eth, internetChecksum, type Ecn, type Packet } from '../support/packet.js';
import { nodes } from '../support/world.js';

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
const dut = missing === undefined ? new Dut() : undefined;
test.after.always(() => dut?.[Symbol.dispose]());

function skips(t: ExecutionContext): void {
  t.log(`skipped: ${missing ?? ''}`);
  t.pass();
}

function merges(t: ExecutionContext, encap: Encap, inner: Ecn, outer: Ecn, expected: Ecn | 'drop') {
  if (dut === undefined) return skips(t);
  const frame = arriving(encap, inner, outer);
  const { verdict, packet } = dut.run('ingress', frame);
  if (expected === 'drop') return t.is(verdict, 'DROP_ECN');
  t.is(verdict, 'DECAPSULATED');
  t.is(packet[15], (dscp << 2) | ecn[expected], 'the inner DSCP stays');
  t.is(internetChecksum(packet.slice(14, 34)), 0, 'the inner checksum follows');
  const untouched = frame.slice(-packet.length + 14);
  for (const field of [15, 24, 25]) untouched[field - 14] = packet[field] ?? 0;
  t.deepEqual(packet.slice(14), untouched, 'nothing else changes');
}

function copies(t: ExecutionContext, encap: Encap, codepoint: Ecn): void {
  if (dut === undefined) return skips(t);
  const { verdict, packet } = dut.run('egress', leaving(encap, codepoint));
  t.is(verdict, 'ENCAPSULATED');
  t.is(packet[15], (dscp << 2) | ecn[codepoint]);
  t.is(internetChecksum(packet.slice(14, 34)), 0);
}

for (const encap of ['vxlan', 'ipip'] as const)
  for (const inner of codepoints) {
    test(
      `${encap}: an inner ${inner} is ${inner} outside (RFC 6040, normal mode)`,
      copies,
      encap,
      inner,
    );
    codepoints.forEach((outer, column) => {
      const expected = merged[inner][column] ?? 'drop';
      const title = `${encap}: inner ${inner} and outer ${outer} make ${expected} (RFC 6040 section 4.2)`;
      test(title, merges, encap, inner, outer, expected);
    });
  }

type Encap = 'vxlan' | 'ipip';

const pool: Readonly<Record<Encap, string>> = { vxlan: '10.244', ipip: '10.245' };

function leaving(encap: Encap, codepoint: Ecn): Uint8Array {
  return eth(nodes.a.uplinkMac, dut?.config.nobodyMac ?? '')
    .ipv4(`${pool[encap]}.1.5`, `${pool[encap]}.2.9`, { ecn: codepoint, dscp })
    .tcp(40000, 80)
    .bytes();
}

function arriving(encap: Encap, inner: Ecn, outer: Ecn): Uint8Array {
  const frame = eth(nodes.b.uplinkMac, nodes.a.uplinkMac).ipv4(nodes.b.underlay, nodes.a.underlay, {
    ecn: outer,
    dscp: 46,
  });
  const carried: Packet =
    encap === 'ipip'
      ? frame
      : frame
          .udp(50000, 4789, { checksum: 'zero' })
          .vxlan(4096)
          .eth(nodes.b.vtepMac, nodes.a.vtepMac);
  return carried
    .ipv4(`${pool[encap]}.2.9`, `${pool[encap]}.1.5`, { ecn: inner, dscp })
    .tcp(80, 40000)
    .bytes();
}
