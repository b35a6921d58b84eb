import test, { type ExecutionContext } from 'ava';
import { u32 } from 'libbpf-ts';
import { pathMtu } from '../../src/datapath/abi.js';
import { readPathMtus } from '../../src/datapath/path-mtu.js';
import { fieldsOf, whyNoTshark } from '../support/dissect.js';
import { Dut } from '../support/dut.js';
import { nobody, pooled, pooled6, tooBig, wa6, wb6 } from '../support/frames.js';
import { whyNoPrograms } from '../support/object.js';
import { eth, type Packet } from '../support/packet.js';
import { nodes, peerIndex } from '../support/world.js';

// RFC 1191 and RFC 8201: a router's word about tunnel packets is learned, and passed on to who sends too much.

const missing = whyNoPrograms() ?? whyNoTshark();
const { a, b } = nodes;
const toB4 = peerIndex('a', 'b');
const toB6 = peerIndex('a', 'b', 'ipv6');

/** A tunnel packet of A's, as a router met it. */
const sent = eth(a.uplinkMac, b.uplinkMac)
  .ipv4(a.underlay, b.underlay, { dontFragment: true })
  .udp(50000, 4789, { checksum: 'zero' })
  .vxlan(4096)
  .raw(new Uint8Array(1464));
const sent6 = eth(a.uplinkMac, b.uplinkMac)
  .ipv6(a.underlay6, b.underlay6)
  .udp(50000, 4789)
  .vxlan(4096)
  .raw(new Uint8Array(1444));

/** A tunnel packet of that size. */
function aboutBytes(bytes: number): Packet {
  return eth(a.uplinkMac, b.uplinkMac)
    .ipv4(a.underlay, b.underlay, { dontFragment: true })
    .udp(50000, 4789)
    .raw(new Uint8Array(bytes - 28));
}

function learned(dut: Dut, peer: number): number | undefined {
  return readPathMtus(dut.object.map('path_mtus')).find(({ index }) => index === peer)?.mtu;
}

function scene(t: ExecutionContext): Dut | undefined {
  if (missing === undefined) return new Dut();
  t.log(`skipped: ${missing}`);
  t.pass();
  return undefined;
}

test('a router’s word is learned for the peer that the packet was for, in both families', (t) => {
  using dut = scene(t);
  if (dut === undefined) return;
  t.is(dut.run('ingress', tooBig(1400, sent)).verdict, 'PASS_PATH_MTU');
  t.is(learned(dut, toB4), 1400);
  t.is(learned(dut, peerIndex('a', 'c')), undefined);
  t.is(dut.run('ingress', tooBig(1420, sent)).verdict, 'PASS_PATH_MTU');
  t.is(learned(dut, toB4), 1400, 'another router with more room does not widen the path');
  t.is(dut.run('ingress', tooBig(1300, sent6)).verdict, 'PASS_PATH_MTU');
  t.is(learned(dut, toB6), 1300);
});

test('forged sizes are clamped to what every host takes in one piece', (t) => {
  using dut = scene(t);
  if (dut === undefined) return;
  dut.run('ingress', tooBig(68, sent));
  t.is(learned(dut, toB4), 552);
  dut.run('ingress', tooBig(1, sent6));
  t.is(learned(dut, toB6), 1280);
});

test('a router that names no size means the next usual one down (RFC 1191 section 7)', (t) => {
  using dut = scene(t);
  if (dut === undefined) return;
  dut.run('ingress', tooBig(0, sent));
  t.is(learned(dut, toB4), 1492);
  dut.run('ingress', tooBig(0, aboutBytes(1492)));
  t.is(learned(dut, toB4), 1006);
  dut.run('ingress', tooBig(0, aboutBytes(1006)));
  t.is(learned(dut, toB4), 552, 'the next is 508: clamped');
});

const strangers: readonly [string, Uint8Array][] = [
  [
    'about a packet that is no tunnel packet',
    tooBig(
      1400,
      eth(a.uplinkMac, b.uplinkMac)
        .ipv4(a.underlay, b.underlay)
        .udp(1, 53)
        .raw(new Uint8Array(1400)),
    ),
  ],
  [
    'about a packet that another machine sent',
    tooBig(
      1400,
      eth(a.uplinkMac, b.uplinkMac)
        .ipv4('192.168.1.99', b.underlay)
        .udp(50000, 4789)
        .raw(new Uint8Array(1400)),
    ),
  ],
  [
    'about a packet to a machine that is no node',
    tooBig(
      1400,
      eth(a.uplinkMac, b.uplinkMac)
        .ipv4(a.underlay, '203.0.113.66')
        .udp(50000, 4789)
        .raw(new Uint8Array(1400)),
    ),
  ],
  ['with a checksum that is wrong', tooBig(1400, sent, { damaged: true })],
  ['with a wrong checksum over IPv6', tooBig(1400, sent6, { damaged: true })],
  ['that would have let the packet through', tooBig(1500, sent)],
  ['that ends before its quote, though the frame goes on', endless()],
  [
    'an echo request',
    eth(b.uplinkMac, a.uplinkMac)
      .ipv4(b.underlay, a.underlay, { protocol: 1 })
      .raw(Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0))
      .bytes(),
  ],
];

test('nothing is learned from any other ICMP message, and all are passed on untouched', (t) => {
  using dut = scene(t);
  if (dut === undefined) return;
  for (const [title, frame] of strangers) {
    const { verdict, packet } = dut.run('ingress', frame);
    t.is(verdict, 'PASS_NOT_OURS', title);
    t.deepEqual(packet, frame, title);
  }
  t.deepEqual(readPathMtus(dut.object.map('path_mtus')), []);
});

test('a packet that is too big for the path becomes the answer to its sender', (t) => {
  using dut = scene(t);
  if (dut === undefined) return;
  const big = (bytes: number): Packet =>
    pooled('10.244.1.5', '10.244.2.9', { dontFragment: true }).udp(7, 8).raw(new Uint8Array(bytes));
  t.is(
    dut.run('egress', big(1350 - 28 + 1).bytes()).verdict,
    'ENCAPSULATED',
    'nothing learned yet',
  );
  dut.run('ingress', tooBig(1400, sent));
  t.is(
    dut.run('egress', big(1350 - 28).bytes()).verdict,
    'ENCAPSULATED',
    'fits with 50 bytes more',
  );
  const { verdict, packet } = dut.run('egress', big(1350 - 28 + 1).bytes());
  t.is(verdict, 'ANSWERED_TOO_BIG');
  t.deepEqual(dissected(packet), {
    mac: [nobody, a.uplinkMac],
    ip: [b.underlay, '10.244.1.5'],
    bytes: 576,
    message: [3, 4],
    mtu: 1350,
    quoted: ['10.244.1.5', '10.244.2.9'],
    checksums: '1,1,1',
  });
});

test('IPv6 likewise, but never below 1280 bytes', (t) => {
  using dut = scene(t);
  if (dut === undefined) return;
  const big = (bytes: number): Uint8Array =>
    pooled6(wa6, wb6)
      .udp(7, 8)
      .raw(new Uint8Array(bytes - 48))
      .bytes();
  dut.run('ingress', tooBig(1400, sent6));
  t.is(dut.run('egress', big(1330)).verdict, 'ENCAPSULATED');
  const { verdict, packet } = dut.run('egress', big(1331));
  t.is(verdict, 'ANSWERED_TOO_BIG');
  t.deepEqual(dissected(packet), {
    mac: [nobody, a.uplinkMac],
    ip: [b.underlay6, wa6],
    bytes: 1280,
    message: [2, 0],
    mtu: 1330,
    quoted: [wa6, wb6],
    checksums: '1',
  });
  dut.run('ingress', tooBig(1280, sent6));
  t.is(dut.run('egress', big(1280)).verdict, 'ENCAPSULATED', 'RFC 8200 section 5: it must get on');
  t.is(dissected(dut.run('egress', big(1281)).packet).mtu, 1280);
});

test('what nobody may be told of goes on, for routers to cut: without DF, ICMP errors', (t) => {
  using dut = scene(t);
  if (dut === undefined) return;
  dut.run('ingress', tooBig(1400, sent));
  const outerFlags = (packet: Packet): number => {
    const { verdict, packet: out } = dut.run('egress', packet.bytes());
    t.is(verdict, 'ENCAPSULATED');
    return out[20] ?? 0;
  };
  const large = new Uint8Array(1390);
  t.is(outerFlags(pooled('10.244.1.5', '10.244.2.9').raw(large)), 0, 'no DF outside either');
  t.is(
    outerFlags(
      pooled('10.244.1.5', '10.244.2.9', { dontFragment: true, protocol: 1 }).raw(
        Uint8Array.of(3, ...large),
      ),
    ),
    0,
  );
  t.is(outerFlags(pooled('10.244.1.5', '10.244.2.9').raw('small')), 0x40, 'all else has DF');
});

test('a path that was learned long ago is tried again', (t) => {
  using dut = scene(t);
  if (dut === undefined) return;
  const big = pooled('10.244.1.5', '10.244.2.9', { dontFragment: true }).raw(new Uint8Array(1400));
  dut.run('ingress', tooBig(1400, sent));
  t.is(dut.run('egress', big.bytes()).verdict, 'ANSWERED_TOO_BIG');
  const [entry] = readPathMtus(dut.object.map('path_mtus'));
  t.true((entry?.secondsLeft ?? 0) > 590 && (entry?.secondsLeft ?? 0) <= 600);
  const paths = dut.object.map('path_mtus', u32, pathMtu);
  paths.set(toB4, { mtu: 1400, zero: 0, until: process.hrtime.bigint() - 1n });
  t.is(dut.run('egress', big.bytes()).verdict, 'ENCAPSULATED');
});

test('a router that quotes eight bytes and no more (RFC 792) is understood', (t) => {
  using dut = scene(t);
  if (dut === undefined) return;
  const quote = eth(a.uplinkMac, b.uplinkMac)
    .ipv4(a.underlay, b.underlay, { dontFragment: true, protocol: 17 })
    .raw(Uint8Array.of(0xc3, 0x50, 0x12, 0xb5, 5, 0xdc, 0, 0));
  const frame = quote.bytes();
  new DataView(frame.buffer).setUint16(16, 1500); // it was longer once
  t.is(dut.run('ingress', tooBig(1400, { bytes: () => frame })).verdict, 'PASS_PATH_MTU');
  t.is(learned(dut, toB4), 1400);
});

/** A message of eight bytes by its IP header, whose checksum covers these alone. */
function endless(): Uint8Array {
  const frame = tooBig(1400, sent);
  const view = new DataView(frame.buffer);
  view.setUint16(16, 28);
  view.setUint16(36, ~(0x0304 + 1400) & 0xffff);
  return frame;
}

/** As tshark reads it; checksums: 1 is right. */
function dissected(frame: Uint8Array) {
  const isIpv6 = frame[12] === 0x86;
  const ip = isIpv6 ? 'ipv6' : 'ip';
  const icmp = isIpv6 ? 'icmpv6' : 'icmp';
  const fields = fieldsOf(
    frame,
    ...['eth.src', 'eth.dst', `${ip}.src`, `${ip}.dst`, `${icmp}.type`, `${icmp}.code`],
    ...[`${icmp}.mtu`, `${icmp}.checksum.status`, 'ip.checksum.status'],
  );
  const all = (name: string): readonly string[] => fields[name] ?? [];
  return {
    mac: [...all('eth.src'), ...all('eth.dst')],
    ip: [all(`${ip}.src`)[0], all(`${ip}.dst`)[0]],
    quoted: [all(`${ip}.src`)[1], all(`${ip}.dst`)[1]],
    bytes: frame.length - 14,
    message: [...all(`${icmp}.type`), ...all(`${icmp}.code`)].map(Number),
    mtu: Number(all(`${icmp}.mtu`)[0]),
    checksums: [...all(`${icmp}.checksum.status`), ...all('ip.checksum.status')].join(),
  };
}
