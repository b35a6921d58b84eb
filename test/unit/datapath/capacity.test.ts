import test from 'ava';
import { sized } from '../../../src/datapath/capacity.js';
import type { Shape } from '../../../src/datapath/generation.js';

function shape(name: string, maxEntries: number, valueSize = 8): Shape {
  return { name, type: 'hash', keySize: 24, valueSize, maxEntries };
}

const own = [shape('blocks', 1000), shape('pools', 10)];

const sizes = test.macro({
  title: (_, what: string) => what,
  exec: (
    t,
    _: string,
    needs: Readonly<Record<string, number>>,
    pinned: readonly (readonly Shape[])[],
    expected: readonly number[],
  ) =>
    t.deepEqual(
      sized(own, needs, pinned).map(({ maxEntries }) => maxEntries),
      expected,
    ),
});

test(sizes, "what fits keeps the object's sizes", { blocks: 1000, pools: 3 }, [], [1000, 10]);
test(
  sizes,
  'what does not fit is doubled until it fits twice over',
  { blocks: 1001 },
  [],
  [4000, 10],
);
test(
  sizes,
  'larger maps that are pinned already are used',
  { blocks: 5 },
  [[shape('blocks', 4000), shape('pools', 10)]],
  [4000, 10],
);
test(
  sizes,
  'pinned maps that are too small are not',
  { pools: 15 },
  [[shape('blocks', 4000), shape('pools', 10)]],
  [1000, 40],
);
test(
  sizes,
  'pinned maps of another layout are not',
  {},
  [[shape('blocks', 4000, 12), shape('pools', 10)]],
  [1000, 10],
);
test(
  sizes,
  'pinned maps that are not all there are not',
  {},
  [[shape('blocks', 4000)]],
  [1000, 10],
);
