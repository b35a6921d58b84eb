import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { EncapError } from '../../../src/errors.js';
import { changes } from '../../../src/sources/file/changes.js';
import { fileSource, type FileSourceOptions } from '../../../src/sources/file/watch.js';
import type { Reading } from '../../../src/sources/source.js';

function pool(name: string, cidr: string, vxlanMode = 'Always'): string {
  return `apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: ${name}}\nspec:\n  cidr: ${cidr}\n  vxlanMode: ${vxlanMode}\n`;
}

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cal-watch-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A source being read; `next` fails where nothing new comes in time. */
class Reader implements AsyncDisposable {
  readonly #abort = new AbortController();
  readonly #readings: AsyncIterator<Reading>;

  constructor(options: FileSourceOptions) {
    this.#readings = fileSource(options).inventories(this.#abort.signal)[Symbol.asyncIterator]();
  }

  async next(): Promise<Reading> {
    const late = setTimeout(5000, undefined, { ref: false }).then(() => undefined);
    const result = await Promise.race([this.#readings.next(), late]);
    if (result === undefined || result.done === true) throw new Error('no reading came');
    return result.value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    while ((await this.#readings.next()).done !== true);
  }
}

function pools({ inventory }: Reading): string[] | undefined {
  return inventory?.pools.map(({ name, mode }) => `${name} ${mode.when}`);
}

function told({ problems }: Reading): string[] {
  return problems.map(
    ({ severity, line, column, path }) => `${severity} ${line}:${column} ${path}`,
  );
}

test('a file that changes is a new world', async (t) => {
  const file = join(folderOf(t), 'pools.yaml');
  writeFileSync(file, pool('a', '10.1.0.0/16'));
  await using reader = new Reader({ paths: [file] });
  t.deepEqual(pools(await reader.next()), ['a always']);
  writeFileSync(file, pool('a', '10.1.0.0/16', 'CrossSubnet'));
  t.deepEqual(pools(await reader.next()), ['a cross-subnet']);
});

test('a file that is replaced by renaming is a new world', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'pools.yaml');
  writeFileSync(file, pool('a', '10.1.0.0/16'));
  await using reader = new Reader({ paths: [file] });
  await reader.next();
  for (const mode of ['CrossSubnet', 'Never', 'Always']) {
    writeFileSync(join(folder, '.draft'), pool('a', '10.1.0.0/16', mode));
    renameSync(join(folder, '.draft'), file);
    const [found] = pools(await reader.next()) ?? [];
    t.is(found, { CrossSubnet: 'a cross-subnet', Never: 'a never', Always: 'a always' }[mode]);
  }
});

test('a ConfigMap is turned to its next edition by one link', async (t) => {
  const folder = folderOf(t);
  const edition = (name: string, mode: string): void => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'pools.yaml'), pool('a', '10.1.0.0/16', mode));
    symlinkSync(name, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  edition('..1', 'Always');
  symlinkSync('..data/pools.yaml', join(folder, 'pools.yaml'));
  await using reader = new Reader({ paths: [folder] });
  t.deepEqual(pools(await reader.next()), ['a always']);
  edition('..2', 'CrossSubnet');
  rmSync(join(folder, '..1'), { recursive: true });
  t.deepEqual(pools(await reader.next()), ['a cross-subnet']);
  edition('..3', 'Never');
  rmSync(join(folder, '..2'), { recursive: true });
  t.deepEqual(pools(await reader.next()), ['a never']);
});

test('files come and go in a folder', async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'a.yaml'), pool('a', '10.1.0.0/16'));
  await using reader = new Reader({ paths: [folder] });
  await reader.next();
  writeFileSync(join(folder, 'b.yaml'), pool('b', '10.2.0.0/16'));
  t.deepEqual(pools(await reader.next()), ['a always', 'b always']);
  rmSync(join(folder, 'b.yaml'));
  t.deepEqual(pools(await reader.next()), ['a always']);
});

test('a file that cannot be read holds back the whole world, and its repair brings it', async (t) => {
  const folder = folderOf(t);
  const broken = join(folder, 'b.yaml');
  writeFileSync(join(folder, 'a.yaml'), pool('a', '10.1.0.0/16'));
  writeFileSync(broken, pool('b', '10.2.0.0/16'));
  await using reader = new Reader({ paths: [folder] });
  await reader.next();
  writeFileSync(broken, `${pool('b', '10.2.0.0/16')}  natOutgoing: "yes\n`);
  const held = await reader.next();
  t.is(held.inventory, undefined);
  t.deepEqual(told(held), ['error 7:16 ']);
  writeFileSync(broken, '');
  const empty = await reader.next();
  t.is(empty.inventory, undefined);
  t.deepEqual(told(empty), ['error 1:1 ']);
  writeFileSync(broken, pool('b', '10.2.0.0/16', 'Never'));
  const repaired = await reader.next();
  t.deepEqual(pools(repaired), ['a always', 'b never']);
  t.deepEqual(told(repaired), []);
});

test('a refused resource keeps its last good edition, the others go on', async (t) => {
  const file = join(folderOf(t), 'pools.yaml');
  writeFileSync(file, pool('a', '10.1.0.0/16'));
  await using reader = new Reader({ paths: [file] });
  await reader.next();
  writeFileSync(file, `${pool('a', '10.1.0.0/16', 'always')}---\n${pool('b', '10.2.0.0/16')}`);
  const reading = await reader.next();
  t.deepEqual(pools(reading), ['a always', 'b always']);
  t.deepEqual(told(reading), ['error 6:14 spec.vxlanMode']);
});

test('a file that is gone leaves the last world in force until it is back', async (t) => {
  const file = join(folderOf(t), 'pools.yaml');
  writeFileSync(file, pool('a', '10.1.0.0/16'));
  await using reader = new Reader({ paths: [file] });
  await reader.next();
  rmSync(file);
  const lost = await reader.next();
  t.is(lost.inventory, undefined);
  t.regex(lost.problems[0]?.message ?? '', /ENOENT/);
  writeFileSync(file, pool('a', '10.1.0.0/16', 'Never'));
  t.deepEqual(pools(await reader.next()), ['a never']);
});

test('a world that did not change is not told again', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'pools.yaml');
  writeFileSync(file, pool('a', '10.1.0.0/16'));
  await using reader = new Reader({ paths: [folder] });
  await reader.next();
  utimesSync(file, new Date(), new Date());
  await setTimeout(400);
  writeFileSync(file, `# the same\n${pool('a', '10.1.0.0/16')}`);
  await setTimeout(400);
  writeFileSync(file, pool('a', '10.1.0.0/16', 'Never'));
  t.deepEqual(pools(await reader.next()), ['a never']);
});

test('half a file is not read while its writer goes on', async (t) => {
  const file = join(folderOf(t), 'pools.yaml');
  const whole = `${pool('a', '10.1.0.0/16')}---\n${pool('b', '10.2.0.0/16')}`;
  writeFileSync(file, whole);
  await using reader = new Reader({ paths: [file] });
  await reader.next();
  const next = `${pool('a', '10.1.0.0/16')}---\n${pool('b', '10.2.0.0/16', 'Never')}`;
  for (let size = 20; size < next.length; size += 20) {
    writeFileSync(file, next.slice(0, size));
    await setTimeout(20);
  }
  writeFileSync(file, next);
  t.deepEqual(pools(await reader.next()), ['a always', 'b never']);
});

function blockText(cidr: string, node: string): string {
  return `apiVersion: crd.projectcalico.org/v1\nkind: IPAMBlock\nmetadata: {name: ${cidr.replace(/[./]/g, '-')}}\nspec: {cidr: ${cidr}, affinity: 'host:${node}'}\n`;
}

function changedIn({ changed }: Reading): string[] | undefined {
  return changed && [...changed].map(([cidr, block]) => `${cidr} ${String(block?.node)}`);
}

test('of blocks a reading says which changed; of anything else it does not', async (t) => {
  const folder = folderOf(t);
  const replace = (name: string, text: string): void => {
    writeFileSync(join(folder, '.draft'), text);
    renameSync(join(folder, '.draft'), join(folder, name));
  };
  replace('pools.yaml', pool('a', '10.1.0.0/16'));
  replace('x.yaml', blockText('10.1.0.0/26', 'a'));
  replace('y.yaml', blockText('10.1.1.0/26', 'a'));
  await using reader = new Reader({ paths: [folder] });
  t.is(changedIn(await reader.next()), undefined);
  replace('x.yaml', blockText('10.1.0.0/26', 'b'));
  const moved = await reader.next();
  t.deepEqual(changedIn(moved), ['10.1.0.0/26 b']);
  t.deepEqual(
    [...(moved.inventory?.blocks ?? [])].map(({ cidr, node }) => `${cidr} ${String(node)}`).sort(),
    ['10.1.0.0/26 b', '10.1.1.0/26 a'],
  );
  rmSync(join(folder, 'y.yaml'));
  t.deepEqual(changedIn(await reader.next()), ['10.1.1.0/26 undefined']);
  replace('pools.yaml', pool('a', '10.1.0.0/16', 'Never'));
  t.is(changedIn(await reader.next()), undefined);
});

test('a path that was never there is an error of the caller', async (t) => {
  const reader = new Reader({ paths: [join(folderOf(t), 'absent.yaml')] });
  const error = await t.throwsAsync(reader.next(), { instanceOf: EncapError });
  t.is(error.code, 'FILE_UNREADABLE');
});

test('the signal ends the readings, before and after the first', async (t) => {
  const folder = folderOf(t);
  const read = async (signal: AbortSignal): Promise<number> => {
    let count = 0;
    for await (const _ of fileSource({ paths: [folder] }).inventories(signal)) count += 1;
    return count;
  };
  t.is(await read(AbortSignal.abort()), 0);
  t.is(await read(AbortSignal.timeout(500)), 1);
});

test('the signal ends the watch while a file is waited for to be quiet', async (t) => {
  const ended = new AbortController();
  const watch = changes([folderOf(t)], ended.signal);
  const first = await watch.next();
  ended.abort();
  if (first.done !== true) await first.value.quiet();
  const late = setTimeout(5000, 'late', { ref: false });
  t.like(await Promise.race([watch.next(), late]), { done: true });
});

test('what could not be read is looked at again, though nothing tells of it', async (t) => {
  const ended = new AbortController();
  const watch = changes([folderOf(t)], ended.signal);
  t.teardown(() => ended.abort());
  const within = (ms: number): Promise<unknown> =>
    Promise.race([watch.next(), setTimeout(ms, 'nothing', { ref: false })]);
  const first = await watch.next();
  if (first.done !== true) first.value.again();
  t.like(await within(3000), { done: false });
  t.is(await within(1500), 'nothing', 'once only');
});
