import test from 'ava';
import { enableStatistics } from 'libbpf-ts';
import { attachKind } from '../../src/datapath/attach.js';
import { skipsOverlay } from '../support/needs.js';
import { addressIn } from '../support/overlays.js';
import { Pair } from '../support/pair.js';

// Where a packet goes on the link: most get the Ethernet addresses that the kernel had a moment ago, one in a while
// goes by neighbour resolution, so that the kernel finds out what has changed. No agent runs here.
const needed = ['ip', 'nsenter', 'ethtool', 'ping', 'python3'];

for (const overlay of ['vxlan', 'ipip', 'vxlan6'] as const)
  test.serial(`${overlay}: most packets of a stream pass the hook once`, async (t) => {
    if (skipsOverlay(t, overlay, ...needed)) return;
    using pair = new Pair('programs', attachKind('auto'));
    pair.offloads('wire');
    t.true(pair.pings('a', addressIn(overlay, 'b'), 1000));
    using _counting = enableStatistics();
    const before = {
      runs: pair.runs('a'),
      sent: pair.counts('a').get('egress ENCAPSULATED') ?? 0n,
    };
    const [sent, got] = await pair.transfer('a', addressIn(overlay, 'b'), 32 << 20);
    t.is(got, sent);
    const packets = Number((pair.counts('a').get('egress ENCAPSULATED') ?? 0n) - before.sent);
    const again = pair.runs('a') - before.runs - packets;
    t.true(packets > 300, `${packets} packets`);
    t.true(again > 0, 'neighbour resolution has its share');
    t.true(again < packets / 4, `${again} of ${packets} passed twice`);
  });

/** Long enough for the neighbour to be doubted, probed three times and found again. */
const attempts = 30;

test.serial('a neighbour that changes its MAC in silence is found again, under traffic', (t) => {
  if (skipsOverlay(t, 'vxlan', ...needed)) return;
  using pair = new Pair('programs', attachKind('auto'));
  const impatience = '/proc/sys/net/ipv4/neigh/uplink';
  for (const setting of ['base_reachable_time_ms=1000', 'delay_first_probe_time=1']) {
    const [name, value] = setting.split('=');
    pair.run('a', 'node', 'sh', '-c', `echo ${value} > ${impatience}/${name}`);
  }
  const arrived = (): bigint => pair.counts('b').get('ingress DECAPSULATED') ?? 0n;
  /** A second of traffic in one direction: its answers would tell the neighbour's new address. */
  const second = (): bigint => {
    const before = arrived();
    const ping = `ping -n -q -c 50 -i 0.02 -W 1 ${addressIn('vxlan', 'b')} || true`;
    pair.run('a', 'workload', 'sh', '-c', ping);
    return arrived() - before;
  };
  t.is(second(), 50n);
  // nobody answers: B has lost NOBODY's neighbour entry together with its old address
  pair.run('b', 'node', 'ip', 'link', 'set', 'uplink', 'address', '02:00:00:00:bb:99');
  t.true(second() < 50n, 'what goes to the old address arrives nowhere');
  let tries = 1;
  while (tries < attempts && second() < 50n) tries += 1;
  t.log(`found after ${tries} s of traffic`);
  t.true(tries < attempts, 'all of it arrives again');
});
