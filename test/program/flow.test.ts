import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Dut } from '../support/dut.js';
import { pooled } from '../support/frames.js';
import { whyNoPrograms } from '../support/object.js';

const missing = whyNoPrograms();
const dut = missing === undefined ? new Dut() : undefined;
test.after.always(() => dut?.[Symbol.dispose]());

function skip(t: ExecutionContext): void {
  t.log(`skipped: ${missing ?? ''}`);
  t.pass();
}

test('1,000 flows spread over the dynamic ports, and each keeps its own (RFC 7348 section 5)', (t) => {
  if (dut === undefined) return skip(t);
  const flows = fc.sample(
    fc.tuple(fc.nat({ max: 61 }), fc.nat({ max: 61 }), port(), port(), fc.boolean()),
    { numRuns: 1000, seed: 7348 },
  );
  const ports = flows.map(([from, to, source, destination, tcp]) => {
    const ip = pooled(`10.244.1.${from + 1}`, `10.244.2.${to + 1}`);
    const of = (payload: string): number =>
      sourcePort(
        dut,
        (tcp ? ip.tcp(source, destination) : ip.udp(source, destination)).raw(payload).bytes(),
      );
    const first = of('one packet');
    t.is(of('another, longer packet of the same flow'), first);
    t.true(first >= 49152);
    return first;
  });
  // 1,000 of 16,384 ports at random meet in about 30 pairs
  t.true(new Set(ports).size > 900, `${new Set(ports).size} different ports`);
});

test('all fragments of a datagram take one path, for only the first has ports', (t) => {
  if (dut === undefined) return skip(t);
  const id = 77;
  const fragments = [0, 8, 16].map((fragmentOffset) =>
    pooled('10.244.1.5', '10.244.2.9', {
      id,
      fragmentOffset,
      moreFragments: fragmentOffset < 16,
      protocol: 17,
    })
      .raw(`${fragmentOffset} is no port`.padEnd(64))
      .bytes(),
  );
  t.is(new Set(fragments.map((fragment) => sourcePort(dut, fragment))).size, 1);
});

function port() {
  return fc.integer({ min: 1, max: 65535 });
}

function sourcePort(dut: Dut, frame: Uint8Array): number {
  const { returnValue, packet } = dut.quickly('egress', frame);
  if (returnValue !== 7) throw new Error(`not encapsulated: ${returnValue}`);
  return ((packet[34] ?? 0) << 8) | (packet[35] ?? 0);
}
