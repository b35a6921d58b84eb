import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { EncapError } from '../../../src/errors.js';
import { validate } from '../../../src/model/validate.js';
import { readConfig } from '../../../src/sources/file/config.js';
import { parse } from '../../../src/sources/file/parse.js';
import { readResources, type ReadOptions } from '../../../src/sources/file/read.js';

function folderOf(t: ExecutionContext, files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'cal-read-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const files = {
  'b.yaml': 'kind: B\n',
  'a.yml': 'kind: A\n---\nkind: A2\n',
  'c.json': '{"kind": "C"}',
  'notes.txt': 'kind: none',
  '.hidden.yaml': 'kind: hidden',
  'deeper/d.yaml': 'kind: D\n',
};

const kindsIn = async (paths: readonly string[], options?: ReadOptions): Promise<unknown[]> => {
  const { documents } = await readResources(paths, options);
  return documents.map(({ value }) => (value as { kind: unknown }).kind);
};

test('files of a folder are read in the order of their names, hidden ones and others are not', async (t) => {
  t.deepEqual(await kindsIn([folderOf(t, files)]), ['A', 'A2', 'B', 'C']);
});

test('folders in folders are read when asked for', async (t) => {
  t.deepEqual(await kindsIn([folderOf(t, files)], { recursive: true }), ['A', 'A2', 'B', 'C', 'D']);
});

test('a file named twice is read once, in the order given', async (t) => {
  const folder = folderOf(t, files);
  t.deepEqual(await kindsIn([`${folder}/c.json`, folder]), ['C', 'A', 'A2', 'B']);
});

test('- is standard input', async (t) => {
  const stdin = (async function* () {
    yield await Promise.resolve(Buffer.from('kind: '));
    yield Buffer.from('FromPipe\n');
  })();
  t.deepEqual(await kindsIn(['-'], { stdin }), ['FromPipe']);
});

test('a folder without resources is a warning', async (t) => {
  const { problems } = await readResources([folderOf(t)]);
  t.deepEqual(
    problems.map(({ severity, message }) => [severity, message]),
    [['warning', 'the folder is empty']],
  );
});

test('a path that is not there is an error with its name', async (t) => {
  const error = await t.throwsAsync(readResources(['/nowhere/pools.yaml']), {
    instanceOf: EncapError,
  });
  t.is(error.code, 'FILE_UNREADABLE');
  t.is(error.message, 'cannot read /nowhere/pools.yaml: ENOENT: there is no such file or folder');
});

test('an endless file ends at 16 MiB', async (t) => {
  const { problems } = await readResources(['/dev/zero']);
  t.deepEqual(
    problems.map(({ message }) => message),
    ['larger than 16 MiB: split it into several files'],
  );
});

const bomb = test.macro<[string, RegExp]>((t, text, message) => {
  const { documents, problems } = parse('x.yaml', Buffer.from(text));
  t.deepEqual(documents, []);
  t.is(problems.length, 1);
  t.regex(problems[0]?.message ?? '', message);
});

test(
  'a million brackets are not followed',
  bomb,
  '['.repeat(1_000_000),
  /nested more than 64 levels/,
);
test(
  'a million dashes are not followed',
  bomb,
  '- '.repeat(1_000_000),
  /nested more than 64 levels/,
);
test(
  'a map in a map in a map is followed so far',
  bomb,
  Array.from({ length: 200 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join(''),
  /nested more than 64 levels/,
);
test(
  'aliases of aliases are not written out',
  bomb,
  `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map(
      (name, index) =>
        `${name}: &${name} [${Array(10)
          .fill(`*${'abcdefgh'.charAt(index)}`)
          .join(',')}]\n`,
    )
    .join('')}`,
  /more than 100 aliases/,
);
test('a key of an object is no way to its prototype', (t) => {
  const { documents } = parse(
    'x.json',
    Buffer.from('{"kind": "IPPool", "__proto__": {"polluted": true}}'),
  );
  validate({ files: [], documents, problems: [] });
  t.is(({} as Record<string, unknown>)['polluted'], undefined);
});

test('a few aliases are as good as the values', (t) => {
  const { documents } = parse('x.yaml', Buffer.from('a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\n'));
  t.deepEqual(documents[0]?.value, { a: { x: 1 }, b: { x: 1 }, c: { x: 1, y: 2 } });
});

test("YAML 1.1's words for booleans are booleans, as kubectl has it; names in quotes stay names", (t) => {
  const { documents } = parse('x.yaml', Buffer.from('a: yes\nb: Off\nc: "no"\nd: True\n'));
  t.deepEqual(documents[0]?.value, { a: true, b: false, c: 'no', d: true });
});

test('JSON and YAML of one resource are read alike, places and all', (t) => {
  const text =
    '{"apiVersion": "projectcalico.org/v3", "kind": "IPPool",\n "metadata": {"name": "a"},\n "spec": {"cidr": "10.0.0.7/24"}}';
  const asJson = validate(parse('x', Buffer.from(text)));
  const asYaml = validate(parse('x', Buffer.from(`# a comment makes it YAML\n${text}`)));
  t.deepEqual(
    asJson.map(({ line, column, path }) => [line, column, path]),
    [[3, 19, 'spec.cidr']],
  );
  t.deepEqual(
    asYaml.map(({ line, column, path }) => [line, column, path]),
    [[4, 19, 'spec.cidr']],
  );
});

test('items of a typed list without kinds have the kind of the list', (t) => {
  const list = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPoolList',
    items: [{ metadata: { name: 'a' }, spec: { cidr: '10.0.0.7/24' } }],
  };
  const problems = validate(parse('x.json', Buffer.from(JSON.stringify(list))));
  t.deepEqual(
    problems.map(({ path }) => path),
    ['items[0].spec.cidr'],
  );
});

const refusesConfig = test.macro<[(file: string) => void, RegExp]>(async (t, spoil, message) => {
  const file = join(
    folderOf(t, { 'config.yaml': 'apiVersion: encap/v1\nkind: NodeConfig\n' }),
    'config.yaml',
  );
  t.is((await readConfig(file)).documents.length, 1);
  spoil(file);
  const error = await t.throwsAsync(readConfig(file), { instanceOf: EncapError });
  t.regex(error.message, message);
  t.truthy(error.hint);
});

test(
  'F49 a configuration that others may write is refused',
  refusesConfig,
  (file) => chmodSync(file, 0o666),
  /EMODE: others may write it/,
);
test(
  'F49 a configuration that its group may write is refused',
  refusesConfig,
  (file) => chmodSync(file, 0o664),
  /EMODE/,
);
test(
  'F49 a configuration that became a link is refused',
  refusesConfig,
  (file) => {
    rmSync(file);
    symlinkSync('/etc/passwd', file);
  },
  /ELOOP: it is a symbolic link/,
);
test(
  'F49 a configuration that became a folder is refused',
  refusesConfig,
  (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  /ENOTFILE/,
);
test('a configuration that is gone is refused', refusesConfig, (file) => rmSync(file), /ENOENT/);

test("F49 someone else's configuration is refused", async (t) => {
  if (process.getuid?.() !== 0) {
    t.log('skipped: only root can give a file away');
    t.pass();
    return;
  }
  const file = join(folderOf(t, { 'config.yaml': 'kind: NodeConfig\n' }), 'config.yaml');
  chownSync(file, 65534, 65534);
  await t.throwsAsync(readConfig(file), { message: /EOWNER/ });
});
