import test from 'ava';
import { skipsFor } from '../support/needs.js';
import { whyNoCompiler } from '../support/object.js';
import { arms, TraceCost, tracedPackets } from '../trace-cost/cost.js';

test.serial(
  'npm run bench:trace: each packet goes the same way by each arm, is told where it is asked for alone, and costs least where nobody listens',
  async (t) => {
    if (skipsFor(t, whyNoCompiler())) return;
    using cost = new TraceCost();
    for (const packet of tracedPackets) {
      const costs = await cost.measure([packet], 15);
      t.deepEqual(
        costs.map(({ arm }) => arm),
        [...arms],
      );
      const [without, off, , filtered, told] = costs.map(({ ns }) => ns.low);
      t.log(packet.name, without, off, filtered, told);
      t.true(Number(off) < Number(told), packet.name);
      t.true(Number(filtered) < Number(told), packet.name);
    }
  },
);
