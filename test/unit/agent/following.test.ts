import test from 'ava';
import { pino } from 'pino';
import { Following } from '../../../src/agent/following.js';
import { EncapError } from '../../../src/errors.js';
import type { Reading, Source } from '../../../src/sources/source.js';

const silent = pino({ level: 'silent' });
const reading: Reading = { inventory: undefined, problems: [] };
const invalid = new EncapError('cannot read: nonsense', { code: 'CONFIG_INVALID' });

/** Each time it is begun it does the next of these: gives a reading and waits, or fails. */
function sourceOf(...times: readonly ('reads' | 'fails')[]): Source & { begun: () => number } {
  let begun = 0;
  return {
    name: 'test',
    begun: () => begun,
    async *inventories(signal) {
      begun += 1;
      if (times[begun - 1] === 'fails') throw invalid;
      yield reading;
      if (!signal.aborted)
        await new Promise((done) => signal.addEventListener('abort', done, { once: true }));
    },
  };
}

test('told to, it begins anew, and says when everything was read again', async (t) => {
  const source = sourceOf('reads', 'reads');
  const following = new Following(source, silent);
  const ended = new AbortController();
  let [taken, tried] = [0, 0];
  await following.run(
    () => {
      taken += 1;
      if (taken === 1) following.again();
    },
    {
      signal: ended.signal,
      tried: () => {
        tried += 1;
        ended.abort();
      },
    },
  );
  t.deepEqual([taken, tried, source.begun()], [2, 1, 2]);
});

test('what can’t be read at the start ends it; later it is tried again until it can', async (t) => {
  const signal = new AbortController().signal;
  const atStart = new Following(sourceOf('fails'), silent);
  await t.throwsAsync(
    atStart.run(() => undefined, { signal, tried: () => undefined }),
    { is: invalid },
  );

  const source = sourceOf('reads', 'fails', 'fails', 'reads');
  const later = new Following(source, silent);
  const ended = new AbortController();
  let [taken, tried] = [0, 0];
  await later.run(
    () => {
      taken += 1;
      if (taken === 1) later.again();
    },
    {
      signal: ended.signal,
      tried: () => {
        tried += 1;
        if (taken === 2) ended.abort();
      },
    },
  );
  t.deepEqual([taken, tried, source.begun()], [2, 3, 4]);
});

test('a failure that is none of a source’s ends it even when it begins anew', async (t) => {
  let begun = 0;
  const following: Following = new Following(
    {
      name: 'test',
      async *inventories() {
        begun += 1;
        await Promise.resolve();
        if (begun === 2) throw new TypeError('a bug');
        yield reading;
        following.again();
      },
    },
    silent,
  );
  const signal = new AbortController().signal;
  await t.throwsAsync(
    following.run(() => undefined, { signal, tried: () => undefined }),
    { instanceOf: TypeError },
  );
});
