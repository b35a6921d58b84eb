import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { attachKind } from '../../src/datapath/attach.js';
import { probe } from '../../src/datapath/config.js';
import { cutterNames } from '../../src/datapath/cutter.js';
import { dissectFile } from '../support/dissect.js';
import { inVxlan } from '../support/frames.js';
import { skips, skipsOverlay } from '../support/needs.js';
import { nest, nestedAddress, type Nesting } from '../support/nested.js';
import { whyNoPrograms } from '../support/object.js';
import type { Offloads } from '../support/offloads.js';
import { addressIn, type OverlayName } from '../support/overlays.js';
import { Pair, type AttachBy, type Side } from '../support/pair.js';
import { takesSegments, whyNoSegments } from '../support/segments.js';
import { sample } from '../support/slowness.js';
import { stream } from '../support/traffic.js';

// What can't be carried in one piece: workloads' own tunnels, UDP super-packets out of VXLAN, packets that were in a
// tunnel of ours already. The oracle is not us: the kernel's own tunnel devices, and the bytes that arrive in them.
const needed = ['ip', 'nsenter', 'ethtool', 'ping', 'python3'];
const bytes = 20 * 1000 * 1000;

function skipped(t: ExecutionContext, ...more: readonly string[]): boolean {
  const missing = whyNoPrograms();
  if (missing === undefined) return skips(t, ...needed, ...more);
  t.log(`skipped: ${missing}`);
  t.pass();
  return true;
}

/** How the agent would attach here. */
const auto = (): AttachBy => attachKind('auto');

interface Row {
  readonly nesting: Nesting;
  readonly overlay: OverlayName;
  readonly offloads: Offloads;
  readonly by?: AttachBy;
}

async function carries(t: ExecutionContext, row: Row): Promise<void> {
  if (skipped(t) || skipsOverlay(t, row.overlay)) return;
  using pair = new Pair('programs', row.by ?? auto(), 'with a cutter');
  pair.offloads(row.offloads);
  const lacking = nest(pair, row.nesting, row.overlay);
  if (lacking !== undefined) {
    t.log(`skipped: ${lacking}`);
    t.pass();
    return;
  }
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    t.true(pair.pings(from, nestedAddress[to], 1000));
    const [sent, got] = await pair.transfer(from, nestedAddress[to], bytes);
    t.is(got, sent, `TCP from ${from}`);
  }
  await pair.settle();
  addsUp(t, pair);
}

/** Nothing is dropped, every piece leaves as a packet of its own, and the kernel counted the same. */
function addsUp(t: ExecutionContext, pair: Pair): void {
  for (const side of ['a', 'b'] as const) {
    const counts = pair.counts(side);
    const of = (name: string): bigint => counts.get(name) ?? 0n;
    t.deepEqual(
      [...counts].filter(([name, packets]) => name.includes(' DROP_') && packets > 0n),
      [],
    );
    t.is(of('egress PASS_OWN_TUNNEL'), of('egress ENCAPSULATED'));
    t.true(of('egress PIECE') >= of('egress CUT'));
    t.true(of('ingress PIECE') >= of('ingress CUT'));
    const enter = statistics(pair, side, cutterNames.in);
    const leave = statistics(pair, side, cutterNames.out);
    t.is(enter.tx.dropped + leave.rx.dropped, 0);
    t.is(enter.tx.packets, leave.rx.packets);
    const pieces = of('egress PIECE') + of('ingress PIECE');
    const strays = BigInt(leave.rx.packets) - pieces;
    t.true(strays >= 0 && strays < 10, 'but for the few that IPv6 sends on a link that came up');
  }
}

interface Statistics {
  readonly packets: number;
  readonly dropped: number;
}

function statistics(
  pair: Pair,
  side: Side,
  device: string,
): { readonly tx: Statistics; readonly rx: Statistics } {
  const text = pair.run(side, 'node', 'ip', '-s', '-j', 'link', 'show', 'dev', device);
  const [link] = JSON.parse(text) as { stats64: { tx: Statistics; rx: Statistics } }[];
  if (link === undefined) throw new Error(`no ${device}`);
  return link.stats64;
}

const rows: readonly Row[] = [
  ...(['vxlan', 'ipip', 'vxlan6'] as const).flatMap((overlay) =>
    (['on', 'wire', 'off'] as const).map((offloads): Row => ({
      nesting: 'vxlan',
      overlay,
      offloads,
    })),
  ),
  ...(['vxlan 4 over 6', 'vxlan 6 over 4', 'ip6ip over 6', 'ip6ip over 4'] as const).map(
    (overlay): Row => ({ nesting: 'vxlan', overlay, offloads: 'wire' }),
  ),
  { nesting: 'vxlan', overlay: 'vxlan', offloads: 'on', by: 'clsact' },
  ...(['vxlan with checksums', 'geneve', 'ipip', 'gre', 'wireguard'] as const).flatMap((nesting) =>
    (['on', 'wire'] as const).map((offloads): Row => ({ nesting, overlay: 'vxlan', offloads })),
  ),
  { nesting: 'ipip', overlay: 'ipip', offloads: 'on' },
];

for (const row of sample(rows, 4))
  test.serial(
    `F40 a workload's own ${row.nesting} tunnel through ${row.overlay}, offloads ${row.offloads}${row.by === undefined ? '' : `, by ${row.by}`}`,
    carries,
    row,
  );

test.serial('without a cutter the same is dropped by name', (t) => {
  if (skipped(t)) return;
  using pair = new Pair('programs', auto());
  pair.offloads('on');
  t.is(nest(pair, 'vxlan', 'vxlan'), undefined);
  t.true(pair.pings('a', nestedAddress.b, 1000), 'a ping has nothing to offload');
  const connect = `timeout 1 bash -c 'echo > /dev/tcp/${nestedAddress.b}/5201' || true`;
  pair.run('a', 'workload', 'bash', '-c', connect);
  t.true((pair.counts('a').get('egress DROP_NESTED_TUNNEL') ?? 0n) > 0n);
});

/** Later kernels take the marks of a tunnel off with its headers. */
function leavesMarks(overlay: 'vxlan' | 'ipip'): boolean {
  const { adjustRoomPopVxlan, adjustRoomPopIpxip4 } = probe();
  return { vxlan: adjustRoomPopVxlan, ipip: adjustRoomPopIpxip4 }[overlay] === 0;
}

for (const overlay of ['vxlan', 'vxlan6', 'vxlan 4 over 6', 'vxlan 6 over 4'] as const)
  test.serial(
    `2,000 of 2,000 datagrams of UDP super-packets arrive through ${overlay}`,
    async (t) => {
      if (skipped(t) || skipsOverlay(t, overlay)) return;
      using pair = new Pair('programs', auto(), 'with a cutter');
      t.true(pair.pings('a', addressIn(overlay, 'b'), 1000), 'neighbours are known: none waits');
      for (const offloads of ['on', 'wire'] as const) {
        pair.offloads(offloads);
        t.is(await pair.superPackets('a', addressIn(overlay, 'b'), 200), 2000, offloads);
      }
      addsUp(t, pair);
      const counts = pair.counts('b');
      const features = pair.run('a', 'node', 'ethtool', '-k', 'uplink');
      const whole = leavesMarks('vxlan') && takesSegments(features);
      t.is(counts.get('ingress CUT'), whole ? 200n : 0n);
      t.is(counts.get('ingress PIECE'), whole ? 2000n : 0n);
    },
  );

for (const overlay of ['vxlan', 'ipip', 'vxlan6'] as const)
  test.serial(
    `a node's own UDP super-packets arrive through ${overlay}, though its uplink computes no checksums`,
    async (t) => {
      if (skipped(t)) return;
      const refused = whyNoSegments();
      if (refused !== undefined) {
        t.log(`skipped: ${refused}`);
        return t.pass();
      }
      using pair = new Pair('programs', auto(), 'with a cutter');
      pair.offloads('off');
      t.true(pair.pings('a', addressIn(overlay, 'b'), 1000), 'neighbours are known: none waits');
      t.is(await pair.superPackets('a', addressIn(overlay, 'b'), 20, 'node'), 200);
      addsUp(t, pair);
    },
  );

test.serial('cut packets cross the wire with every checksum right, says tshark', async (t) => {
  if (skipped(t, 'tcpdump', 'tshark')) return;
  const folder = mkdtempSync(join(tmpdir(), 'bp2-nested-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  using pair = new Pair('programs', auto(), 'with a cutter');
  // The workloads leave all work to a NIC that can do none of it.
  pair.offloads('off');
  for (const side of ['a', 'b'] as const)
    pair.run(side, 'workload', 'ethtool', '-K', 'eth0', 'tx', 'on', 'gso', 'on', 'tso', 'on');
  t.is(nest(pair, 'vxlan with checksums', 'vxlan'), undefined);
  const file = join(folder, 'wire.pcap');
  await pair.capture('b', file, async () => {
    const [sent, got] = await pair.transfer('a', nestedAddress.b, 2_000_000);
    t.is(got, sent);
  });
  t.true((pair.counts('a').get('egress CUT') ?? 0n) > 0n);
  const frames = dissectFile(file, ['-d', 'udp.port==4790,vxlan']);
  const nested = frames.filter(({ protocols }) => /vxlan.*vxlan.*tcp/.test(protocols));
  t.true(nested.length > 200, `${nested.length} frames of the workload's tunnel`);
  t.deepEqual(
    frames.filter(({ malformed, wrong }) => malformed || wrong.length > 0),
    [],
  );
  t.true(nested.every(({ right }) => right.ip === 3));
});

for (const [overlay, offloads] of [
  ['vxlan', 'on'],
  ['vxlan', 'wire'],
  ['ipip', 'on'],
  ['ipip', 'wire'],
] as const)
  test.serial(
    `a gateway node takes packets out of ${overlay} and sends them on in ${overlay}, offloads ${offloads}`,
    async (t) => {
      if (skipped(t, 'nft')) return;
      using pair = new Pair('programs', auto(), 'with a cutter');
      pair.offloads(offloads);
      // A's workload speaks to an address of B's; B sends that on to A itself, under an address of its own.
      const [front, behind] = [
        addressIn(overlay, 'b').replace(/5$/, '9'),
        addressIn(overlay, 'a', 1),
      ];
      const rules = [
        'table ip gateway {',
        ' chain in { type nat hook prerouting priority dstnat;',
        `  ip daddr ${front} dnat to ${behind}; }`,
        ' chain out { type nat hook postrouting priority srcnat;',
        `  ip daddr ${behind} snat to ${addressIn(overlay, 'b', 1)}; }`,
        '}',
      ];
      pair.run('b', 'node', '/usr/sbin/nft', rules.join('\n')); // npm puts another program of that name first
      t.true(pair.pings('a', front, 1000));
      const [sent, got] = await stream(pair.workload('a'), pair.namespace('a'), front, bytes);
      t.is(got, sent);
      await pair.settle();
      addsUp(t, pair);
      const counts = pair.counts('b');
      t.true((counts.get('ingress DECAPSULATED') ?? 0n) > 0n);
      t.true((counts.get('egress ENCAPSULATED') ?? 0n) > 0n);
      if (leavesMarks(overlay)) t.true((counts.get('egress CUT') ?? 0n) > 0n);
    },
  );

test.serial('a malformed super-packet is cut once, and each piece judged for itself', (t) => {
  if (skipped(t)) return;
  if (!leavesMarks('vxlan')) {
    t.log('skipped: this kernel takes UDP super-packets out of VXLAN without a cutter');
    return t.pass();
  }
  using pair = new Pair('programs', auto(), 'with a cutter');
  // By its marks one of outer datagrams: only the first piece will have a VXLAN header.
  const frame = inVxlan('10.244.2.5', '10.244.1.5').udp(1, 2).raw(new Uint8Array(2000)).bytes();
  const segment = 500;
  const said = pair.run(
    'b',
    'node',
    ...['python3', '-c', superFrameSender, 'uplink', String(segment)],
    Buffer.from(frame).toString('hex'),
  );
  if (said !== '') {
    t.log(`skipped: packet sockets of this kernel mark nothing for UDP segmentation: ${said}`);
    return t.pass();
  }
  const counts = new Map([...pair.counts('a')].filter(([, packets]) => packets > 0n));
  const pieces = BigInt(Math.ceil((frame.length - udpPayload) / segment));
  t.is(counts.get('ingress CUT'), 1n);
  t.is(counts.get('ingress PIECE'), pieces);
  t.is(counts.get('ingress DECAPSULATED'), undefined);
  const dropped = [...counts].filter(([name]) => name.startsWith('ingress DROP_'));
  t.is(
    dropped.reduce((sum, [, packets]) => sum + packets, 0n),
    pieces,
  );
  t.true(pair.pings('a', '10.244.2.5', 1000));
});

/** Where the outer datagram's payload begins: Ethernet, IPv4, UDP. */
const udpPayload = 14 + 20 + 8;

/** Python: a frame with the marks of UDP segmentation (struct virtio_net_hdr, since 6.2 VIRTIO_NET_HDR_GSO_UDP_L4). */
const superFrameSender = `
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.setsockopt(263, 15, 1) # SOL_PACKET, PACKET_VNET_HDR
s.bind((sys.argv[1], 0))
headers = 14 + 20 + 8
marks = struct.pack('=BBHHHH', 1, 5, headers, int(sys.argv[2]), 14 + 20, 6)
try:
    s.send(marks + bytes.fromhex(sys.argv[3]))
except OSError as error:
    print(error)
`;
