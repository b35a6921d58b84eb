import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { attachKind } from '../../src/datapath/attach.js';
import { Ends, endsNeed } from '../support/ends.js';
import { whyNoUnderlay } from '../support/kernel-devices.js';
import { skipsFor, skipsPeer } from '../support/needs.js';
import type { OverlayName } from '../support/overlays.js';
import { addsUp } from '../support/pair-counters.js';
import { Pair, type Peer } from '../support/pair.js';
import { sample, within } from '../support/slowness.js';
import type { Underlay } from '../support/wiring.js';

// Uplinks that are no NIC themselves: a VLAN on one, a bond of two, a bridge with one. The programs sit on that which has
// the node's address.

interface Row {
  readonly underlay: Underlay;
  readonly overlay: OverlayName;
  readonly peer: Peer;
}

async function arrives(t: ExecutionContext, { underlay, overlay, peer }: Row): Promise<void> {
  if (skipsPeer(t, { overlay, peer }, ...endsNeed)) return;
  if (skipsFor(t, whyNoUnderlay(underlay))) return;
  using pair = new Pair(peer, attachKind('auto'), 'with a cutter', underlay);
  using ends = await Ends.of(pair);
  if (underlay === 'bond') await hasActive(pair, 'wire0');
  for (const offloads of ['on', 'off'] as const) {
    pair.offloads(offloads);
    t.deepEqual(await ends.exchange(overlay, 200_000), [], `offloads ${offloads}`);
  }
  if (underlay === 'bond') {
    pair.run('a', 'node', 'ip', 'link', 'set', 'wire0', 'down');
    await hasActive(pair, 'wire1');
    t.deepEqual(await ends.exchange(overlay, 200_000), [], 'by the other wire');
  }
  await pair.settle();
  addsUp(t, pair);
}

/** Waits until both bonds send by this wire. */
async function hasActive(pair: Pair, wire: string): Promise<void> {
  const untilMs = Date.now() + within(5000);
  const active = (side: 'a' | 'b'): boolean =>
    pair.run(side, 'node', 'ip', '-d', 'link', 'show', 'uplink').includes(`active_slave ${wire}`);
  while (!active('a') || !active('b')) {
    if (Date.now() > untilMs) throw new Error(`the bonds do not send by ${wire}`);
    await sleep(20);
  }
}

const rows = (['vlan', 'bond', 'bridge'] as const).flatMap((underlay) =>
  (
    [
      ['vxlan', 'kernel vxlan'],
      ['ipip', 'programs'],
      ['vxlan6', 'kernel vxlan'],
      ['ipip', 'kernel ipip'],
    ] as const
  ).map(([overlay, peer]): Row => ({ underlay, overlay, peer })),
);

for (const row of sample(rows, 2))
  test.serial(
    `F17 ${row.overlay} to ${row.peer}: every byte arrives by a ${row.underlay}`,
    arrives,
    row,
  );
