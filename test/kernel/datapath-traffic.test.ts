import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { features } from 'libbpf-ts';
import { dissectFile } from '../support/dissect.js';
import { skipsOverlay } from '../support/needs.js';
import { whyNoPrograms } from '../support/object.js';
import type { Offloads } from '../support/offloads.js';
import { addressIn, overlays, type OverlayName } from '../support/overlays.js';
import { Pair, type AttachBy, type Cutting, type Peer } from '../support/pair.js';

const megabyte = 1 << 20;

interface Row {
  readonly peer: Peer;
  readonly by: AttachBy;
  readonly encap: OverlayName;
  readonly offloads: Offloads;
  readonly cutting?: Cutting;
}

async function carries(
  t: ExecutionContext,
  { peer, by, encap, offloads, cutting }: Row,
): Promise<void> {
  const missing = whyNoTraffic(by, offloads);
  if (missing !== undefined) return skip(t, missing);
  if (skipsOverlay(t, encap)) return;
  using pair = new Pair(peer, by, cutting);
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
  { peer: 'kernel vxlan', by: 'tcx', encap: 'vxlan', offloads: 'on' },
  { peer: 'kernel vxlan', by: 'tcx', encap: 'vxlan', offloads: 'off' },
  { peer: 'kernel vxlan', by: 'tcx', encap: 'vxlan', offloads: 'wire' },
  { peer: 'kernel vxlan', by: 'clsact', encap: 'vxlan', offloads: 'on' },
  { peer: 'programs', by: 'tcx', encap: 'vxlan', offloads: 'on' },
  { peer: 'programs', by: 'tcx', encap: 'vxlan', offloads: 'off' },
  { peer: 'programs', by: 'tcx', encap: 'ipip', offloads: 'on' },
  { peer: 'programs', by: 'tcx', encap: 'ipip', offloads: 'off' },
  { peer: 'programs', by: 'tcx', encap: 'ipip', offloads: 'wire' },
  { peer: 'programs', by: 'clsact', encap: 'ipip', offloads: 'on' },
  { peer: 'programs', by: 'tcx', encap: 'none', offloads: 'on' },
  { peer: 'programs', by: 'tcx', encap: 'none6', offloads: 'on' },
  ...(
    ['vxlan6', 'vxlan 4 over 6', 'vxlan 6 over 4', 'ip6ip over 6', 'ip6ip over 4'] as const
  ).flatMap((encap) =>
    (['on', 'wire', 'off'] as const).map((offloads): Row => ({
      peer: 'programs',
      by: 'tcx',
      encap,
      offloads,
    })),
  ),
  { peer: 'kernel vxlan', by: 'tcx', encap: 'vxlan6', offloads: 'off' },
  // Each segment needs a checksum of its own: super-packets have to be cut before.
  ...(['on', 'wire'] as const).map((offloads): Row => ({
    peer: 'kernel vxlan',
    by: 'tcx',
    encap: 'vxlan6',
    offloads,
    cutting: 'with a cutter',
  })),
  { peer: 'kernel vxlan, zero', by: 'tcx', encap: 'vxlan6', offloads: 'on' },
  { peer: 'kernel vxlan, zero', by: 'tcx', encap: 'vxlan6', offloads: 'wire' },
];

for (const row of rows)
  test.serial(
    `${row.encap.startsWith('none') ? `CrossSubnet in one subnet (${row.encap})` : row.encap} between our programs (${row.by}) and ${row.peer}, offloads ${row.offloads}`,
    carries,
    row,
  );

test.serial(
  'UDP super-packets arrive over IPIP, and over VXLAN where they are cut before the wire',
  async (t) => {
    const missing = whyNoTraffic('tcx', 'wire');
    if (missing !== undefined) return skip(t, missing);
    using pair = new Pair('programs', 'tcx');
    pair.offloads('on');
    t.is(await pair.superPackets('a', '10.245.2.5', 20), 200);
    pair.offloads('wire');
    t.is(await pair.superPackets('a', '10.244.2.5', 20), 200);
  },
);

test.serial(
  'a UDP super-packet inside VXLAN that the kernel would lose is dropped by name',
  async (t) => {
    const missing = whyNoTraffic('tcx', 'on');
    if (missing !== undefined) return skip(t, missing);
    using pair = new Pair('programs', 'tcx');
    pair.offloads('on');
    const arrived = await pair.superPackets('a', '10.244.2.5', 20);
    const dropped = pair.counts('b').get('ingress DROP_INNER_UDP_GSO') ?? 0n;
    t.is(BigInt(arrived) + 10n * dropped, 200n, `${arrived} arrived, ${dropped} of 20 dropped`);
  },
);

function skip(t: ExecutionContext, why: string): void {
  t.log(`skipped: ${why}`);
  t.pass();
}

function whyNoTraffic(by: AttachBy, offloads: Offloads): string | undefined {
  if (by === 'tcx' && whyNoPrograms() === undefined && !features.tcx())
    return 'this kernel has no TCX, it came with 6.6';
  const tools = ['ip', 'nsenter', 'ethtool', 'ping', 'bridge', 'python3'];
  if (offloads === 'off') tools.push('tcpdump', 'tshark');
  const absent = tools.find((tool) => !isHere(tool));
  return whyNoPrograms() ?? (absent === undefined ? undefined : `${absent} is not installed`);
}

function isHere(tool: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$0"', tool], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
