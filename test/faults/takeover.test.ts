import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { Bed, skipped, titleOf, type World } from '../support/bed.js';
import type { ForeseenTakeover } from '../../src/datapath/foreseen.js';
import { carriedBy, felixEnds, felixStarts } from '../support/felix.js';
import { inside, ip, Network } from '../support/network/network.js';
import { within } from '../support/slowness.js';
import { replace, rulesOf, snapshot, soon, takeovers } from '../support/takeovers.js';

// vxlan.calico and vxlan-v6.calico; tunl0 is takeover-tunl0.test.ts's.

const vxlan = { vxlanMode: 'Always' };
const dualStack: World = {
  modes: ['vxlan', 'vxlan-v6'],
  stack: 'dual-stack',
  pools: vxlan,
  reversePath: 1,
};
const worlds: readonly World[] = [
  { modes: ['vxlan'], stack: 'ipv4', pools: vxlan, reversePath: 1 },
  dualStack,
  { modes: ['vxlan', 'vxlan-v6'], stack: 'dual-stack', pools: vxlan, reversePath: 0 },
  { modes: ['vxlan-v6'], stack: 'ipv6', pools: vxlan, reversePath: 0 },
];

for (const world of worlds)
  for (const [title, takeover] of takeovers)
    test.serial(`F46 ${title}: ${titleOf(world)}`, takeover, world);

test.serial(
  'F46 what leads past a kernel tunnel is repaired within a second, and loses nothing',
  async (t) => {
    if (skipped(t, dualStack)) return;
    await using bed = await Bed.of(dualStack);
    const { network } = bed;
    await network.command('a', replace);
    const space = network.space('a');
    const right = snapshot(network, 'a');
    for (const damage of [
      'rule delete pref 32765 lookup main',
      'rule delete pref 32765 lookup 14749',
      '-6 rule delete pref 32765 lookup main',
      'link set vxlan.calico group default',
      'link set vxlan-v6.calico group default',
      'route flush table 14749',
      '-6 route flush table 14749',
    ]) {
      ip('-n', space, ...damage.split(' '));
      t.true(await soon(() => isDeepStrictEqual(snapshot(network, 'a'), right)), damage);
    }
    inside(space, 'sysctl', '-qw', 'net.ipv4.conf.eth0.rp_filter=1');
    t.true(await soon(() => isDeepStrictEqual(snapshot(network, 'a'), right)), 'rp_filter');

    ip('-n', space, 'rule', 'add', 'pref', '32765', 'from', '10.9.9.9', 'lookup', '99');
    const order = (): readonly string[] =>
      rulesOf(network, 'a').map((line) => /lookup (\S+)/.exec(line)?.[1] ?? '');
    t.true(
      await soon(() => isDeepStrictEqual(order(), ['99', 'main', '14749', 'main', '14749'])),
      'someone else’s rule goes before ours',
    );
    ip('-n', space, 'rule', 'delete', 'pref', '32765', 'from', '10.9.9.9', 'lookup', '99');
    await sleep(within(300));
    // IPv6 sockets of the node keep the way that they found while a device had no group
    const before = carriedBy(space, 'vxlan');
    await sleep(within(300));
    t.is(carriedBy(space, 'vxlan'), before);
    t.deepEqual(await bed.losses(), []);
  },
);

test.serial('F46 what becomes of kernel tunnels is what was planned', async (t) => {
  if (skipped(t, dualStack)) return;
  const world = dualStack;
  await using network = new Network(world.pools, world.stack);
  const space = network.space('a');
  await felixStarts(space, world.modes, 1);
  const words = [
    'plan',
    '-f',
    network.manifests,
    '--node',
    'node-a',
    '--underlay-mtu',
    '1500',
    ...replace,
  ]; // /sys is another namespace’s
  const planned = network.encap('a', ...words);
  const { kernelTunnels } = JSON.parse(network.encap('a', ...words, '-o', 'json')) as {
    kernelTunnels: ForeseenTakeover;
  };
  const lines = (text: string): readonly string[] =>
    text.split('\n').map((line) => line.trim().replace(/\s+/g, ' '));
  await (await network.command('a', replace)).kill();
  t.deepEqual(
    lines(planned).flatMap((line) => /^ip (?:-6 )?rule (.*)$/.exec(line)?.[1] ?? []),
    rulesOf(network, 'a').flatMap(lines),
  );
  const detours = ['-4', '-6'].flatMap((family) =>
    lines(ip('-n', space, family, 'route', 'show', 'table', '14749')),
  );
  t.deepEqual(
    kernelTunnels.routes.map(({ destination, mtu }) => `${destination} ${mtu}`),
    detours.flatMap((line) => /^([^t]\S+) .*mtu (\d+)/.exec(line)?.slice(1, 3).join(' ') ?? []),
  );
  for (const { name, tunnelAddress, vtepMac, how, routes } of kernelTunnels.tunnels) {
    const shown = ip('-n', space, 'address', 'show', 'dev', name);
    t.true(shown.includes(`${tunnelAddress}/`) && shown.includes(`link/ether ${vtepMac}`), shown);
    t.true(shown.includes(`group ${kernelTunnels.group} `), shown);
    t.deepEqual([how, routes], ['taken over', 1]);
  }
  t.is(kernelTunnels.tunnels.length, 2);
  for (const { address, on } of kernelTunnels.addresses)
    t.regex(
      ip('-n', space, 'address', 'show', 'dev', on === 'lo' ? on : 'eth0'),
      new RegExp(` ${address}[ /]`),
    );

  felixEnds(space, world.modes, 1);
  const down = ['down', '--restore-kernel-tunnels', '--yes', '-o', 'json'];
  const itemsOf = (...more: readonly string[]): readonly object[] =>
    (
      JSON.parse(network.encap('a', ...down, ...more)) as { items: { table: string }[] }
    ).items.filter(({ table }) => table.startsWith('kernel '));
  const foretold = itemsOf('--dry-run');
  t.true(foretold.length > 0);
  t.deepEqual(itemsOf(), foretold, 'and given back as was said');
});

test.serial('F46 left alone, a kernel tunnel that carries is complained of', async (t) => {
  const world: World = { modes: ['vxlan'], stack: 'ipv4', pools: vxlan, reversePath: 1 };
  if (skipped(t, world)) return;
  await using network = new Network(vxlan);
  const space = network.space('a');
  await felixStarts(space, world.modes, 1);
  const agent = await network.command('a');
  t.true(agent.lines.some(({ msg }) => msg.startsWith('two encapsulators')));
  t.regex(network.encap('a', 'status'), /! two encapsulators: vxlan\.calico carries what 1 routes/);
  inside(space, 'sysctl', '-qw', 'net.ipv4.conf.eth0.rp_filter=1');
  t.true(
    await soon(() => network.exitCode('a', 'status', '--brief') === 7),
    'strict, it drops what comes',
  );
  t.is(inside(space, 'cat', '/proc/sys/net/ipv4/conf/eth0/rp_filter').trim(), '1', 'left alone');
});

test.serial('F46 what can’t be restored is refused before anything is touched', async (t) => {
  const world: World = { modes: ['vxlan'], stack: 'ipv4', pools: vxlan, reversePath: 1 };
  if (skipped(t, world)) return;
  await using network = new Network(vxlan);
  const agent = await network.command('a');
  await agent.kill();
  const before = snapshot(network, 'a');
  const words = ['down', '--yes', '--restore-kernel-tunnels'];
  t.is(network.exitCode('a', ...words), 5, 'nobody wrote down what they were like');
  t.deepEqual(snapshot(network, 'a'), before);
  await (await network.command('a', replace)).kill();
  ip('-n', network.space('a'), 'link', 'add', 'vxlan.calico', 'type', 'bridge');
  const taken = snapshot(network, 'a');
  t.is(network.exitCode('a', ...words), 5, 'something else has the name');
  t.deepEqual(snapshot(network, 'a'), taken);
});
