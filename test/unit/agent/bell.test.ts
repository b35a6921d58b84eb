import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Bell } from '../../../src/agent/bell.js';

test('what rings before the wait is not lost', async (t) => {
  const bell = new Bell();
  bell.ring();
  t.true(await bell.wait(new AbortController().signal));
});

test('many rings wake once', async (t) => {
  const bell = new Bell();
  const ended = new AbortController();
  for (let ring = 0; ring < 10; ring += 1) bell.ring();
  t.true(await bell.wait(ended.signal));
  setTimeout(() => ended.abort(), 20);
  t.false(await bell.wait(ended.signal));
});

test('the signal ends a wait', async (t) => {
  const ended = new AbortController();
  setTimeout(() => ended.abort(), 10);
  t.false(await new Bell().wait(ended.signal));
});

test('a later time replaces an earlier one', async (t) => {
  const bell = new Bell();
  bell.ringIn(5);
  bell.ringIn(undefined);
  const ended = new AbortController();
  setTimeout(() => ended.abort(), 50);
  t.false(await bell.wait(ended.signal));

  bell.ringIn(5);
  await sleep(20);
  t.true(await bell.wait(new AbortController().signal));
});
