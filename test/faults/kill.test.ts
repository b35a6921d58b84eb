import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { Network } from '../support/network/network.js';
import { within } from '../support/slowness.js';
import { faultTest } from './fault-test.js';
import { inWords, Load, lossOf, none } from './load.js';
import { isSoak } from '../support/repetitions.js';
import {
  absentNodes,
  blocksOf,
  identityOf,
  knowAbsent,
  oneOf,
  ownersOn,
  randomOf,
  setting,
  spareBlocks,
  vxlan,
  type AbsentNode,
} from './world.js';

const spare = spareBlocks(300);

/** What a node's resources may say; each part is a kind of work for the agent. */
interface World {
  readonly all: AbsentNode;
  readonly first: AbsentNode;
  readonly setting: boolean;
}

const atFirst: World = { all: 'node-c', first: 'node-c', setting: false };

/** What an agent says when it has done one. */
const ends = /^(ready|tables changed|program replaced)$/;

/** Kinds of work: what changes, and for how long the agent is busy with it at most, milliseconds. */
const works = {
  'a block': {
    change: (world: World): World => ({ ...world, first: other(world.first) }),
    busyMs: 250,
  },
  'a batch of blocks': {
    change: (world: World): World => ({ ...world, all: other(world.all) }),
    busyMs: 400,
  },
  'a swap of programs': {
    change: (world: World): World => ({ ...world, setting: !world.setting }),
    busyMs: 900,
  },
} as const;

type Work = keyof typeof works;

const workNames = Object.keys(works) as readonly Work[];

function other(node: AbsentNode): AbsentNode {
  return node === 'node-c' ? 'node-d' : 'node-c';
}

function declare(network: Network, { all, first, setting: isOn }: World): void {
  const [one = '', ...rest] = spare;
  network.declare(vxlan, [
    ...absentNodes(),
    ...blocksOf([one], first),
    ...blocksOf(rest, all),
    setting(isOn),
  ]);
}

/** What the kernel of node-a has to say of the spare blocks. */
function wanted({ all, first }: World): Record<string, string> {
  return Object.fromEntries(spare.map((cidr, place) => [cidr, place === 0 ? first : all]));
}

function spareOwners(network: Network): Record<string, string | undefined> {
  const owners = ownersOn(network, 'a');
  return Object.fromEntries(spare.map((cidr) => [cidr, owners.get(cidr)]));
}

/** Waits until node-a's kernel is as the world says, by its own maps. */
async function converges(t: ExecutionContext, network: Network, world: World): Promise<void> {
  const deadline = performance.now() + within(10_000);
  const is = (): string => JSON.stringify(spareOwners(network));
  while (is() !== JSON.stringify(wanted(world)) && performance.now() < deadline) await sleep(20);
  t.deepEqual(spareOwners(network), wanted(world));
}

faultTest(
  {
    id: 'F01',
    title:
      'SIGKILL at any moment of an agent’s start, round, batch or swap of programs: nothing is lost, and the next agent adopts programs and maps',
    limitMs: 3_600_000,
  },
  async (t, network, times) => {
    const random = randomOf(t);
    let world = atFirst;
    declare(network, world);
    await network.agent('b');
    let agent = await network.agent('a');
    const began = performance.now();
    await agent.end('SIGKILL');
    agent = await network.agent('a');
    const startMs = performance.now() - began;
    knowAbsent(network);
    await using load = await Load.start(network);
    let interrupted = 0;
    for (let round = 0; round < times; round += 1) {
      const before = identityOf(network, 'a');
      let from = agent.lines.length;
      const work = [undefined, ...workNames][round % 4];
      if (work === undefined) {
        await agent.end('SIGKILL');
        agent = network.start('a');
        from = 0;
        await sleep(random() * startMs);
      } else {
        world = works[work].change(world);
        declare(network, world);
        await sleep(random() * works[work].busyMs);
      }
      await agent.end('SIGKILL');
      if (!agent.lines.slice(from).some(({ msg }) => ends.test(msg))) interrupted += 1;
      agent = await network.agent('a');
      await converges(t, network, world);
      if (work !== 'a swap of programs') t.deepEqual(identityOf(network, 'a'), before, work);
    }
    const sums = await load.stop();
    t.log(
      `${interrupted} of ${times} before the work was done; a start takes ${Math.round(startMs)} ms`,
    );
    t.log(inWords(sums));
    t.deepEqual(lossOf(sums), none);
  },
);

faultTest(
  {
    id: 'F02',
    title:
      'SIGTERM or SIGINT in the middle of a round: the command ends within two seconds with code 0, and nothing is lost',
    limitMs: 3_600_000,
  },
  async (t, network, times) => {
    const random = randomOf(t);
    let world = atFirst;
    declare(network, world);
    await network.agent('b');
    let agent = await network.command('a');
    knowAbsent(network);
    await using load = await Load.start(network);
    let slowestMs = 0;
    for (let round = 0; round < times; round += 1) {
      const work = oneOf(workNames, random);
      world = works[work].change(world);
      declare(network, world);
      await sleep(random() * works[work].busyMs);
      const { ms, code } = await agent.end(round % 2 === 0 ? 'SIGTERM' : 'SIGINT');
      t.is(code, 0, work);
      t.true(ms <= within(2000), `${work}: ${ms} ms`);
      slowestMs = Math.max(slowestMs, ms);
      agent = await network.command('a');
      await converges(t, network, world);
    }
    const sums = await load.stop();
    t.log(`the slowest took ${Math.round(slowestMs)} ms`);
    t.log(inWords(sums));
    t.deepEqual(lossOf(sums), none);
  },
);

/** How long an agent is held up, milliseconds. */
const heldMs = isSoak ? 30_000 : 3000;

faultTest(
  {
    id: 'F03',
    title: `an agent held up for ${heldMs / 1000} s (SIGSTOP) loses nothing, and catches up in one go with all that happened`,
    limitMs: 3_600_000,
  },
  async (t, network, times) => {
    let world = atFirst;
    declare(network, world);
    await network.agent('b');
    const agent = await network.agent('a');
    knowAbsent(network);
    await using load = await Load.start(network);
    for (let round = 0; round < times; round += 1) {
      process.kill(agent.pid, 'SIGSTOP');
      const held = spareOwners(network);
      for (let step = 0; step < 5; step += 1) {
        const work: Work = step % 2 === 0 ? 'a block' : 'a batch of blocks';
        world = works[work].change(world);
        declare(network, world);
        await sleep(heldMs / 5);
      }
      t.deepEqual(spareOwners(network), held, 'nobody but the agent writes the maps');
      const from = agent.lines.length;
      process.kill(agent.pid, 'SIGCONT');
      await converges(t, network, world);
      await sleep(500);
      const changes = agent.lines.slice(from).filter(({ msg }) => msg === 'tables changed');
      t.true(changes.length <= 1, JSON.stringify(changes));
    }
    const sums = await load.stop();
    t.log(inWords(sums));
    t.deepEqual(lossOf(sums), none);
  },
);
