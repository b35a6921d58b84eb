import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultTiming } from '../../src/agent/run.js';
import { resource, type PoolModes } from '../support/network/cluster.js';
import { faultTest } from './fault-test.js';
import { inWords, Load, lossOf, none } from './load.js';
import { isSoak } from '../support/repetitions.js';
import { randomOf } from './world.js';

interface Mode {
  readonly modes: PoolModes;
  /** Between nodes of one subnet. */
  readonly isClear: boolean;
}

const vxlan = { modes: { vxlanMode: 'Always' }, isClear: false };
const ipip = { modes: { ipipMode: 'Always' }, isClear: false };
const never = { modes: {}, isClear: true };
const vxlanAcross = { modes: { vxlanMode: 'CrossSubnet' }, isClear: true };
const ipipAcross = { modes: { ipipMode: 'CrossSubnet' }, isClear: true };

/** Without it the routes of a pool that does not encapsulate are BGP's, and there is none here. */
const settings = [resource('FelixConfiguration', 'default', { programClusterRoutes: 'Enabled' })];

/** A round of switches; it ends where it begins. */
const cycle: readonly Mode[] = [ipip, vxlan, vxlanAcross, ipip, never, vxlan, ipipAcross, vxlan];

function switches(
  title: string,
  {
    list,
    gapMs,
    delayMs,
    times,
  }: { list: readonly Mode[]; gapMs: () => number; delayMs: number; times?: number },
): void {
  faultTest(
    { id: 'F10', title, limitMs: 7_200_000, ...(times === undefined ? {} : { times }) },
    async (t, network, rounds) => {
      const random = randomOf(t);
      const files = { a: join(network.scratch, 'a.yaml'), b: join(network.scratch, 'b.yaml') };
      for (const file of Object.values(files)) network.declare(vxlan.modes, settings, file);
      const agents = {
        a: await network.agent('a', 'auto', delayMs, files.a),
        b: await network.agent('b', 'auto', delayMs, files.b),
      };
      await using load = await Load.start(network);
      for (let round = 0; round < rounds; round += 1)
        for (const { modes, isClear } of list) {
          if (isClear) await load.clear('allowed');
          const [first, second] = random() < 0.5 ? (['a', 'b'] as const) : (['b', 'a'] as const);
          network.declare(modes, settings, files[first]);
          await sleep(gapMs() * (isSoak ? random() : 1));
          const from = agents[second].lines.length;
          network.declare(modes, settings, files[second]);
          await agents[second].until('tables changed', { from });
          await sleep(delayMs + 500);
          if (!isClear) await load.clear('forbidden');
          await sleep(200);
        }
      const sums = await load.stop();
      t.log(
        `${rounds * list.length} switches; ${sums.wire.allowed} frames in clear where they might be`,
      );
      t.log(inWords(sums));
      t.deepEqual(lossOf(sums), none);
      t.is(
        sums.wire.allowed > 0,
        list.some(({ isClear }) => isClear),
      );
    },
  );
}

switches(
  'modes switched among VXLAN, IP-in-IP, CrossSubnet and none, one node after the other, with live connections: nothing lost, nothing reset, nothing in clear that should not be',
  { list: cycle, gapMs: () => 500, delayMs: 600 },
);

switches(
  'nodes that hear of a switch of modes five seconds after one another lose nothing with the delay that agents have',
  {
    list: isSoak ? cycle : [ipip],
    gapMs: () => 5000,
    delayMs: defaultTiming.delay,
    times: isSoak ? 10 : 1,
  },
);
