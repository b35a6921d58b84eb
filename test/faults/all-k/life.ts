import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Netlink, routeTables } from 'libbpf-ts';
import { pino } from 'pino';
import { down } from '../../../src/agent/down.js';
import { runAgent } from '../../../src/agent/run.js';
import { foldersOf } from '../../../src/datapath/folders.js';
import { failureOf } from '../../../src/cli/failure.js';
import type { NodeName } from '../../../src/model/node.js';
import { fileSource } from '../../../src/sources/file/watch.js';
import { uncounted } from '../../support/failing-calls.js';
import { within } from '../../support/slowness.js';
import { brokenRules, missing } from './rules.js';
import { after, before, type World } from './worlds.js';

/*
 * The life of one agent in a process of its own: start, a changed world, a route that somebody deletes, its end, `down`.
 * Prints what went wrong on the way. node life.js MANIFESTS [again], which begins in the changed world, on what an
 * earlier life has left.
 */
const [manifests = '', part = ''] = process.argv.slice(2);
const folders = foldersOf(process.env);
const problems = new Set<string>();

/** Short, so that a life is: a failed round is tried again within a second as it is. */
const timing = { settle: 1, pulse: 50, readBack: 200, delay: 10, grace: 30 };

class Life {
  readonly #stop = new AbortController();
  readonly #lines: string[] = [];
  readonly ended: Promise<unknown>;
  #isReady = (): void => undefined;
  readonly ready: Promise<'ready'>;

  constructor() {
    this.ready = new Promise((done) => {
      this.#isReady = () => done('ready');
    });
    const write = (line: string): void => {
      this.#lines.push(line.trim());
      if (line.includes('"msg":"ready"')) this.#isReady();
    };
    this.ended = runAgent({
      source: fileSource({ paths: [manifests] }),
      node: 'node-a' as NodeName,
      interface: undefined,
      attach: 'auto',
      once: false,
      dryRun: false,
      folders,
      log: pino({ level: 'info' }, { write }),
      signal: this.#stop.signal,
      timing,
    }).then(
      () => undefined,
      (failure: unknown) => failure,
    );
  }

  async end(): Promise<unknown> {
    this.#stop.abort();
    return Promise.race([this.ended, sleep(within(2000), new Error('does not end within 2 s'))]);
  }

  get said(): string {
    return this.#lines.slice(-6).join('\n');
  }
}

/** An agent that carries traffic; one whose start fails may say so and end, as long as nothing is in force. */
async function begun(): Promise<Life> {
  const life = new Life();
  const first = await Promise.race([life.ready, life.ended]);
  if (first === 'ready') return life;
  complain('the start fails', first);
  if (uncounted(routes) > 0) problems.add('the start ends with a route in force');
  const next = new Life();
  const second = await Promise.race([next.ready, next.ended, sleep(within(30_000), 'late')]);
  if (second !== 'ready') problems.add(`the next start: ${textOf(second)}\n${next.said}`);
  return next;
}

/** Until the kernel is as a world says; looks at every moment whether the rules hold. */
async function becomes(world: World, life: Life, worlds: readonly World[]): Promise<void> {
  let lacks: readonly string[] = [];
  for (const deadline = performance.now() + within(30_000); performance.now() < deadline;) {
    for (const rule of uncounted(() => brokenRules(folders, worlds))) problems.add(rule);
    lacks = uncounted(() => missing(folders, world));
    if (lacks.length === 0) return;
    await sleep(25); // the agent's own turn: it shares this thread
    const ended = await Promise.race([
      life.ended.then((failure) => ({ failure })),
      Promise.resolve(undefined),
    ]);
    if (ended !== undefined) {
      problems.add(`the agent ends: ${textOf(ended.failure)}\n${life.said}`);
      return;
    }
  }
  problems.add(`never becomes ${world.encap}: ${lacks.join('; ')}\n${life.said}`);
}

/** What the user would be told must say what, where and why. */
function complain(what: string, failure: unknown): void {
  if (failureOf(failure).code === 'UNEXPECTED') problems.add(`${what} by ${textOf(failure)}`);
}

function textOf(failure: unknown): string {
  return failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
}

function declare({ resources }: World): void {
  uncounted(() => {
    writeFileSync(`${manifests}.new`, resources.map((one) => JSON.stringify(one)).join('\n---\n'));
    renameSync(`${manifests}.new`, manifests);
  });
}

function routes(): number {
  using netlink = Netlink.open();
  return netlink.routes({ table: routeTables.main, protocol: 147 }).length;
}

/** What somebody with root does. */
function deleteRoute(): void {
  uncounted(() => {
    using netlink = Netlink.open();
    for (const route of netlink.routes({ table: routeTables.main, protocol: 147 }))
      if (route.type === 'unicast') netlink.removeRoute({ ...route, protocol: 147 });
  });
}

async function takenDown(): Promise<void> {
  for (const isLast of [false, true])
    try {
      await down({ folders, dryRun: false });
      break;
    } catch (failure) {
      complain('down fails', failure);
      if (isLast) problems.add(`down fails again: ${textOf(failure)}`);
    }
  uncounted(() => {
    if (routes() > 0 || existsSync(folders.pins) || existsSync(folders.run))
      problems.add('down leaves something');
  });
}

for (const rule of uncounted(() => brokenRules(folders, [before, after]))) problems.add(rule);
if (part !== 'again') declare(before);
const life = await begun();
if (part !== 'again') await becomes(before, life, [before]);
declare(after);
await becomes(after, life, [before, after]);
deleteRoute();
await becomes(after, life, [before, after]);
const failure = await life.end();
if (failure !== undefined) problems.add(`the agent's end: ${textOf(failure)}`);
await takenDown();
process.stdout.write(`${JSON.stringify([...problems])}\n`);
