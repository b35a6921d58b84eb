import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { holder, lock } from '../../../src/agent/lock.js';
import { EncapError } from '../../../src/errors.js';

const folder = (name: string): string => join(tmpdir(), `dp-lock-${process.pid}-${name}`);

test('one agent holds a folder; the next one is told which', async (t) => {
  const run = folder('one');
  const held = await lock(run);
  t.is(await holder(run), process.pid);
  const error = await t.throwsAsync(lock(run), { instanceOf: EncapError });
  t.is(error.code, 'AGENT_RUNNING');
  t.is(error.message, `cannot start: an agent is running (pid ${process.pid})`);
  await held[Symbol.asyncDispose]();
  t.is(await holder(run), undefined);
  await (await lock(run))[Symbol.asyncDispose]();
});

test('agents with folders of their own do not meet', async (t) => {
  await using _one = await lock(folder('a'));
  await using _other = await lock(folder('b'));
  t.pass();
});

/** An agent that holds the lock, and what it does then. */
async function holding(run: string, does: string): Promise<ChildProcess> {
  const module = new URL('../../../src/agent/lock.js', import.meta.url).href;
  const program = `const { lock } = await import('${module}'); await lock(process.argv[1]); process.stdout.write('held'); ${does} setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, run], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

test('an agent that is killed leaves no lock behind', async (t) => {
  const run = folder('killed');
  const child = await holding(run, '');
  t.is(await holder(run), child.pid);
  child.kill('SIGKILL');
  await once(child, 'close');
  await using _held = await lock(run);
  t.is(await holder(run), process.pid);
});

test('an agent that is busy is named as well, if late', async (t) => {
  const run = folder('busy');
  const child = await holding(
    run,
    'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);',
  );
  t.teardown(() => child.kill('SIGKILL'));
  const error = await t.throwsAsync(lock(run), { instanceOf: EncapError });
  t.is(error.message, `cannot start: an agent is running (pid ${child.pid})`);
});
