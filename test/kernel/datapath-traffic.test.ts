import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { attachKind } from '../../src/datapath/attach.js';
import { dissectFile } from '../support/dissect.js';
import { skipsOverlay, skipsPeer } from '../support/needs.js';
import type { Offloads } from '../support/offloads.js';
import { addressIn, overlays, type OverlayName } from '../support/overlays.js';
import { Pair, type AttachBy, type Cutting, type Peer } from '../support/pair.js';
import { sample } from '../support/slowness.js';

const megabyte = 1 << 20;
const needed = ['ip', 'nsenter', 'ethtool', 'ping', 'bridge', 'python3'];
const sniffers = ['tcpdump', 'tshark'];

interface Row {
  readonly peer: Peer;
  /** Otherwise as the agent would here. */
  readonly by?: AttachBy;
  readonly encap: OverlayName;
  readonly offloads: Offloads;
  readonly cutting?: Cutting;
}

async function carries(
  t: ExecutionContext,
  { peer, by, encap, offloads, cutting }: Row,
): Promise<void> {
  if (skipsPeer(t, { overlay: encap, peer }, ...needed, ...(offloads === 'off' ? sniffers : [])))
    return;
  using pair = new Pair(peer, by ?? attachKind('auto'), cutting);
  pair.offloads(offloads);
  const [toA, toB] = [addressIn(encap, 'a'), addressIn(encap, 'b')];
  const { mtu } = overlays[encap];
  const folder = mkdtempSync(join(tmpdir(), 'bp2-capture-'));
  t.teardown(() => rmSync(folder, { recursive: true }));

  t.true(pair.pings('a', toB, mtu), 'a packet of the full MTU arrives, and its answer');
  t.true(pair.pings('b', toA, mtu));
  const traffic = async (): Promise<void> => {
    for (const [from, address] of [['a', toB] as const, ['b', toA] as const]) {
      const [sent, got] = await pair.transfer(from, address, 8 * megabyte);
      t.is(got, sent, `TCP from ${from}`);
    }
  };
  if (offloads !== 'off') await traffic();
  else {
    const file = join(folder, 'uplink.pcap');
    await pair.capture('b', file, traffic);
    const frames = dissectFile(file);
    t.true(frames.length > 100, `${frames.length} frames captured`);
    t.deepEqual(
      frames.filter(({ malformed, wrong }) => malformed || wrong.length > 0),
      [],
    );
  }
  await pair.settle();
  addsUp(t, pair, { peer, encap, offloads });
}

/** in = out + named drops, and here nothing may be dropped. */
function addsUp(
  t: ExecutionContext,
  pair: Pair,
  { peer, encap, offloads }: Pick<Row, 'peer' | 'encap' | 'offloads'>,
): void {
  const a = pair.counts('a');
  const drops = [...a, ...pair.counts('b')].filter(([name, n]) => name.includes('DROP') && n > 0n);
  t.deepEqual(drops, []);
  const direct = encap.startsWith('none');
  const sent = direct ? 'egress DIRECT' : 'egress ENCAPSULATED';
  t.true((a.get(sent) ?? 0n) > 0n);
  t.is(a.get('egress PASS_OWN_TUNNEL'), a.get(sent), 'each is met once more, when it leaves');
  t.is((a.get('ingress DECAPSULATED') ?? 0n) > 0n, !direct);
  // What is cut on the way is merged again, but not into the same packets.
  if (peer !== 'programs' || offloads === 'wire') return;
  const b = pair.counts('b');
  t.is(b.get('ingress DECAPSULATED'), a.get('egress ENCAPSULATED'));
  t.is(a.get('ingress DECAPSULATED'), b.get('egress ENCAPSULATED'));
}

const rows: readonly Row[] = [
  { peer: 'kernel vxlan', encap: 'vxlan', offloads: 'on' },
  { peer: 'kernel vxlan', encap: 'vxlan', offloads: 'off' },
  { peer: 'kernel vxlan', encap: 'vxlan', offloads: 'wire' },
  { peer: 'kernel vxlan', by: 'clsact', encap: 'vxlan', offloads: 'on' },
  { peer: 'programs', encap: 'vxlan', offloads: 'on' },
  { peer: 'programs', encap: 'vxlan', offloads: 'off' },
  { peer: 'programs', encap: 'ipip', offloads: 'on' },
  { peer: 'programs', encap: 'ipip', offloads: 'off' },
  { peer: 'programs', encap: 'ipip', offloads: 'wire' },
  { peer: 'programs', by: 'clsact', encap: 'ipip', offloads: 'on' },
  { peer: 'programs', encap: 'none', offloads: 'on' },
  { peer: 'programs', encap: 'none6', offloads: 'on' },
  ...(
    ['vxlan6', 'vxlan 4 over 6', 'vxlan 6 over 4', 'ip6ip over 6', 'ip6ip over 4'] as const
  ).flatMap((encap) =>
    (['on', 'wire', 'off'] as const).map((offloads): Row => ({
      peer: 'programs',
      encap,
      offloads,
    })),
  ),
  { peer: 'kernel vxlan', encap: 'vxlan6', offloads: 'off' },
  // Each segment needs a checksum of its own: super-packets have to be cut before.
  ...(['on', 'wire'] as const).map((offloads): Row => ({
    peer: 'kernel vxlan',
    encap: 'vxlan6',
    offloads,
    cutting: 'with a cutter',
  })),
  { peer: 'kernel vxlan, zero', encap: 'vxlan6', offloads: 'on' },
  { peer: 'kernel vxlan, zero', encap: 'vxlan6', offloads: 'wire' },
  ...(
    [
      ['kernel ipip', 'ipip'],
      ['kernel ip6ip', 'ip6ip over 4'],
      ['kernel ip6ip', 'ip6ip over 6'],
    ] as const
  ).flatMap(([peer, encap]) =>
    (['on', 'wire', 'off'] as const).map((offloads): Row => ({ peer, encap, offloads })),
  ),
];

for (const row of sample(rows, 4))
  test.serial(
    `${row.encap.startsWith('none') ? `CrossSubnet in one subnet (${row.encap})` : row.encap} between our programs and ${row.peer}, offloads ${row.offloads}${row.by === undefined ? '' : `, by ${row.by}`}`,
    carries,
    row,
  );

test.serial(
  'UDP super-packets arrive over IPIP, and over VXLAN where they are cut before the wire',
  async (t) => {
    if (skipsOverlay(t, 'vxlan', ...needed)) return;
    using pair = new Pair('programs', attachKind('auto'));
    pair.offloads('on');
    t.is(await pair.superPackets('a', '10.245.2.5', 20), 200);
    pair.offloads('wire');
    t.is(await pair.superPackets('a', '10.244.2.5', 20), 200);
  },
);

test.serial(
  'a UDP super-packet inside VXLAN that the kernel would lose is dropped by name',
  async (t) => {
    if (skipsOverlay(t, 'vxlan', ...needed)) return;
    using pair = new Pair('programs', attachKind('auto'));
    pair.offloads('on');
    const arrived = await pair.superPackets('a', '10.244.2.5', 20);
    const dropped = pair.counts('b').get('ingress DROP_INNER_UDP_GSO') ?? 0n;
    t.is(BigInt(arrived) + 10n * dropped, 200n, `${arrived} arrived, ${dropped} of 20 dropped`);
  },
);
