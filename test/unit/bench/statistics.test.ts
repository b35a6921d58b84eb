import test from 'ava';
import { seeded } from '../../../src/bench/random.js';
import { scheduleOf } from '../../../src/bench/schedule.js';
import { medianInterval, quotientInterval } from '../../../src/bench/statistics.js';

test('an interval holds its median, and of one value it is that value', (t) => {
  const { median, low, high } = medianInterval([3, 1, 2, 5, 4]);
  t.is(median, 3);
  t.true(1 <= low && low < median && median < high && high <= 5);
  t.deepEqual(medianInterval([7]), { median: 7, low: 7, high: 7 });
  t.throws(() => medianInterval([]), { instanceOf: RangeError });
});

test('95 of 100 intervals hold the true median, or nearly so many', (t) => {
  const random = seeded(5);
  // Symmetric about 10, far from normal.
  const drawn = (): number => 10 + (random() < 0.5 ? -1 : 1) * random() ** 2;
  const held = Array.from({ length: 300 }, (_, seed) => {
    const { low, high } = medianInterval(Array.from({ length: 15 }, drawn), seed);
    return low <= 10 && 10 <= high;
  }).filter(Boolean).length;
  t.true(held > 300 * 0.9 && held < 300, `${held} of 300`);
});

test('the same seed gives the same interval', (t) => {
  const values = Array.from({ length: 15 }, seeded(1));
  t.deepEqual(medianInterval(values, 3), medianInterval(values, 3));
});

test('a quotient of medians is of the later over the earlier', (t) => {
  const { median, low, high } = quotientInterval([9, 10, 11], [19, 20, 21]);
  t.is(median, 2);
  t.true(low >= 19 / 11 && high <= 21 / 9);
});

const what = { underlays: ['u', 'w'], loads: ['tcp', 'rr'], variants: ['a', 'b', 'a again'] };

test('each round has every turn once, and compares side by side', (t) => {
  const turns = scheduleOf(what, 4, 11);
  t.is(turns.length, 4 * 2 * 2 * 3);
  const key = (turn: (typeof turns)[number]): string => Object.values(turn).join();
  t.is(new Set(turns.map(key)).size, turns.length);
  for (let at = 0; at < turns.length; at += 3) {
    const group = turns.slice(at, at + 3);
    t.is(new Set(group.map(({ round, underlay, load }) => [round, underlay, load].join())).size, 1);
  }
  t.deepEqual(
    turns.map(({ round }) => round),
    turns.map((_, at) => Math.floor(at / 12)),
  );
});

test('who goes first is drawn anew in each round; a seed repeats it', (t) => {
  const first = scheduleOf(what, 20, 11).filter((_, at) => at % 3 === 0);
  t.is(new Set(first.map(({ variant }) => variant)).size, 3);
  t.deepEqual(scheduleOf(what, 20, 11), scheduleOf(what, 20, 11));
  t.notDeepEqual(scheduleOf(what, 20, 11), scheduleOf(what, 20, 12));
});
