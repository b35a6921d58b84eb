import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { Asked } from '../support/asked.js';
import type { Network } from '../support/network/network.js';
import { root } from '../support/object.js';
import { within } from '../support/slowness.js';
import { faultTest } from './fault-test.js';
import { inWords, Load, lossOf, none } from './load.js';
import {
  absent,
  BlockFolder,
  knowAbsent,
  oneOf,
  ownersOn,
  randomOf,
  spareBlocks,
  type AbsentNode,
} from './world.js';

const spare = spareBlocks(200);
const names = Object.keys(absent) as readonly AbsentNode[];

/** The two nodes that a block may be of, ever: a third one would be a misdelivery. */
function pairOf(place: number): readonly [AbsentNode, AbsentNode] {
  const [one, other] = [names[place % 3], names[(place + 1) % 3]];
  if (one === undefined || other === undefined) throw new RangeError('three nodes are declared');
  return [one, other];
}

/** An address of a block, to send to. */
function addressIn(cidr: string): string {
  return cidr.replace(/\d+\/26$/, (end) => String(Number.parseInt(end) + 9));
}

function prober(network: Network, pps: number, cidrs: readonly string[]): Promise<Asked> {
  const script = join(root, 'test/faults/load/probe.py');
  const addresses = cidrs.map(addressIn);
  return Asked.in(network.space('wa'), 'python3', '-u', script, String(pps), ...addresses);
}

/** Waits until the kernels of both nodes have the blocks where the model has them. */
async function converge(
  t: ExecutionContext,
  network: Network,
  model: ReadonlyMap<string, string>,
): Promise<number> {
  const began = performance.now();
  const sorted = (owners: ReadonlyMap<string, string>): string[] =>
    [...owners]
      .filter(([cidr]) => spare.includes(cidr))
      .map((pair) => pair.join(' '))
      .sort();
  const wanted = sorted(model);
  for (const node of ['a', 'b'] as const) {
    const is = (): string[] => sorted(ownersOn(network, node));
    while (is().join() !== wanted.join() && performance.now() - began < within(20_000))
      await sleep(50);
    t.deepEqual(is(), wanted, `node-${node}`);
  }
  return performance.now() - began;
}

const changesARound = 10_000;

faultTest(
  {
    id: 'F08',
    title:
      'blocks added, deleted and moved at full speed: other flows lose nothing, no packet goes to a third node, and in the end the maps are the model',
    limitMs: 3_600_000,
  },
  async (t, network, times) => {
    const random = randomOf(t);
    const folder = new BlockFolder(network);
    spare.forEach((cidr, place) => folder.give(cidr, pairOf(place)[0]));
    const agents = [
      await network.agent('a', 'auto', 2000, folder.path),
      await network.agent('b', 'auto', 2000, folder.path),
    ];
    knowAbsent(network);
    using probes = await prober(network, 1000, spare);
    await using load = await Load.start(network, {
      owners: spare.flatMap((cidr, place) =>
        pairOf(place).map((name) => [cidr, absent[name]] as const),
      ),
    });
    await probes.ask('go');
    for (let done = 0; done < times; done += 1) {
      const place = Math.floor(random() * spare.length);
      const cidr = spare[place] ?? '';
      const now = folder.owners.get(cidr);
      folder.give(
        cidr,
        oneOf(
          [...pairOf(place), undefined].filter((owner) => owner !== now),
          random,
        ),
      );
      if (done % 20 === 19) await sleep(60); // else one round would see all of it
      if (done % changesARound === changesARound - 1) await converge(t, network, folder.owners);
    }
    const ms = await converge(t, network, folder.owners);
    await probes.ask('quiet');
    await sleep(200);
    const { again, distinct } = await load.probes();
    t.is(again, 0);
    t.true(distinct > 100);

    for (const cidr of spare.slice(0, 20)) folder.delete(cidr);
    await converge(t, network, folder.owners);
    await probes.ask('once');
    await sleep(200);
    const seen = (await load.probes()).to;
    const model = [...folder.owners].map(([cidr, owner]) => [
      addressIn(cidr),
      { [absent[owner as AbsentNode]]: 1 },
    ]);
    t.deepEqual(seen, Object.fromEntries(model), 'where packets go is where the blocks are');
    const sums = await load.stop();
    const rounds = agents.map(
      ({ lines }) => lines.filter(({ msg }) => msg === 'tables changed').length,
    );
    t.log(
      `${times} changes in ${rounds.join(' and ')} rounds, the last after ${Math.round(ms)} ms; ${distinct} probes`,
    );
    t.log(inWords(sums));
    t.true(rounds.every((count) => count > times / 500));
    const { 'dropped a no_block': unowned, ...loss } = lossOf(sums);
    t.true(Number(unowned) > 0, 'probes to blocks of no node are dropped by name');
    t.deepEqual(loss, none);
  },
);

faultTest(
  {
    id: 'F09',
    title: 'a block that moves back and forth: each packet goes to one of the two nodes, once',
    limitMs: 3_600_000,
  },
  async (t, network, times) => {
    const [cidr = ''] = spare;
    const folder = new BlockFolder(network);
    folder.give(cidr, 'node-c');
    const agent = await network.agent('a', 'auto', 2000, folder.path);
    await network.agent('b', 'auto', 2000, folder.path);
    knowAbsent(network);
    using probes = await prober(network, 1000, [cidr]);
    await using load = await Load.start(network, {
      owners: (['node-c', 'node-d'] as const).map((name) => [cidr, absent[name]]),
    });
    await probes.ask('go');
    for (let move = 0; move < times; move += 1) {
      const from = agent.lines.length;
      folder.give(cidr, move % 2 === 0 ? 'node-d' : 'node-c');
      await agent.until('tables changed', { from });
    }
    await converge(t, network, folder.owners);
    const { sent } = (await probes.ask('quiet')) as { sent: number };
    await sleep(200);
    const { to, distinct, again } = await load.probes();
    t.deepEqual({ distinct, again }, { distinct: sent, again: 0 });
    t.log(`${sent} probes: ${JSON.stringify(to)}`);
    const counts = to[addressIn(cidr)] ?? {};
    t.deepEqual(Object.keys(counts).sort(), [absent['node-c'], absent['node-d']]);
    t.true(Object.values(counts).every((count) => count > sent / 10));
    const sums = await load.stop();
    t.log(inWords(sums));
    t.deepEqual(lossOf(sums), none);
  },
);
