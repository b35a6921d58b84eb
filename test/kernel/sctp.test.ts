import test, { type ExecutionContext } from 'ava';
import { attachKind } from '../../src/datapath/attach.js';
import { skipsOverlay } from '../support/needs.js';
import type { Offloads } from '../support/offloads.js';
import { addressIn, type OverlayName } from '../support/overlays.js';
import { addsUp } from '../support/pair-counters.js';
import { Pair } from '../support/pair.js';
import { sample } from '../support/slowness.js';
import { sctpStream, whyNoSctp } from '../support/traffic.js';

// Associations of the kernel's own SCTP: its checksum is a CRC32c that no other transport has (RFC 9260
// appendix A), left to the NIC or computed when a super-packet is cut (SKB_GSO_SCTP).

const megabyte = 1_000_000;

async function arrives(t: ExecutionContext, overlay: OverlayName, offloads: Offloads) {
  if (skipsOverlay(t, overlay, 'ip', 'nsenter', 'ethtool', 'ping', 'python3')) return;
  const missing = whyNoSctp();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    return t.pass();
  }
  using pair = new Pair('programs', attachKind('auto'), 'with a cutter');
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
}

const rows = (['vxlan', 'ipip', 'vxlan6', 'ip6ip over 4'] as const).flatMap((overlay) =>
  (['on', 'wire', 'off'] as const).map((offloads) => [overlay, offloads] as const),
);

for (const [overlay, offloads] of sample(rows, 3))
  test.serial(
    `SCTP through ${overlay}, offloads ${offloads}: every byte arrives`,
    arrives,
    overlay,
    offloads,
  );
