import test from 'ava';
import fc from 'fast-check';
import { diff } from '../../../src/datapath/diff.js';

const tables = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 3 })))
  .map((entries) => new Map(entries));
const same = (a: number, b: number): boolean => a === b;

test('applying a diff to what is there gives what is wanted', (t) => {
  fc.assert(
    fc.property(tables, tables, (desired, actual) => {
      const { put, remove } = diff(desired, actual, same);
      const applied = new Map(actual);
      for (const [key, value] of put) applied.set(key, value);
      for (const key of remove) applied.delete(key);
      t.deepEqual(inOrder(applied), inOrder(desired));
    }),
  );
});

test('equal tables need no change', (t) => {
  fc.assert(
    fc.property(tables, (table) => {
      const { put, remove } = diff(table, new Map(table), same);
      t.is(put.size + remove.length, 0);
    }),
  );
});

test('an entry that is the same is not written again', (t) => {
  const { put, remove } = diff(
    new Map([
      ['same', 1],
      ['other', 2],
      ['new', 3],
    ]),
    new Map([
      ['same', 1],
      ['other', 1],
      ['gone', 4],
    ]),
    same,
  );
  t.deepEqual(
    [...put],
    [
      ['other', 2],
      ['new', 3],
    ],
  );
  t.deepEqual(remove, ['gone']);
});

function inOrder(table: ReadonlyMap<number, number>): [number, number][] {
  return [...table].sort(([a], [b]) => a - b);
}
