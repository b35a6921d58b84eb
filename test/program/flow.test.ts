import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { flowLabelAt, sourcePortOf } from '../support/fields.js';
import { nobody } from '../support/frames.js';
import { whyNoPrograms } from '../support/object.js';
import { eth, type Packet } from '../support/packet.js';
import { everyWay, ways, workload, type Way } from '../support/ways.js';
import { nodes } from '../support/world.js';

const missing = whyNoPrograms();
const dut = missing === undefined ? everyWay('a') : undefined;
test.after.always(() => dut?.[Symbol.dispose]());

function skip(t: ExecutionContext): void {
  t.log(`skipped: ${missing ?? ''}`);
  t.pass();
}

/** What routers spread flows by: RFC 7348 section 5 the UDP source port, RFC 6438 the flow label. */
type Entropy = 'source port' | 'flow label';

const entropyOf: Readonly<Record<Entropy, (frame: Uint8Array) => number>> = {
  'source port': sourcePortOf,
  'flow label': (frame) => flowLabelAt(frame),
};

function spreads(t: ExecutionContext, way: Way, entropy: Entropy): void {
  if (dut === undefined) return skip(t);
  const port = fc.integer({ min: 1, max: 65535 });
  const flows = fc.sample(fc.tuple(fc.nat(61), fc.nat(61), port, port, fc.boolean()), {
    numRuns: 1000,
    seed: 7348,
  });
  const values = flows.map(([from, to, source, destination, tcp]) => {
    const ip = between(way, from + 1, to + 1);
    const of = (payload: string): number =>
      sent(tcp ? ip.tcp(source, destination) : ip.udp(source, destination), payload, entropy);
    const first = of('one packet');
    t.is(of('another, longer packet of the same flow'), first);
    if (entropy === 'source port') t.true(first >= 49152);
    return first;
  });
  // 1,000 of 16,384 ports at random meet in about 30 pairs; of the 2^20 labels hardly any do
  const different = new Set(values).size;
  t.true(different > (entropy === 'source port' ? 900 : 990), `${different} different ones`);
  t.false(entropy === 'flow label' && values.includes(0), 'RFC 6437: 0 says that there is none');
}

/** Only the first fragment has ports: they must not count. */
function keepsFragments(t: ExecutionContext, way: Way, entropy: Entropy): void {
  if (dut === undefined) return skip(t);
  const values = [0, 8, 16].map((offset) =>
    sent(fragment(way, offset), `${offset} is no port`.padEnd(64), entropy),
  );
  t.is(new Set(values).size, 1);
}

for (const way of ways)
  for (const entropy of ['source port', 'flow label'] as const) {
    if (entropy === 'source port' ? way.encap !== 'vxlan' : way.over !== 'ipv6') continue;
    const title = `${way.title}: `;
    test(
      `${title}1,000 flows have different ${entropy}s, and each keeps its own`,
      spreads,
      way,
      entropy,
    );
    test(`${title}all fragments of a datagram have one ${entropy}`, keepsFragments, way, entropy);
  }

function between(way: Way, from: number, to: number): Packet {
  const ends = [workload(way, 'a', from), workload(way, 'b', to)] as const;
  const frame = eth(nodes.a.uplinkMac, nobody);
  return way.inside === 'ipv4' ? frame.ipv4(...ends) : frame.ipv6(...ends);
}

/** A fragment of a UDP datagram that starts at that many units of 8 bytes. */
function fragment(way: Way, offset: number): Packet {
  const ends = [workload(way, 'a', 5), workload(way, 'b', 9)] as const;
  const frame = eth(nodes.a.uplinkMac, nobody);
  const more = offset < 16;
  if (way.inside === 'ipv4')
    return frame.ipv4(...ends, {
      id: 77,
      fragmentOffset: offset,
      moreFragments: more,
      protocol: 17,
    });
  const field = (offset << 3) | (more ? 1 : 0);
  return frame.ipv6(...ends).other(44, Uint8Array.of(17, 0, field >> 8, field & 255, 0, 0, 0, 77));
}

function sent(packet: Packet, payload: string, entropy: Entropy): number {
  if (dut === undefined) throw new Error(missing);
  const { returnValue, packet: frame } = dut.quickly('egress', packet.raw(payload).bytes());
  if (returnValue !== 7) throw new Error(`not encapsulated: ${returnValue}`);
  return entropyOf[entropy](frame);
}
