import test, { type ExecutionContext } from 'ava';
import type { Cidr } from '../../src/net/cidr.js';
import { dissect, whyNoTshark } from '../support/dissect.js';
import { Dut, type Origin } from '../support/dut.js';
import { fromB, fromB6, inVxlan, patched, pooled, toB, toB6 } from '../support/frames.js';
import { whyNoPrograms } from '../support/object.js';
import { nodes, peerIndex } from '../support/world.js';

const missing = whyNoPrograms();

/** lo is there in every namespace; pieces come from the interface that test runs call a workload's. */
const cutter = { in: 1, out: 7, uplink: 1 };
const piece = { from: 'pod' } as const;
const superPacket = { gsoSize: 1000 } as const;

/** One that someone deleted. */
const gone = { ...cutter, in: 4711 };

function skip(t: ExecutionContext, why = missing): boolean {
  if (why === undefined) return false;
  t.log(`skipped: ${why}`);
  t.pass();
  return true;
}

/** Why packets from there can't be run here. */
function whyNotRun(dut: Dut, origin: Origin): string | undefined {
  return dut.canRun(origin)
    ? undefined
    : 'BPF_PROG_TEST_RUN of this kernel takes no ingress_ifindex';
}

function cuttingBy(entry: typeof cutter): Dut {
  const dut = new Dut();
  dut.tables.cutters.set(0, entry);
  return dut;
}

const ends = test.macro({
  title: (_, what: string, verdict: string) => `${what}: ${verdict}`,
  exec: (
    t,
    _: string,
    verdict: string,
    direction: 'egress' | 'ingress',
    frame: Uint8Array,
    origin: Origin,
    there: typeof cutter = cutter,
  ) => {
    if (skip(t)) return;
    using dut = cuttingBy(there);
    if (skip(t, whyNotRun(dut, origin))) return;
    t.is(dut.run(direction, frame, origin).verdict, verdict);
  },
});

const [uncounted, udpInVxlan] = [toB6.bytes(), fromB.bytes()];
const tcpInVxlan = inVxlan('10.244.2.9', '10.244.1.5').tcp(1, 2).raw('x').bytes();
test(ends, 'segments that each need a checksum', 'CUT', 'egress', uncounted, superPacket);
test(ends, 'a received UDP super-packet', 'CUT', 'ingress', udpInVxlan, superPacket);
test(
  ends,
  'a super-packet whose pieces differ in size',
  'CUT',
  ...(['egress', toB.bytes(), { gsoSize: 0xffff }] as const),
);
test(ends, 'a received super-packet of another type', 'CUT', 'ingress', tcpInVxlan, superPacket);
test(
  ends,
  'one that came out of the cutter whole is not cut again',
  'DROP_GSO_TYPE',
  ...(['egress', toB.bytes(), { gsoSize: 0xffff, ...piece }] as const),
);
test(ends, 'one over IPv6', 'CUT', 'ingress', fromB6.bytes(), superPacket);
test(
  ends,
  'segments that each need a checksum, the cutter deleted',
  'DROP_NO_CHECKSUM',
  ...(['egress', uncounted, superPacket, gone] as const),
);
test(
  ends,
  'a received UDP super-packet, the cutter deleted',
  'DROP_INNER_UDP_GSO',
  ...(['ingress', udpInVxlan, superPacket, gone] as const),
);
test(
  ends,
  'what came out of the cutter whole is not cut again',
  'DROP_NO_CHECKSUM',
  ...(['egress', uncounted, { ...superPacket, ...piece }] as const),
);
test(
  ends,
  'what came out of the cutter whole, on ingress',
  'DROP_INNER_UDP_GSO',
  ...(['ingress', udpInVxlan, { ...superPacket, mark: 0x1000 }] as const),
);
test(ends, 'a received piece', 'DECAPSULATED', 'ingress', udpInVxlan, { mark: 0x1000 });
// Its source was looked at in one piece; a workload's packet with such a source is dropped.
const fromElsewhere = pooled('198.51.100.7', '10.244.2.9').udp(1, 2).bytes();
test(ends, 'a piece of a local process', 'ENCAPSULATED', 'egress', fromElsewhere, piece);
test(ends, 'no piece', 'DROP_SRC_SPOOF', 'egress', fromElsewhere, piece, { ...cutter, out: 8 });

test('our mark on a received piece ends with it', (t) => {
  if (skip(t)) return;
  using dut = cuttingBy(cutter);
  t.is(dut.run('ingress', udpInVxlan, { mark: 0x1003 }).mark, 3);
  t.is(dut.run('ingress', udpInVxlan, superPacket).mark, dut.config.ownMark);
});

test('a packet that carries the marks of a tunnel already is cut, and no piece of it twice', (t) => {
  if (skip(t)) return;
  using dut = cuttingBy(cutter);
  if (skip(t, whyNotRun(dut, piece))) return;
  // The second run meets what the first one made of the packet, and takes it for another's tunnel.
  dut.tables.pools.set('192.168.0.0/16' as Cidr, { blockLengths: [32] });
  dut.tables.blocks.set(`${nodes.b.underlay}/32` as Cidr, { peer: 2, policy: 0 });
  const count = (name: string): bigint =>
    dut.counts().find(({ direction, verdict }) => direction === 'egress' && verdict === name)
      ?.packets ?? 0n;
  t.is(dut.quickly('egress', toB.bytes(), { repeat: 2 }).returnValue, 7);
  t.is(count('CUT'), 1n);
  t.is(dut.quickly('egress', toB.bytes(), { ...piece, repeat: 2 }).returnValue, 7);
  t.is(count('CUT'), 1n);
  t.is(count('ENCAPSULATED'), 3n, 'with the old marks in place');
});

// What the first run makes is what the second meets: a packet between nodes, with the marks of a tunnel.
const [v4, v6] = [toB.bytes(), toB6.bytes()];
const overIpv4 = { peer: peerIndex('a', 'b'), policy: 0, bytes: 50, start: 0x45 } as const;
const overIpv6 = { peer: peerIndex('a', 'b', 'ipv6'), policy: 5, bytes: 70, start: 0x60 } as const;

for (const [title, frame, over] of [
  ['IPv4 over IPv4', v4, overIpv4],
  ['IPv6 over IPv6', v6, overIpv6],
  ['IPv4 over IPv6', v4, overIpv6],
  ['IPv6 over IPv4', v6, overIpv4],
] as const)
  test(`${title}: a piece with old marks gets its headers, and nothing of it is lost`, (t) => {
    if (skip(t)) return;
    using dut = cuttingBy(cutter);
    if (skip(t, whyNotRun(dut, piece))) return;
    for (const [cidr, host] of [
      ['192.168.0.0/16', `${nodes.b.underlay}/32`],
      ['fd00:1::/64', `${nodes.b.underlay6}/128`],
    ] as const) {
      dut.tables.pools.set(cidr as Cidr, { blockLengths: [cidr.includes(':') ? 128 : 32] });
      dut.tables.blocks.set(host as Cidr, { peer: over.peer, policy: over.policy });
    }
    const [once, twice] = [1, 2].map((repeat) =>
      dut.quickly('egress', frame, { ...piece, repeat }),
    );
    if (once === undefined || twice === undefined) return t.fail();
    t.is(twice.returnValue, 7);
    t.is(twice.packet.length, once.packet.length + over.bytes);
    t.is(twice.packet[14], over.start);
    t.deepEqual(twice.packet.slice(14 + over.bytes), once.packet.slice(14));
    if (whyNoTshark() === undefined)
      t.like(dissect([twice.packet])[0], { malformed: false, wrong: [] });
  });

test('pieces go back to where they were cut, and what strays is left to the stack', (t) => {
  if (skip(t)) return;
  using dut = cuttingBy(cutter);
  const program = dut.object.program('encapd_cutter');
  const run = (frame: Uint8Array, mark = 0): [number, string] => {
    const before = dut.counts();
    const { returnValue } = program.run(frame, { context: { mark } });
    const moved = dut.counts().find(({ packets }, place) => packets !== before[place]?.packets);
    return [returnValue | 0, `${moved?.direction} ${moved?.verdict}`];
  };
  t.deepEqual(run(toB.bytes()), [7, 'egress PIECE']);
  t.deepEqual(run(toB6.bytes()), [7, 'egress PIECE']);
  t.deepEqual(run(fromB.bytes(), dut.config.ownMark), [7, 'ingress PIECE']);
  t.deepEqual(run(fromB.bytes()), [-1, 'ingress PASS_NOT_OURS']);
  const multicast = patched(fromB, 0, 0x33, 0x33, 0, 0, 0, 0x16);
  t.deepEqual(run(multicast, dut.config.ownMark), [-1, 'ingress PASS_NOT_OURS']);
});
