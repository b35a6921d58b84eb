import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../support/network/network.js';
import { within } from '../support/slowness.js';
import { faultTest } from './fault-test.js';
import { inWords, Load, lossOf, none } from './load.js';
import { randomOf } from './world.js';

faultTest(
  {
    id: 'F07',
    title:
      'of several agents started at once on a node one runs, the others end with code 3 and name it; killed, it leaves its place at once',
    limitMs: 3_600_000,
  },
  async (t, network, times) => {
    const random = randomOf(t);
    await network.agent('b');
    await (await network.agent('a')).end('SIGTERM');
    await using load = await Load.start(network);
    for (let round = 0; round < times; round += 1) {
      const agents = Array.from({ length: 2 + Math.floor(random() * 7) }, () =>
        network.startCommand('a'),
      );
      const winner = await firstReady(agents);
      for (const agent of agents) {
        if (agent === winner) continue;
        t.is(await agent.closed, 3);
        t.regex(agent.output, new RegExp(`an agent is running \\(pid ${winner.pid}\\)`));
      }
      await winner.end('SIGKILL');
      const next = await network.command('a');
      t.not(next.pid, winner.pid);
      await next.end('SIGKILL');
    }
    const sums = await load.stop();
    t.log(inWords(sums));
    t.deepEqual(lossOf(sums), none);
  },
);

/** The only one of them that says so. */
async function firstReady(agents: readonly Agent[]): Promise<Agent> {
  const deadline = performance.now() + within(20_000);
  const isReady = ({ lines }: Agent): boolean => lines.some(({ msg }) => msg === 'ready');
  for (;;) {
    const ready = agents.filter(isReady);
    if (ready.length > 1) throw new Error(`${ready.length} agents run on one node`);
    if (ready[0] !== undefined) return ready[0];
    if (performance.now() > deadline) throw new Error('no agent became ready');
    await sleep(10);
  }
}
