import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { attachKind } from '../../src/datapath/attach.js';
import { dissectFile } from '../support/dissect.js';
import { Ends, endsNeed } from '../support/ends.js';
import { skipsPeer } from '../support/needs.js';
import { overlayNames, type OverlayName } from '../support/overlays.js';
import { addsUp } from '../support/pair-counters.js';
import { Pair, type Peer } from '../support/pair.js';
import { sample } from '../support/slowness.js';

// What a wire between two machines would carry: every packet whole, every checksum written. tshark, which
// knows nothing of us, looks at all of them.

interface Row {
  readonly overlay: OverlayName;
  readonly peer: Peer;
  /** Of the underlay. */
  readonly mtu: number;
}

async function isSound(t: ExecutionContext, { overlay, peer, mtu }: Row): Promise<void> {
  if (skipsPeer(t, { overlay, peer }, ...endsNeed, 'tcpdump', 'tshark')) return;
  const folder = mkdtempSync(join(tmpdir(), 'wire-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'uplink.pcap');
  using pair = new Pair(peer, attachKind('auto'), 'with a cutter');
  using ends = await Ends.of(pair);
  pair.offloads('off');
  pair.resize(mtu);

  await pair.capture('b', file, async () => {
    t.deepEqual(await ends.exchange(overlay, 100_000), []);
  });
  await pair.settle();
  addsUp(t, pair);

  const frames = dissectFile(file);
  t.deepEqual(
    frames.filter(({ malformed, unsummed, wrong }) => malformed || unsummed || wrong.length > 0),
    [],
  );
  t.is(Math.max(...frames.map(({ bytes }) => bytes)), 14 + mtu, 'full packets are full');
  for (const protocol of ['tcp', 'udp', 'icmp', 'sctp'])
    t.true(
      frames.some(({ protocols }) =>
        new RegExp(`:ip(v6)?:(.*:)?ip(v6)?:${protocol}`).test(protocols),
      ),
      `${protocol} was seen`,
    );
  const summed = frames.filter(({ protocols }) => /:ipv6:udp:vxlan/.test(protocols));
  t.true(
    summed.every(({ right }) => right.udp > 0),
    'UDP over IPv6 has its checksum',
  );
}

const encapsulated = overlayNames.filter((name) => !name.startsWith('none'));

const rows: readonly Row[] = [
  ...encapsulated.map((overlay): Row => ({ overlay, peer: 'programs, summed', mtu: 1500 })),
  { overlay: 'vxlan', peer: 'kernel vxlan', mtu: 1500 },
  { overlay: 'vxlan6', peer: 'kernel vxlan', mtu: 1500 },
  { overlay: 'ipip', peer: 'kernel ipip', mtu: 1500 },
  { overlay: 'ip6ip over 4', peer: 'kernel ip6ip', mtu: 1500 },
  { overlay: 'ip6ip over 6', peer: 'kernel ip6ip', mtu: 1500 },
  { overlay: 'vxlan', peer: 'programs, summed', mtu: 9000 },
  { overlay: 'vxlan6', peer: 'programs, summed', mtu: 9000 },
  { overlay: 'ipip', peer: 'programs, summed', mtu: 1400 },
];

for (const row of sample(rows, 4))
  test.serial(
    `${row.overlay} to ${row.peer}, underlay ${row.mtu}: every frame on the wire is right, says tshark`,
    isSound,
    row,
  );
