import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { Bed, paceMs, skipped, type World } from './bed.js';
import { carriedBy, deviceOf, felixEnds, felixStarts, felixState } from './felix.js';
import { inside, ip, type Network } from './network/network.js';
import { isSoak, repetitionsOf } from './repetitions.js';
import { slowness, within } from './slowness.js';

// What becomes of a node with kernel tunnels, and of its traffic.

/** Where everything takes ten times as long, once has to do. */
const rounds = slowness > 1 ? 1 : repetitionsOf('F46');
/** Of what takes a device's life each time. */
const fewRounds = isSoak ? rounds : 1;

/** By what a test's title begins with. */
export const takeovers = [
  ['a node is taken over and given back, its peer stays', oneNode],
  ['beside kernel tunnels nothing is lost', beside],
  ['both nodes are taken over, through all that Felix does', bothNodes],
  ['kernel tunnels that Felix has removed are made again', restored],
] as const;

/** Words of `encap run`. */
export const replace = ['--replace-kernel-tunnels'];

/** How many packets kernel tunnels carry while traffic goes on. */
async function carriedMeanwhile({ network, world }: Bed, node: 'a' | 'b'): Promise<number> {
  await sleep(Math.max(100, 5 * paceMs)); // what was on its way
  const sum = (): number =>
    world.modes.reduce((all, mode) => all + carriedBy(network.space(node), mode), 0);
  const before = sum();
  await sleep(Math.max(300, 10 * paceMs));
  return sum() - before;
}

/** By name, what a node's programs have dropped. */
function droppedBy(network: Network, node: 'a' | 'b'): readonly string[] {
  return network
    .status(node)
    .verdicts.filter(
      ({ kind, egress, ingress }) => kind === 'drop' && egress.packets + ingress.packets > 0n,
    )
    .map(({ verdict }) => verdict);
}

function tunnelsOf(network: Network, node: 'a' | 'b'): readonly { name: string; how: string }[] {
  const report = JSON.parse(network.encap(node, 'status', '-o', 'json')) as {
    kernelTunnels: { name: string; how: string }[];
  };
  return report.kernelTunnels.map(({ name, how }) => ({ name, how }));
}

function all({ modes }: World, how: string): readonly { name: string; how: string }[] {
  return modes.map((mode) => ({ name: deviceOf(mode), how }));
}

async function oneNode(t: ExecutionContext, world: World): Promise<void> {
  if (skipped(t, world)) return;
  await using bed = await Bed.of(world);
  const { network } = bed;
  const before = snapshot(network, 'a');
  for (let round = 0; round < rounds; round += 1) {
    t.true((await carriedMeanwhile(bed, 'a')) > 0);
    const agent = await network.command('a', replace);
    t.is(await carriedMeanwhile(bed, 'a'), 0);
    t.true((await carriedMeanwhile(bed, 'b')) > 0);
    t.deepEqual(tunnelsOf(network, 'a'), all(world, 'taken over'));
    await agent.kill();
    t.is(await carriedMeanwhile(bed, 'a'), 0, 'without an agent, too');
    network.encap('a', 'down', '--yes');
    t.deepEqual(snapshot(network, 'a'), before, 'as it was');
  }
  t.true((await carriedMeanwhile(bed, 'a')) > 0);
  t.deepEqual(await bed.losses(), []);
}

async function bothNodes(t: ExecutionContext, world: World): Promise<void> {
  if (skipped(t, world)) return;
  await using bed = await Bed.of(world);
  const { network } = bed;
  // vxlanEnabled and ipipEnabled govern IPv4: vxlan-v6.calico stays as long as its pool has VXLAN, or is made anew
  const isIpv6 = world.stack === 'ipv6';
  const governed = isIpv6 ? world.modes : world.modes.filter((mode) => mode !== 'vxlan-v6');
  const isLedPast = (): boolean => rulesOf(network, 'a', isIpv6 ? '-6' : '-4').length > 0;
  const agent = await network.command('a', replace);
  await network.command('b', replace);
  for (const node of ['a', 'b'] as const) t.is(await carriedMeanwhile(bed, node), 0);

  await agent.kill();
  felixEnds(network.space('a'), governed, 1);
  t.is(
    network.pingTo(isIpv6 ? 'fd00:244:0:2::5' : '10.244.2.5', 3),
    3,
    'nobody is there to see it go',
  );
  await network.command('a', replace);
  t.true(await soon(() => !isLedPast()));
  // beside our pool's route the kernel takes none of Felix's for IPv6: these come when we go
  for (let round = 0; !isIpv6 && round < rounds; round += 1) {
    await felixStarts(network.space('a'), governed, 1);
    t.true(await soon(isLedPast));
    t.is(await carriedMeanwhile(bed, 'a'), 0, 'its device is back');
    felixEnds(network.space('a'), governed, 1);
    t.true(await soon(() => !isLedPast()), 'nothing to lead past');
  }
  if (!isIpv6) {
    await felixStarts(network.space('a'), governed, 1);
    t.true(await soon(isLedPast));
  }
  await network.endAgents();
  network.encap('b', 'down', '--yes');
  network.encap('a', 'down', '--yes', ...(isIpv6 ? ['--restore-kernel-tunnels'] : []));
  for (const node of ['a', 'b'] as const) t.true((await carriedMeanwhile(bed, node)) > 0);
  t.deepEqual(await bed.losses(), []);
}

async function restored(t: ExecutionContext, world: World): Promise<void> {
  if (skipped(t, world)) return;
  await using bed = await Bed.of(world);
  const { network } = bed;
  const before = felixState(network.space('a'), world.modes);
  for (let round = 0; round < fewRounds; round += 1) {
    const agent = await network.command('a', replace);
    felixEnds(network.space('a'), world.modes, 1);
    await sleep(within(500));
    await agent.kill();
    network.encap('a', 'down', '--yes', '--restore-kernel-tunnels');
    t.true((await carriedMeanwhile(bed, 'a')) > 0);
    t.deepEqual(felixState(network.space('a'), world.modes), before, 'as Felix had it');
  }
  t.deepEqual(await bed.losses(), []);
}

async function beside(t: ExecutionContext, world: World): Promise<void> {
  if (skipped(t, world)) return;
  await using bed = await Bed.of(world);
  const { network } = bed;
  for (let round = 0; round < fewRounds; round += 1) {
    const agent = await network.command('a', ['--coexist']);
    t.true((await carriedMeanwhile(bed, 'a')) > 0);
    t.deepEqual(tunnelsOf(network, 'a'), all(world, 'coexists'));
    await agent.kill();
    t.deepEqual(droppedBy(network, 'a'), [], 'their outer packets are no workload’s own tunnel');
    network.encap('a', 'down', '--yes');
  }
  t.deepEqual(await bed.losses(), []);
}

/** Whether something comes true within two seconds of a usual machine. */
export async function soon(isTrue: () => boolean): Promise<boolean> {
  const until = performance.now() + within(2000);
  while (performance.now() < until) {
    if (isTrue()) return true;
    await sleep(50);
  }
  return false;
}

/** What a node's network holds, but for what counts time. */
export function snapshot(network: Network, node: 'a' | 'b'): readonly string[] {
  const space = network.space(node);
  return [
    ip('-n', space, '-br', 'link'),
    ip('-n', space, '-br', 'address'),
    ...['-4', '-6'].flatMap((family) => [
      ip('-n', space, family, 'rule'),
      ip('-n', space, family, 'route', 'show', 'table', 'all'),
      ip('-n', space, family, 'neighbour', 'show', 'nud', 'permanent'),
    ]),
    inside(space, 'sh', '-c', 'cat /proc/sys/net/ipv4/conf/*/rp_filter'),
  ].map((text) => text.trim());
}

/** Those that lead past kernel tunnels, as ip(8) has them. */
export function rulesOf(
  network: Network,
  node: 'a' | 'b',
  ...families: readonly string[]
): readonly string[] {
  return (families.length === 0 ? ['-4', '-6'] : families).flatMap((family) =>
    ip('-n', network.space(node), family, 'rule')
      .split('\n')
      .filter((line) => /^32765:/.test(line)),
  );
}
