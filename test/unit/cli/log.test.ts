import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { within } from '../../support/slowness.js';

const chatterbox = fileURLToPath(new URL('../../support/chatterbox.js', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly dropped: number;
}

/** Runs it with this for standard error; gives how it ended. */
async function run(stderr: 'pipe' | number, use: (lines: NodeJS.ReadableStream) => void) {
  const child = spawn(process.execPath, [chatterbox], { stdio: ['ignore', 'pipe', stderr] });
  const timer = setTimeout(() => child.kill('SIGKILL'), within(10_000));
  let said = '';
  child.stdout?.on('data', (data: Buffer) => (said += data.toString()));
  if (child.stderr !== null) use(child.stderr);
  // not `close`: a pipe that nobody reads is never closed
  const code = await new Promise<number | null>((done) => child.once('exit', done));
  await new Promise((done) => setTimeout(done, 50));
  clearTimeout(timer);
  child.stderr?.destroy();
  return { code, ...(JSON.parse(said) as { dropped: number }) } satisfies Ended;
}

test('F32 a reader who does not read holds nobody up: lines are dropped and counted, and the end comes', async (t) => {
  const { code, dropped } = await run('pipe', (lines) => lines.pause());
  t.is(code, 0);
  t.true(dropped > 30_000, `${dropped} dropped`);
});

test('F32 a reader who goes away ends nothing', async (t) => {
  const { code, dropped } = await run('pipe', (lines) => {
    lines.once('data', () => (lines as NodeJS.ReadableStream & { destroy(): void }).destroy());
  });
  t.is(code, 0);
  t.true(dropped > 0);
});

test('F32 a reader who reads gets every line that was not dropped, whole and in order', async (t) => {
  let text = '';
  const { code, dropped } = await run('pipe', (lines) => {
    lines.on('data', (data: Buffer) => (text += data.toString()));
  });
  t.is(code, 0);
  const numbers = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { line: number }).line);
  t.is(numbers.length + dropped, 50_000);
  t.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );
});

test('F32 a full disk costs the lines and nothing else', async (t) => {
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  t.deepEqual(
    await run(full, () => undefined).then(({ code, dropped }) => [code, dropped]),
    [0, 50_000],
  );
});
