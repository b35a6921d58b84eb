import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext, TestFn } from 'ava';
import { execa } from 'execa';
import { encap, nodeEnvironment } from '../../src/lab/agent.js';
import { down } from '../../src/lab/down.js';
import { endpoint } from '../../src/lab/endpoint.js';
import { inside, runInside, type Outcome } from '../../src/lab/namespace.js';
import { type PresetName } from '../../src/lab/presets.js';
import { untilSaid } from '../../src/lab/said.js';
import { labNames, namespaceOf, type Lab } from '../../src/lab/state.js';
import { up, type UpOptions } from '../../src/lab/up.js';
import { within } from './slowness.js';

/** A lab of a test's own, removed whatever becomes of the test. */
export async function labOf(
  t: ExecutionContext,
  preset: PresetName,
  options: UpOptions & { readonly name: string },
): Promise<Lab> {
  const own = forTests(options);
  t.teardown(() => (labNames().includes(own.name) ? down(own.name) : undefined));
  return up(preset, own);
}

/** A name of this process' own: what a run that was killed left behind is not in the way of the next. */
function forTests(options: UpOptions & { readonly name: string }) {
  return {
    ...options,
    name: `${options.name}-${process.pid}`,
    patienceMs: within(20_000),
  };
}

/**
 * One lab for all tests of a file, built when the first of them asks (so a test that is skipped builds
 * none) and removed after the last.
 */
export function sharedLab(
  test: TestFn,
  preset: PresetName,
  options: UpOptions & { readonly name: string },
): () => Promise<Lab> {
  const own = forTests(options);
  let built: Promise<Lab> | undefined;
  test.after.always(async () => {
    if (labNames().includes(own.name)) await down(own.name);
  });
  return () => (built ??= up(preset, own));
}

/** Runs a command on a node or in a workload, to its end. */
export async function on(lab: Lab, where: string, ...command: readonly string[]): Promise<Outcome> {
  return runInside(endpoint(lab, where).namespace, command);
}

/** Runs a command that has to succeed; gives back what it said. */
export async function ran(lab: Lab, where: string, ...command: readonly string[]): Promise<string> {
  const { failed, stdout, stderr } = await on(lab, where, ...command);
  if (failed) throw new Error(`${where}: ${command.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

/** A verb of transfer.ts at work. An object around the promise: `await` on it would wait for the end. */
export interface Transfer {
  /** The document that it ends with. */
  readonly result: () => Promise<unknown>;
  readonly kill: () => void;
}

/** Starts one verb of transfer.ts where its traffic begins or ends. */
export function transfer(
  lab: Lab,
  where: string,
  ...words: readonly (string | number)[]
): Transfer & { readonly said: Readable } {
  const [file, ...args] = inside(endpoint(lab, where).namespace, [
    process.execPath,
    fileURLToPath(new URL('transfer.js', import.meta.url)),
    ...words.map(String),
  ]);
  const running = execa(file, args, { reject: false, timeout: within(120_000) });
  return {
    said: running.stdout,
    kill: () => running.kill('SIGKILL'),
    result: async () => {
      const { stdout, stderr } = await running;
      const last = stdout.trimEnd().split('\n').at(-1) ?? '';
      if (!last.startsWith('{'))
        throw new Error(`${where}: ${words.join(' ')}: ${stdout}${stderr}`);
      return JSON.parse(last) as unknown;
    },
  };
}

/** A receiving verb of transfer.ts, when it listens. */
export async function listening(
  lab: Lab,
  where: string,
  ...words: readonly (string | number)[]
): Promise<Transfer> {
  const started = transfer(lab, where, ...words);
  if (!(await untilSaid(started.said, 'listening')))
    throw new Error(`${where}: ${words.join(' ')} does not listen`);
  return started;
}

/** What a node's own `encap … -o json` says. */
export async function encapJson(
  lab: Lab,
  node: string,
  ...words: readonly string[]
): Promise<unknown> {
  const said = await runInside(namespaceOf(lab.name, node), encap(...words, '-o', 'json'), {
    env: nodeEnvironment(lab.name, node),
  });
  if (said.stdout === '') throw new Error(`${node}: encap ${words.join(' ')}: ${said.stderr}`);
  return JSON.parse(said.stdout) as unknown;
}
