import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { decode, open, struct, u32 } from '../lib/index.js';
import type { BpfObject } from '../lib/index.js';
import { fixture } from './support/compile.js';
import { kernelTest } from './support/kernel.js';

const event = struct('event', { mark: u32, length: u32 });
const frame = new Uint8Array(64);

kernelTest(
  'records come in order, those from before and those that come while one waits',
  async (t) => {
    using object = loaded();
    report(object, 1);
    report(object, 2);
    setTimeout(() => report(object, 3), 20);
    const marks: number[] = [];
    for await (const record of object.map('events').records()) {
      marks.push(decode(event, record).mark);
      if (marks.length === 3) break;
    }
    t.deepEqual(marks, [1, 2, 3]);
  },
);

kernelTest('a full ring buffer loses new records, not old ones, and goes on after', async (t) => {
  using object = loaded();
  let kept = 0;
  while (report(object, kept) === 0) kept++;
  t.true(kept > 100, `${kept} records`);
  const records = object.map('events').records()[Symbol.asyncIterator]();
  for (let mark = 0; mark < kept; mark++) {
    t.is(await markOf(records), mark);
  }
  t.is(report(object, 77), 0);
  t.is(await markOf(records), 77);
  await records.return?.();
});

kernelTest('the signal ends a wait, quietly; one that fired already ends it at once', async (t) => {
  using object = loaded();
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  const seen: Uint8Array[] = [];
  for await (const record of object.map('events').records(controller.signal)) seen.push(record);
  for await (const record of object.map('events').records(controller.signal)) seen.push(record);
  t.deepEqual(seen, []);
});

kernelTest(
  'return() answers a next() that waits, and closing the map does not end the reader',
  async (t) => {
    const object = loaded();
    const iterator = object.map('events').records()[Symbol.asyncIterator]();
    const waiting = iterator.next();
    object[Symbol.dispose]();
    await iterator.return?.();
    t.deepEqual(await waiting, { done: true, value: undefined });
    t.deepEqual(await iterator.next(), { done: true, value: undefined });
  },
);

kernelTest('an aborted or forgotten reader does not keep the process alive', async (t) => {
  const script = `
    const { open } = await import(${JSON.stringify(new URL('../lib/index.js', import.meta.url).href)});
    const object = open(${JSON.stringify(fixture('events'))}).load();
    const controller = new AbortController();
    const aborted = object.map('events').records(controller.signal)[Symbol.asyncIterator]();
    const pending = aborted.next();
    controller.abort();
    await pending;
    const forgotten = object.map('events').records()[Symbol.asyncIterator]();
    object.program('report').run(new Uint8Array(64));
    await forgotten.next();
    console.log('done');`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', script],
    { timeout: 20_000 },
  );
  t.is(stdout, 'done\n');
});

kernelTest('only ring buffers have records', (t) => {
  using object = open(fixture('counter')).load();
  t.throws(() => object.map('by_mark').records(), {
    instanceOf: TypeError,
    message: 'by_mark is a map of type hash, not a ring buffer',
  });
});

kernelTest(
  'worker threads load the addon, read maps, and are ended while they wait for records',
  async (t) => {
    const script = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(new URL('../lib/index.js', import.meta.url).href)}).then(async ({ open, BpfError }) => {
      const object = open(${JSON.stringify(fixture('events'))}).load();
      object.program('report').run(new Uint8Array(64));
      let refused = false;
      try { open('/nonexistent'); } catch (error) { refused = error instanceof BpfError; }
      for await (const record of object.map('events').records())
        parentPort.postMessage({ length: record.length, refused });
    });`;
    const workers = Array.from({ length: 4 }, () => new Worker(script, { eval: true }));
    const answers = await Promise.all(
      workers.map(
        (worker) =>
          new Promise((resolve, reject) => {
            worker.once('message', resolve);
            worker.once('error', reject);
          }),
      ),
    );
    t.deepEqual(answers, Array(4).fill({ length: 8, refused: true }));
    t.deepEqual(await Promise.all(workers.map((worker) => worker.terminate())), [1, 1, 1, 1]);
  },
);

function loaded(): BpfObject {
  return open(fixture('events')).load();
}

/** 0: there was room for the record. */
function report(object: BpfObject, mark: number): number {
  return object.program('report').run(frame, { context: { mark } }).returnValue;
}

async function markOf(records: AsyncIterator<Uint8Array, unknown>): Promise<number | undefined> {
  const { value } = await records.next();
  return value instanceof Uint8Array ? decode(event, value).mark : undefined;
}
