import test from 'ava';
import { findings } from '../../../../src/agent/telemetry/checks.js';
import { liveness, readiness, stuckMs } from '../../../../src/agent/telemetry/health.js';
import { Vitals } from '../../../../src/agent/vitals.js';
import type { Round } from '../../../../src/datapath/datapath.js';
import type { Reading } from '../../../../src/sources/source.js';

const source = (...readings: readonly Reading[]) => ({
  name: 'file /x',
  async *inventories() {
    await Promise.resolve();
    yield* readings;
  },
});

async function read(vitals: Vitals, ...readings: readonly Reading[]): Promise<void> {
  const { signal } = new AbortController();
  for await (const _ of vitals.listeningTo(source(...readings)).inventories(signal));
}

const bad: Reading = { inventory: undefined, problems: [] };

test('an agent lives as long as due rounds begin', (t) => {
  t.is(liveness(0).status, 'ok');
  t.is(liveness(stuckMs - 1).status, 'ok');
  t.deepEqual(liveness(stuckMs + 1000), {
    status: 'failing',
    why: ['a round is due for 61 s, and none began'],
  });
});

test('a node is ready once a round went through, and says before why none has', async (t) => {
  const vitals = new Vitals();
  await read(vitals, bad);
  t.deepEqual(readiness(vitals, false), {
    status: 'failing',
    why: ['no round went through yet: file /x gave no whole world'],
  });
  t.throws(() =>
    vitals.run(() => {
      throw new Error('cannot find the uplink');
    }),
  );
  t.deepEqual(readiness(vitals, false).why, ['no round went through yet: cannot find the uplink']);
  vitals.run((enter) => {
    enter('datapath');
    vitals.done({} as Round, undefined);
  });
  t.is(readiness(vitals, true).status, 'ok');
});

test('a node whose programs were taken off is not ready, one whose source is away is', async (t) => {
  const vitals = new Vitals();
  vitals.done({} as Round, undefined);
  t.is(readiness(vitals, false).status, 'failing');
  await read(vitals, bad);
  t.false(vitals.source.isUp);
  t.is(readiness(vitals, true).status, 'ok');
});

test('a source that can be followed no more is down, though its last world is in force', async (t) => {
  const vitals = new Vitals();
  const inventory = {} as Reading['inventory'];
  const fault = { short: 'away', message: 'etcd does not answer', hint: 'wait' };
  await read(vitals, { inventory, problems: [] });
  t.true(vitals.source.isUp);
  const { lastMs } = vitals.source;
  await read(vitals, { inventory, problems: [], faults: [fault] });
  t.false(vitals.source.isUp);
  t.is(vitals.source.lastMs, lastMs, 'nothing was told of the world');
  t.deepEqual(findings(vitals, true).get('source'), ['etcd does not answer']);
  await read(vitals, { inventory, problems: [] });
  t.false(findings(vitals, true).has('source'));
});

test('rounds are told of by how far they came; before the first world there are none', (t) => {
  const vitals = new Vitals();
  const told: unknown[] = [];
  vitals.onRound(({ stage, hasFailed }) => told.push([stage, hasFailed]));
  vitals.run(() => undefined);
  vitals.run((enter) => enter('blocks'));
  t.throws(() =>
    vitals.run((enter) => {
      enter('blocks');
      enter('datapath');
      throw new Error('no memory');
    }),
  );
  t.deepEqual(told, [
    ['blocks', false],
    ['datapath', true],
  ]);
  t.deepEqual(vitals.errors, { decide: 0, blocks: 0, datapath: 1 });
  t.is(vitals.failure, 'no memory');
  vitals.run((enter) => enter('blocks'));
  t.is(vitals.failure, undefined);
});
