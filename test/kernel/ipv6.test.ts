import test, { type ExecutionContext } from 'ava';
import { skips as needs } from '../support/needs.js';
import { within } from '../support/slowness.js';
import { watch } from '../support/traffic.js';
import { inside, ip, Network, obstacle } from '../support/network/network.js';

// Two dual-stack nodes and their agents: the IPv6 pool travels in VXLAN over IPv6, as Calico's.

const toB6 = 'fd00:244:0:2::5';

function skips(t: ExecutionContext): boolean {
  const reason = obstacle();
  if (reason === undefined) return false;
  t.log(`skipped: ${reason}`);
  t.pass();
  return true;
}

test.serial('workloads and nodes reach each other by both families, up to the MTU', async (t) => {
  if (skips(t)) return;
  await using network = new Network({ vxlanMode: 'Always' }, 'dual-stack');
  for (const node of ['a', 'b'] as const) await network.agent(node);
  t.is(network.ping(), 3);
  t.is(network.pingTo(toB6), 3);
  t.regex(network.pinged('a', toB6, '-c3', '-i0.05', '-W1'), / 3 received/, 'from the node itself');
  // 70 bytes of outer headers: 40 + 8 of the echo request are in the 1430
  t.is(network.pingTo(toB6, 3, '-M', 'do', '-s', String(1430 - 48)), 3);
  const told = network.pinged('wa', toB6, '-M', 'do', '-s', String(1431 - 48), '-c2', '-i0.2');
  t.regex(told, /Packet too big: mtu=1430|mtu: 1430|mtu = 1430/);
  // Each end learns the MTU by the first packet of its own that is too big.
  network.pinged('wa', toB6, '-c2', '-i0.2', '-W1', '-s', '3000');
  t.is(network.pingTo(toB6, 3, '-s', '3000'), 3, 'in fragments');
});

test.serial(
  'answers to what a node masquerades come outside, but for the rule of docs/datapath.md',
  async (t) => {
    if (skips(t) || needs(t, 'nft', 'tcpdump')) return;
    await using network = new Network({ vxlanMode: 'Always' }, 'dual-stack');
    for (const node of ['a', 'b'] as const) await network.agent(node);
    // What kube-proxy does: marks, translates, masquerades what is marked.
    translate(network, 'services', [
      `chain in { type nat hook prerouting priority dstnat
        ip6 daddr fd00:96::1 meta mark set 0x4000 dnat to ${toB6}
      }`,
      `chain out { type nat hook postrouting priority srcnat
        meta mark & 0x4000 == 0x4000 masquerade
      }`,
    ]);
    t.is(await clearAnswers(network, () => t.is(network.pingTo('fd00:96::1'), 3)), 3);
    translate(network, 'overlay', [
      `chain out { type nat hook postrouting priority srcnat - 1
        meta mark & 0x4000 == 0x4000 ip6 daddr fd00:244::/48 snat to fd00:244:0:1::
      }`,
    ]);
    t.is(await clearAnswers(network, () => t.is(network.pingTo('fd00:96::1'), 3)), 0);
  },
);

/** Puts a table of NAT on node-a. */
function translate(network: Network, table: string, chains: readonly string[]): void {
  // By its path: npm puts another program of that name first.
  inside(network.space('a'), '/usr/sbin/nft', [`table ip6 ${table} {`, ...chains, '}'].join('\n'));
}

/** Echo replies from node-b's workload that cross the wire to node-a's own address meanwhile. */
async function clearAnswers(network: Network, meanwhile: () => void): Promise<number> {
  const filter = `icmp6 and src ${toB6} and dst fd00:77::1`;
  const wire = await watch(network.space('b'), 'eth0', filter);
  meanwhile();
  return (await wire()).filter((line) => line.includes('echo reply')).length;
}

test.serial(
  'what the agent put there is all gone after encap down, and nothing else',
  async (t) => {
    if (skips(t)) return;
    await using network = new Network({ vxlanMode: 'Always' }, 'dual-stack');
    const state = (): string =>
      ['-6 route show table all', '-4 route show table all', 'neigh show nud permanent', 'address']
        .map((what) => ip('-n', network.space('a'), ...what.split(' ')))
        .join('\n')
        .replace(/ expires \d+sec| valid_lft \S+/g, '');
    const before = state();
    const agent = await network.agent('a');
    t.regex(state(), /fd00:244::\/48 via fe80::fefe dev eth0 .*proto 147 .*src fd00:244:0:1::/);
    t.regex(state(), /blackhole fd00:244:0:1::\/122/);
    t.regex(state(), /unreachable fd00:244::\/48/);
    await agent.end('SIGTERM');
    network.run('a', 'down');
    t.is(state(), before);
  },
);

const drifts: Readonly<Record<string, (space: string) => void>> = {
  'the pool route deleted': (space) =>
    ip('-n', space, '-6', 'route', 'del', 'fd00:244::/48', 'proto', '147', 'metric', '1'),
  'the guard deleted': (space) =>
    ip(
      '-n',
      space,
      '-6',
      'route',
      'del',
      'unreachable',
      'fd00:244::/48',
      'proto',
      '147',
      'metric',
      '2147483647',
    ),
  "nobody's neighbour entry deleted": (space) =>
    ip('-n', space, 'neigh', 'del', 'fe80::fefe', 'dev', 'eth0'),
  'the tunnel address deleted': (space) =>
    ip('-n', space, 'address', 'del', 'fd00:244:0:1::/128', 'dev', 'lo'),
  'the uplink set down and up': (space) => {
    ip('-n', space, 'link', 'set', 'eth0', 'down');
    ip('-n', space, 'link', 'set', 'eth0', 'up');
    ip('-n', space, 'address', 'replace', 'fd00:77::1/64', 'dev', 'eth0', 'nodad');
  },
};

test.serial('what someone takes away is back within a second', async (t) => {
  if (skips(t)) return;
  await using network = new Network({ vxlanMode: 'Always' }, 'dual-stack');
  for (const node of ['a', 'b'] as const) await network.agent(node);
  const space = network.space('a');
  const ours = (): string =>
    [
      ip('-n', space, '-6', 'route', 'show', 'proto', '147'),
      ip('-n', space, 'neigh', 'show', 'nud', 'permanent'),
      ip('-n', space, '-6', 'address', 'show', 'dev', 'lo'),
    ].join('\n');
  const before = ours();
  for (const [title, damage] of Object.entries(drifts)) {
    damage(space);
    const began = performance.now();
    while (ours() !== before && performance.now() - began < within(5000))
      await new Promise((done) => setTimeout(done, 20));
    t.is(ours(), before, title);
    t.true(performance.now() - began < within(1000), `${title}: ${performance.now() - began} ms`);
    t.is(network.pingTo(toB6), 3, title);
  }
});
