import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Inventory } from '../../../src/model/inventory.js';
import { fileSource } from '../../../src/sources/file/watch.js';
import type { Reading } from '../../../src/sources/source.js';
import { essenceOf } from '../../support/essence.js';
import { within } from '../../support/slowness.js';

const examples = resolve(import.meta.dirname, '../../../../examples/broken');

const good = {
  IPPool: `apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: a }
spec:
  cidr: 10.77.0.0/16
  vxlanMode: Always
`,
  NodeConfig: 'apiVersion: encap/v1\nkind: NodeConfig\nouterTtl: 7\n',
  FelixConfiguration: `apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: { name: default }
spec: { vxlanVNI: 77 }
`,
} as const;

/** Felix works with these, whatever Calico's API says of them, or nothing is wrong with them: they count. */
const tolerated: readonly string[] = [
  'bad-name.yaml',
  'bad-selector.yaml',
  'both-modes.yaml',
  'byte-order-mark.yaml',
  'cidr-host-bits.yaml',
  'foreign-kind.yaml',
  'misspelt-field.yaml',
  'node-bad-address.yaml',
  'only-comments.yaml',
  'overlap.yaml',
  'same-name-twice.yaml',
  'windows-lines.yaml',
  'wrong-block-size.yaml',
];

interface Scene {
  readonly folder: string;
  /** The file that is spoiled. */
  readonly file: string;
  /** Puts something into its place at once, as people should. */
  readonly replace: (bytes: string | Buffer) => void;
}

/** A bad file, and how it comes to its place. */
interface Row {
  readonly name: string;
  readonly kind?: keyof typeof good;
  readonly ending?: string;
  readonly spoil: (scene: Scene) => void;
}

class Watched implements AsyncDisposable {
  readonly readings: Reading[] = [];
  readonly #ended = new AbortController();
  readonly #reading: Promise<void>;

  constructor(folder: string) {
    this.#reading = this.#read(fileSource({ paths: [folder] }).inventories(this.#ended.signal));
  }

  /** What an agent would have in force. */
  get inForce(): Inventory | undefined {
    return this.readings.findLast(({ inventory }) => inventory !== undefined)?.inventory;
  }

  async until(what: string, is: (reading: Reading) => boolean, from: number): Promise<Reading> {
    const end = performance.now() + within(20_000);
    for (;;) {
      const found = this.readings.slice(from).find(is);
      if (found !== undefined) return found;
      if (performance.now() > end)
        throw new Error(`never ${what}: ${this.readings.length} readings`);
      await sleep(10);
    }
  }

  async #read(readings: AsyncIterable<Reading>): Promise<void> {
    for await (const reading of readings) this.readings.push(reading);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#reading;
  }
}

const took: number[] = [];

const stays = test.macro({
  title: (_, { name }: Row) =>
    `F11 ${name}: file, line and column are named, what was in force stays, and the next good edition counts`,
  exec: async (t: ExecutionContext, { kind = 'IPPool', ending = 'yaml', spoil }: Row) => {
    const folder = mkdtempSync(join(tmpdir(), 'bad-file-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, `b.${ending}`);
    const other = good.IPPool.replace('name: a', 'name: other').replace('10.77', '10.99');
    writeFileSync(join(folder, 'a.yaml'), other);
    writeFileSync(file, good[kind]);
    const replace = (bytes: string | Buffer): void => {
      writeFileSync(join(folder, '.draft'), bytes);
      rmSync(file, { recursive: true, force: true });
      renameSync(join(folder, '.draft'), file);
    };
    await using watched = new Watched(folder);
    await watched.until('read', ({ inventory }) => inventory !== undefined, 0);
    const before = essenceOf(watched.inForce as Inventory);

    spoil({ folder, file, replace });
    const hasError = ({ problems }: Reading): boolean =>
      problems.some((problem) => problem.severity === 'error');
    const bad = await watched.until('refused', hasError, 1);
    const [problem] = bad.problems.filter(({ severity }) => severity === 'error');
    t.is(problem?.file, file);
    t.true((problem?.line ?? 0) >= 1 && (problem?.column ?? 0) >= 1);
    t.true((problem?.message ?? '').length > 10);
    t.notRegex(problem?.message ?? '', /\n {4}at |undefined|\[object/);
    t.deepEqual(essenceOf(watched.inForce as Inventory), before);

    const there = watched.readings.length;
    const began = performance.now();
    replace(good[kind].replace('10.77', '10.78').replace(/: 77?\b(?! *\d)/, ': 78'));
    const isRight = ({ inventory, problems }: Reading): boolean =>
      inventory !== undefined && problems.length === 0;
    await watched.until('right again', isRight, there);
    took.push(performance.now() - began);
    t.notDeepEqual(essenceOf(watched.inForce as Inventory), before);
  },
});

test.after('how long a good edition took to count', (t) => {
  const worst = Math.max(...took);
  t.log(`${took.length} kinds; at most ${Math.round(worst)} ms`);
  t.true(took.length >= 40);
});

for (const name of readdirSync(examples).filter((one) => !one.startsWith('.'))) {
  if (tolerated.includes(name)) continue;
  const bytes = readFileSync(join(examples, name));
  const [, kind] = /kind: (NodeConfig|FelixConfiguration)/.exec(bytes.toString()) ?? [];
  const of = kind === undefined ? {} : { kind: kind as keyof typeof good };
  const spoil = ({ replace }: Scene): void => replace(bytes);
  test(stays, { name, ...of, ending: name.split('.').at(-1) ?? '', spoil });
}

test(stays, {
  name: '100 MB of zeros',
  spoil: ({ replace, file }) => {
    replace('');
    truncateSync(file, 100 * 1024 * 1024);
  },
});
test(stays, {
  name: '100 MB of pools',
  spoil: ({ replace }) =>
    replace(`${good.IPPool}---\n`.repeat(Math.ceil((100 << 20) / good.IPPool.length))),
});
test(stays, {
  name: 'a pipe in the place of the file',
  spoil: ({ file }) => {
    rmSync(file);
    execFileSync('mkfifo', [file]);
  },
});
test(stays, {
  name: 'a device in the place of the file',
  spoil: ({ file }) => {
    rmSync(file);
    symlinkSync('/dev/zero', file);
  },
});
test(stays, {
  name: 'a file that is written in two pieces and never ended',
  spoil: ({ file }) => {
    const descriptor = openSync(file, 'w');
    writeSync(descriptor, good.IPPool.slice(0, 40));
    writeSync(descriptor, 'metadata: {na');
    closeSync(descriptor);
  },
});
for (const kept of [20, 50, 75])
  test(stays, {
    name: `the first ${kept} bytes of a file`,
    spoil: ({ replace }) => replace(good.IPPool.slice(0, kept)),
  });
test(stays, {
  name: 'random bytes',
  spoil: ({ replace }) =>
    replace(Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) & 255))),
});
test(stays, {
  name: 'a map nested 100,000 levels deep',
  spoil: ({ replace }) => replace('{a: '.repeat(100_000)),
});
test(stays, {
  name: 'a key of a megabyte',
  spoil: ({ replace }) => replace(`${'k'.repeat(1 << 20)}: 1\n`),
});
test(stays, {
  name: 'a loop of symbolic links',
  spoil: ({ file }) => {
    rmSync(file);
    symlinkSync('b.yaml', file);
  },
});
