import test from 'ava';
import { Backoff } from '../../../src/sources/backoff.js';

test('waits double, up to half a minute, and begin anew after a success', (t) => {
  const backoff = new Backoff(() => 1);
  const waits = Array.from({ length: 10 }, () => backoff.nextMs());
  t.deepEqual(waits.slice(0, 4), [200, 400, 800, 1600]);
  t.is(waits[9], 30_000);
  backoff.reset();
  t.is(backoff.nextMs(), 200);
});

test('the nodes of a cluster do not all try again at the same moment', (t) => {
  t.is(new Backoff(() => 0).nextMs(), 100);
  t.is(new Backoff(() => 0.5).nextMs(), 150);
});
