import test from 'ava';
import { titleOf, type World } from '../support/bed.js';
import { sample } from '../support/slowness.js';
import { takeovers } from '../support/takeovers.js';

// A file of its own: kernels without ipip skip it, guests run it alone.

const worlds = ([1, 0] as const).map((reversePath): World => ({
  ...{ modes: ['ipip'], stack: 'ipv4', pools: { ipipMode: 'Always' } },
  reversePath,
}));

const rows = takeovers.flatMap(([title, takeover]) =>
  worlds.map((world) => ({ title, takeover, world })),
);

for (const { title, takeover, world } of sample(rows, 8))
  test.serial(`F46 ${title}: ${titleOf(world)}`, takeover, world);
