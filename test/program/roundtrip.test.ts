import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { whyNotTaken } from '../support/crossing.js';
import { nobody } from '../support/frames.js';
import { whyNoPrograms } from '../support/object.js';
import { eth, macBytes, type Ecn, type Packet } from '../support/packet.js';
import { everyWay, ways, workload, type Way } from '../support/ways.js';
import { nodes } from '../support/world.js';

const missing = whyNoPrograms();
const a = missing === undefined ? everyWay('a') : undefined;
const b = missing === undefined ? everyWay('b') : undefined;
test.after.always(() => {
  a?.[Symbol.dispose]();
  b?.[Symbol.dispose]();
});

const port = fc.integer({ min: 0, max: 65535 });
const payload = fc.uint8Array({ maxLength: 1300 });

/** At least as much as the shortest transport's header. */
const content = fc.uint8Array({ minLength: 8, maxLength: 1300 });

/** What a workload may put behind an IP header; behind which of the two does not matter. */
const transports: Readonly<Record<string, fc.Arbitrary<(ip: Packet) => Packet>>> = {
  TCP: fc.tuple(port, port, payload).map(
    ([from, to, data]) =>
      (ip) =>
        ip.tcp(from, to).raw(data),
  ),
  UDP: fc.tuple(port, port, payload).map(
    ([from, to, data]) =>
      (ip) =>
        ip.udp(from, to).raw(data),
  ),
  'UDP without a checksum': payload.map(
    (data) => (ip) => ip.udp(1, 2, { checksum: 'zero' }).raw(data),
  ),
  'one byte of UDP': fc.nat(255).map((byte) => (ip) => ip.udp(1, 2).raw(Uint8Array.of(byte))),
  ICMP: content.map((bytes) => (ip) => ip.other(1, bytes)),
  ICMPv6: content.map((bytes) => (ip) => ip.other(58, bytes)),
  SCTP: content.map((bytes) => (ip) => ip.other(132, bytes)),
  'hop-by-hop options': payload.map((data) => (ip) => ip.extension(0).udp(1, 2).raw(data)),
  'destination options': payload.map((data) => (ip) => ip.extension(60).udp(1, 2).raw(data)),
  'a fragment header': fc.tuple(fc.uint8Array({ minLength: 6, maxLength: 6 }), payload).map(
    ([fields, data]) =>
      (ip) =>
        ip
          .extension(44, [...fields])
          .udp(1, 2)
          .raw(data),
  ),
  'a tunnel of its own': payload.map(
    (data) => (ip) => ip.ipv6('fd00:172::1', 'fd00:172::2').udp(1, 2).raw(data),
  ),
  'any protocol': fc.tuple(fc.nat(255), content).map(
    ([protocol, bytes]) =>
      (ip) =>
        ip.other(protocol, bytes),
  ),
};

const common = {
  from: fc.integer({ min: 1, max: 59 }), // B borrows 10.244.1.60
  to: fc.integer({ min: 1, max: 62 }),
  ttl: fc.integer({ min: 1, max: 255 }),
  ecn: fc.constantFrom<Ecn>('notEct', 'ect0', 'ect1', 'ce'),
  dscp: fc.nat(63),
};

/** A workload's frame to one on B, up to the transport: every field that the family has. */
const headers = {
  ipv4: (way: Way) =>
    fc
      .record({
        ...common,
        id: fc.nat(0xffff),
        fragmentOffset: fc.oneof(fc.constant(0), fc.nat(0x1fff)),
        moreFragments: fc.boolean(),
        dontFragment: fc.boolean(),
        options: fc.nat(10).map((words) => new Uint8Array(words * 4).fill(1)),
      })
      .map(({ from, to, ...header }) => frame().ipv4(...ends(way, from, to), header)),
  ipv6: (way: Way) =>
    fc
      .record({ ...common, flowLabel: fc.nat(0xfffff) })
      .map(({ from, to, ttl: hopLimit, ...header }) =>
        frame().ipv6(...ends(way, from, to), { hopLimit, ...header }),
      ),
} as const;

function returns(t: ExecutionContext, way: Way, transport: string): void {
  const packets = transports[transport];
  const untaken = whyNotTaken(way.over, way.inside);
  if (a === undefined || b === undefined || packets === undefined || untaken !== undefined) {
    t.log(`skipped: ${missing ?? untaken ?? transport}`);
    t.pass();
    return;
  }
  fc.assert(
    fc.property(headers[way.inside](way), packets, (ip, put) => {
      const inner = put(ip).bytes();
      const sent = a.run('egress', inner);
      t.is(sent.verdict, 'ENCAPSULATED');
      t.is(sent.packet.length, inner.length + way.bytes);
      const received = b.run('ingress', withDestination(sent.packet, nodes.b.uplinkMac));
      t.is(received.verdict, 'DECAPSULATED');
      t.deepEqual(received.packet, withDestination(inner, nodes.b.uplinkMac));
    }),
    { numRuns: 50 },
  );
}

for (const way of ways)
  for (const transport of Object.keys(transports))
    test(`${way.title}: ${transport} comes out of B as it went into A`, returns, way, transport);

function frame(): Packet {
  return eth(nodes.a.uplinkMac, nobody);
}

function ends(way: Way, from: number, to: number): [string, string] {
  return [workload(way, 'a', from), workload(way, 'b', to)];
}

/** The next hop's MAC, which redirection writes after the program. */
function withDestination(frame: Uint8Array, mac: string): Uint8Array {
  const sent = frame.slice();
  sent.set(macBytes(mac), 0);
  return sent;
}
