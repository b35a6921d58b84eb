import test, { type ExecutionContext } from 'ava';
import { features } from 'libbpf-ts';
import { Endpoint, type Exchange } from '../support/endpoint.js';
import { skips } from '../support/needs.js';
import { whyNoPrograms } from '../support/object.js';
import {
  argumentsOf,
  everythingOff,
  everythingOn,
  settings,
  type Setting,
} from '../support/offloads.js';
import { addressIn, type OverlayName } from '../support/overlays.js';
import { Pair, type Peer, type Side } from '../support/pair.js';
import { snmpOf } from '../support/snmp.js';

// Whatever NICs and workloads compute, cut and merge by themselves or leave to others: every byte of
// every transport arrives, no checksum is wrong and no counter moves that should not.

interface Row {
  readonly overlay: OverlayName;
  readonly peer: Peer;
  /** Whose 32 settings are tried, and how the others are set meanwhile. */
  readonly vary: 'uplinks' | 'workloads';
  readonly others: Setting;
}

async function arrives(t: ExecutionContext, { overlay, peer, vary, others }: Row): Promise<void> {
  if (skips(t, 'ip', 'nsenter', 'ethtool', 'bridge', 'python3')) return;
  const missing = whyNoPrograms() ?? (features.tcx() ? undefined : 'no TCX, it came with 6.6');
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  using pair = new Pair(peer, 'tcx');
  using workloadA = await Endpoint.in(pair.workload('a'));
  using workloadB = await Endpoint.in(pair.workload('b'));
  using nodeA = await Endpoint.in(pair.namespace('a'));
  const [toA, toB] = [addressIn(overlay, 'a'), addressIn(overlay, 'b')];
  const ways = [
    ['workload a > workload b', () => workloadA.exchange(toB, toA, bytes)],
    ['workload b > workload a', () => workloadB.exchange(toA, toB, bytes)],
    ['node a > workload b', () => nodeA.exchange(toB, addressIn(overlay, 'a', 1), bytes)],
  ] as const;

  pair.set(vary === 'uplinks' ? 'workloads' : 'uplinks', others);
  const lost: string[] = [];
  for (const setting of settings) {
    pair.set(vary, setting);
    for (const [way, exchange] of ways) {
      const before = named(pair);
      const wrong = wrongOf(await exchange(), named(pair) - before);
      if (wrong !== undefined) lost.push(`${argumentsOf(setting).join(' ')}: ${way}: ${wrong}`);
    }
  }
  t.deepEqual(lost, []);
  await pair.settle();
  addsUp(t, pair);
}

const bytes = 200_000;

/** What a program says that it drops because nobody could carry it; anything else is a fault. */
const limits = ['egress DROP_NO_CHECKSUM', 'ingress DROP_INNER_UDP_GSO'];

function named(pair: Pair): bigint {
  return sides
    .flatMap((side) => limits.map((name) => pair.counts(side).get(name) ?? 0n))
    .reduce((sum, count) => sum + count, 0n);
}

/** What did not come back; a super-packet may be missing where a program says so. */
function wrongOf({ tcp, segments, ...packets }: Exchange, dropped: bigint): string | undefined {
  const wrong = Object.entries(packets)
    .filter(([, [sent, back]]) => sent !== back)
    .map(([name, [sent, back]]) => `${name}: ${back} of ${sent} came back`);
  if (!tcp) wrong.push('tcp: other bytes');
  if (segments[0] !== segments[1] && dropped === 0n) wrong.push('segments: lost without a word');
  return wrong.length === 0 ? undefined : wrong.join(', ');
}

function addsUp(t: ExecutionContext, pair: Pair): void {
  for (const side of sides) {
    const counts = pair.counts(side);
    const drops = [...counts].filter(
      ([name, count]) => name.includes('DROP') && !limits.includes(name) && count > 0n,
    );
    t.deepEqual(drops, [], `dropped by ${side}`);
    t.is(counts.get('egress PASS_OWN_TUNNEL'), counts.get('egress ENCAPSULATED'), side);
    for (const namespace of [pair.namespace(side), pair.workload(side)]) {
      const errors = [...snmpOf(namespace)].filter(([name]) => name.endsWith('InCsumErrors'));
      t.deepEqual(errors, [], `checksums in ${namespace}`);
    }
  }
}

const sides: readonly Side[] = ['a', 'b'];

const carried: readonly (readonly [OverlayName, Peer])[] = [
  ['vxlan', 'programs'],
  ['ipip', 'programs'],
  ['vxlan6', 'programs'],
  ['vxlan', 'kernel vxlan'],
  ['vxlan6', 'kernel vxlan, zero'],
];

for (const [overlay, peer] of carried)
  for (const vary of ['uplinks', 'workloads'] as const)
    for (const others of [everythingOn, everythingOff]) {
      const rest = `the ${vary === 'uplinks' ? 'workloads' : 'uplinks'} ${others === everythingOn ? 'everything' : 'nothing'}`;
      const title = `${overlay} to ${peer}: every byte arrives, whatever the ${vary} offload, ${rest}`;
      test.serial(title, arrives, { overlay, peer, vary, others });
    }
