import test from 'ava';
import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import { Feed } from '../../../src/sources/feed.js';
import { Ledger } from '../../../src/sources/ledger.js';
import type { Reading } from '../../../src/sources/source.js';
import { block, node, pool } from '../model/written.js';

/** A cluster of so many blocks, nodes and pools. */
function cluster(blocks: number, nodes = 3, pools = 1): Map<string, unknown> {
  const count = (length: number): number[] => Array.from({ length }, (_, index) => index);
  return new Map<string, unknown>([
    ...count(pools).map((place): [string, unknown] => [
      `pools/${place}`,
      pool({ cidr: `10.${place}.0.0/16`, vxlanMode: 'Always' }, `p${place}`),
    ]),
    ...count(nodes).map((place): [string, unknown] => [
      `nodes/${place}`,
      node({ bgp: { ipv4Address: `172.16.${place >> 7}.${(place & 127) + 1}/16` } }, `n${place}`),
    ]),
    ...count(blocks).map((place): [string, unknown] => [
      blockAt(place),
      block(`10.0.${place >> 2}.${(place & 3) * 64}/26`, { affinity: 'host:n0' }),
    ]),
  ]);
}

function blockAt(place: number): string {
  return `10-0-${place >> 2}-${(place & 3) * 64}-26`;
}

function listed(ledger: Ledger, resources: ReadonlyMap<string, unknown>): Reading {
  const list = ledger.list();
  for (const [key, resource] of resources) list.add(key, resource);
  return ledger.whole(list);
}

function blocksOf({ inventory }: Reading): number {
  return [...(inventory?.blocks ?? [])].length;
}

const rows: readonly (readonly [
  title: string,
  before: Map<string, unknown>,
  after: Map<string, unknown>,
  words: string | undefined,
])[] = [
  ['21 blocks of 40', cluster(40), cluster(19), '21 of 40 blocks'],
  ['half of the blocks', cluster(40), cluster(20), undefined],
  ['10 blocks of 10', cluster(10), cluster(0), undefined],
  ['11 blocks of 11', cluster(11), cluster(0), '11 of 11 blocks'],
  ['all nodes', cluster(4, 2), cluster(4, 0), '2 of 2 nodes'],
  ['11 nodes of 20', cluster(4, 20), cluster(4, 9), '11 of 20 nodes'],
  ['all but one of 8 nodes', cluster(4, 8), cluster(4, 1), undefined],
  ['the only pool', cluster(4), cluster(4, 3, 0), '1 of 1 pools'],
  ['one pool of two', cluster(4, 3, 2), cluster(4, 3, 1), undefined],
  ['everything', cluster(30), new Map(), '1 of 1 pools, 3 of 3 nodes, 30 of 30 blocks'],
];

for (const [title, before, after, words] of rows)
  test(`a list without ${title} is ${words === undefined ? 'taken' : 'held back'}`, (t) => {
    const ledger = new Ledger({ now: () => 0, environment: { NO_DEFAULT_POOLS: 'true' } });
    listed(ledger, before);
    const { faults } = listed(ledger, after);
    t.deepEqual(
      faults?.map(({ message }) => message),
      words === undefined
        ? []
        : [`the datastore’s new list lacks ${words}: the last world stays in force`],
    );
  });

test('a list that lacks most blocks counts when it has been so for a minute, and not a moment before', (t) => {
  let nowMs = 5;
  const ledger = new Ledger({ now: () => nowMs });
  listed(ledger, cluster(40));
  t.is(blocksOf(listed(ledger, cluster(5))), 40);
  nowMs += 30_000;
  // Another list in between does not start the minute anew.
  t.is(blocksOf(listed(ledger, cluster(6))), 40);
  t.is(ledger.heldForMs, 30_000);
  nowMs += 29_999;
  t.is(ledger.release(), undefined);
  nowMs += 1;
  const reading = ledger.release();
  t.is(reading && blocksOf(reading), 6);
  t.deepEqual(reading?.faults, []);
  t.is(ledger.heldForMs, undefined);
});

test('while a list is held back, changes are made to it: it is taken as soon as enough is there again', (t) => {
  const whole = cluster(40);
  fc.assert(
    fc.property(fc.shuffledSubarray([...whole].slice(-40), { minLength: 40 }), (order) => {
      const ledger = new Ledger({ now: () => 0 });
      listed(ledger, whole);
      t.is(blocksOf(listed(ledger, cluster(0))), 40);
      let there = 0;
      const told = new Set<string>();
      for (const [key, resource] of order) {
        const reading = ledger.change(new Map([[key, resource]]));
        there += 1;
        t.is(blocksOf(reading), there < 20 ? 40 : there);
        t.is(reading.faults?.length, there < 20 ? 1 : 0);
        for (const { message } of reading.faults ?? []) told.add(message);
      }
      t.is(told.size, 1);
    }),
    { numRuns: 10 },
  );
});

test('single changes are never held back', (t) => {
  const ledger = new Ledger();
  listed(ledger, cluster(40));
  for (let place = 39; place > 0; place -= 1)
    t.is(blocksOf(ledger.change(new Map([[blockAt(place), undefined]]))), place);
});

test('a feed tells each world once, faults beside it, and lets go of a list by itself', async (t) => {
  const ledger = new Ledger({ holdMs: 150 });
  const feed = new Feed(ledger);
  const ended = new AbortController();
  const told: string[] = [];
  const all = (async () => {
    for await (const reading of feed.readings(ended.signal))
      told.push(
        [
          reading.inventory === undefined ? 'no world' : `${blocksOf(reading)} blocks`,
          ...(reading.faults ?? []).map(({ short }) => short),
        ].join(', '),
      );
  })();
  const tell = async (say: () => void): Promise<void> => {
    say();
    await sleep(10);
  };
  const list = (blocks: number) => () => {
    const one = ledger.list();
    for (const [key, resource] of cluster(blocks)) one.add(key, resource);
    feed.whole(one);
  };
  const fault = { short: 'cut off', message: 'm', hint: 'h' };
  await tell(() => feed.change(blockAt(0), block('10.0.0.0/26')));
  await tell(() => feed.fault(fault));
  await tell(() => feed.fault(fault));
  await tell(() => feed.fault(undefined));
  await tell(list(40));
  await tell(list(40));
  await tell(() => feed.fault(fault));
  await tell(() => feed.change(blockAt(39), undefined));
  await tell(() => feed.fault(undefined));
  await tell(list(3));
  await sleep(250);
  ended.abort();
  await all;
  t.deepEqual(told, [
    'no world, cut off',
    'no world',
    '40 blocks',
    '40 blocks, cut off',
    '39 blocks, cut off',
    '39 blocks',
    '39 blocks, a list held back',
    '3 blocks',
  ]);
});

test('a failure ends the readings', async (t) => {
  const feed = new Feed(new Ledger());
  feed.fail(new Error('wrong password file'));
  await t.throwsAsync(
    async () => {
      for await (const reading of feed.readings(new AbortController().signal)) t.log(reading);
    },
    { message: 'wrong password file' },
  );
});
