import test, { type ExecutionContext } from 'ava';
import { attachKind } from '../../src/datapath/attach.js';
import { skipsPeer } from '../support/needs.js';
import type { Offloads } from '../support/offloads.js';
import { addressIn, type OverlayName } from '../support/overlays.js';
import { addsUp } from '../support/pair-counters.js';
import { Pair, type Peer } from '../support/pair.js';
import { sample } from '../support/slowness.js';
import { sctpStream, whyNoSctp } from '../support/traffic.js';

// Associations of the kernel's own SCTP: its checksum is a CRC32c that no other transport has (RFC 9260
// appendix A), left to the NIC or computed when a super-packet is cut (SKB_GSO_SCTP).

const megabyte = 1_000_000;

interface Row {
  readonly overlay: OverlayName;
  readonly peer: Peer;
  readonly offloads: Offloads;
}

async function arrives(t: ExecutionContext, { overlay, peer, offloads }: Row): Promise<void> {
  if (skipsPeer(t, { overlay, peer }, 'ip', 'nsenter', 'ethtool', 'ping', 'python3')) return;
  const missing = whyNoSctp();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  using pair = new Pair(peer, attachKind('auto'), 'with a cutter');
  pair.offloads(offloads);
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const addresses = { from: addressIn(overlay, from), to: addressIn(overlay, to) };
    const ends = [pair.workload(from), pair.workload(to)] as const;
    const [sent, got] = await sctpStream(...ends, addresses, megabyte);
    t.is(got, sent, `from ${from}`);
    t.regex(sent, /^[0-9a-f]{64}$/);
  }
  await pair.settle();
  addsUp(t, pair);
  const wasCut = (pair.counts('a').get('egress CUT') ?? 0n) > 0n;
  t.is(wasCut, offloads !== 'off', 'SCTP’s super-packets are cut before they get outer headers');
}

const carried: readonly (readonly [OverlayName, Peer])[] = [
  ['vxlan', 'programs'],
  ['ipip', 'programs'],
  ['vxlan6', 'programs'],
  ['ip6ip over 4', 'programs'],
  ['vxlan', 'kernel vxlan'],
];

const rows = carried.flatMap(([overlay, peer]) =>
  (['on', 'wire', 'off'] as const).map((offloads): Row => ({ overlay, peer, offloads })),
);

for (const row of sample(rows, 2))
  test.serial(
    `SCTP through ${row.overlay} to ${row.peer}, offloads ${row.offloads}: every byte arrives`,
    arrives,
    row,
  );
