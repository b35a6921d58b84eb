import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Dut } from '../support/dut.js';
import { whyNoPrograms } from '../support/object.js';
import { eth, macBytes, type Ecn, type Ipv4Options } from '../support/packet.js';
import { nodes } from '../support/world.js';

const missing = whyNoPrograms();
const a = missing === undefined ? new Dut('a') : undefined;
const b = missing === undefined ? new Dut('b') : undefined;
test.after.always(() => {
  a?.[Symbol.dispose]();
  b?.[Symbol.dispose]();
});

/** Whatever a workload may put behind an IPv4 header, and most of what it may put into it. */
const packets = fc.record({
  from: fc.integer({ min: 1, max: 59 }), // B borrows 10.244.1.60
  to: fc.integer({ min: 1, max: 62 }),
  ttl: fc.integer({ min: 1, max: 255 }),
  ecn: fc.constantFrom<Ecn>('notEct', 'ect0', 'ect1', 'ce'),
  dscp: fc.nat({ max: 63 }),
  id: fc.nat({ max: 0xffff }),
  protocol: fc.nat({ max: 255 }),
  fragmentOffset: fc.oneof(fc.constant(0), fc.nat({ max: 0x1fff })),
  moreFragments: fc.boolean(),
  dontFragment: fc.boolean(),
  options: fc.nat({ max: 10 }).map((words) => new Uint8Array(words * 4).fill(1)),
  payload: fc.uint8Array({ maxLength: 1390 }),
});

function returns(t: ExecutionContext, encap: 'vxlan' | 'ipip', pool: string): void {
  if (a === undefined || b === undefined) {
    t.log(`skipped: ${missing ?? ''}`);
    t.pass();
    return;
  }
  fc.assert(
    fc.property(packets, ({ from, to, payload, ...header }) => {
      const inner = eth(nodes.a.uplinkMac, a.config.nobodyMac)
        .ipv4(`${pool}.1.${from}`, `${pool}.2.${to}`, header satisfies Ipv4Options)
        .raw(payload)
        .bytes();
      const sent = a.run('egress', inner);
      t.is(sent.verdict, 'ENCAPSULATED');
      t.is(sent.packet.length, inner.length + (encap === 'vxlan' ? 50 : 20));
      const received = b.run('ingress', withDestination(sent.packet, nodes.b.uplinkMac));
      t.is(received.verdict, 'DECAPSULATED');
      t.deepEqual(received.packet, withDestination(inner, nodes.b.uplinkMac));
    }),
    { numRuns: 300 },
  );
}

test('what A encapsulates in VXLAN, B decapsulates to the same bytes', returns, 'vxlan', '10.244');
test('what A encapsulates in IPIP, B decapsulates to the same bytes', returns, 'ipip', '10.245');

/** The next hop's MAC, which redirection writes after the program. */
function withDestination(frame: Uint8Array, mac: string): Uint8Array {
  const sent = frame.slice();
  sent.set(macBytes(mac), 0);
  return sent;
}
