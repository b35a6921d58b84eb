import test, { type ExecutionContext } from 'ava';
import { attachKind } from '../../src/datapath/attach.js';
import { Endpoint, lossesOf } from '../support/endpoint.js';
import { Ends, endsNeed } from '../support/ends.js';
import { skipsOverlay, skipsPeer } from '../support/needs.js';
import {
  argumentsOf,
  everythingOff,
  everythingOn,
  settings,
  type Setting,
} from '../support/offloads.js';
import { addressIn, type OverlayName } from '../support/overlays.js';
import { addsUp } from '../support/pair-counters.js';
import { Pair, type Peer } from '../support/pair.js';
import { takesSegments } from '../support/segments.js';
import { sample, slowness } from '../support/slowness.js';

// Whatever NICs and workloads compute, cut and merge by themselves or leave to others: every byte of
// every transport arrives, no checksum is wrong and no counter moves that should not.

interface Row {
  readonly overlay: OverlayName;
  readonly peer: Peer;
  /** Whose 32 settings are tried, and how the others are set meanwhile. */
  readonly vary: 'uplinks' | 'workloads';
  readonly others: Setting;
}

async function arrives(t: ExecutionContext, row: Row): Promise<void> {
  const { overlay, peer, vary, others } = row;
  if (skipsPeer(t, { overlay, peer }, ...endsNeed)) return;
  using pair = new Pair(peer, attachKind('auto'), 'with a cutter');
  using ends = await Ends.of(pair);
  pair.set(vary === 'uplinks' ? 'workloads' : 'uplinks', others);
  const lost: string[] = [];
  for (const setting of triedIn(row)) {
    pair.set(vary, setting);
    for (const loss of await ends.exchange(overlay, 200_000))
      lost.push(`${argumentsOf(setting).join(' ')}: ${loss}`);
  }
  t.deepEqual(lost, []);
  await pair.settle();
  addsUp(t, pair);
}

/** All 32; in CI every fourth, others in the next row; where everything takes ten times as long, a sample of three. */
function triedIn(row: Row): readonly Setting[] {
  if (slowness > 1) return settings.filter((_, place) => place % 11 === 0);
  const turn = rows.indexOf(row) + carried.findIndex(([overlay]) => overlay === row.overlay);
  return settings.filter((_, place) => process.env['CI'] !== 'true' || (place + turn) % 4 === 0);
}

const carried: readonly (readonly [OverlayName, Peer])[] = [
  ['vxlan', 'programs'],
  ['ipip', 'programs'],
  ['vxlan6', 'programs'],
  ['vxlan 4 over 6', 'programs'],
  ['vxlan 6 over 4', 'programs'],
  ['ip6ip over 6', 'programs'],
  ['ip6ip over 4', 'programs'],
  ['vxlan', 'kernel vxlan'],
  ['vxlan6', 'kernel vxlan'],
  ['vxlan6', 'kernel vxlan, zero'],
  ['ipip', 'kernel ipip'],
  ['ip6ip over 6', 'kernel ip6ip'],
  ['ip6ip over 4', 'kernel ip6ip'],
];

const rows = carried.flatMap(([overlay, peer]) =>
  (['uplinks', 'workloads'] as const).flatMap((vary) =>
    [everythingOn, everythingOff].map((others): Row => ({ overlay, peer, vary, others })),
  ),
);

for (const row of sample(rows, 7)) {
  const rest = `the ${row.vary === 'uplinks' ? 'workloads' : 'uplinks'} ${row.others === everythingOn ? 'everything' : 'nothing'}`;
  test.serial(
    `F39 ${row.overlay} to ${row.peer}: every byte arrives, whatever the ${row.vary} offload, ${rest}`,
    arrives,
    row,
  );
}

test.serial(
  'without a cutter, what wants checksums of its pieces over IPv6 is dropped by name, and whole packets arrive',
  async (t) => {
    if (skipsOverlay(t, 'vxlan6', ...endsNeed)) return;
    using pair = new Pair('kernel vxlan', attachKind('auto'));
    using from = await Endpoint.in(pair.workload('a'));
    using _to = await Endpoint.in(pair.workload('b'));
    const exchange = async (): Promise<string[]> =>
      lossesOf(await from.exchange(addressIn('vxlan6', 'b'), addressIn('vxlan6', 'a'), 200_000));
    const dropped = (): bigint => pair.counts('a').get('egress DROP_NO_CHECKSUM') ?? 0n;

    pair.set('workloads', everythingOff);
    t.deepEqual(await exchange(), []);
    t.is(dropped(), 0n);
    pair.set('workloads', everythingOn);
    const losses = (await exchange()).map((loss) => loss.replace(/:.*/, ''));
    t.true(dropped() > 0n);
    // TCP gets by with what it sends again in single packets where it is given the time.
    t.deepEqual(
      losses.filter((transport) => transport !== 'tcp'),
      takesSegments(pair.run('a', 'workload', 'ethtool', '-k', 'eth0')) ? ['segments'] : [],
    );
  },
);
