import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findClang } from '../../../src/datapath/clang.js';
import { compile } from '../../../src/datapath/compile.js';
import { hashBytes, hashSources } from '../../../src/datapath/sources.js';
import { EncapError } from '../../../src/errors.js';

const source = `
typedef unsigned int u32;
struct __sk_buff;
int encapd_egress(struct __sk_buff *skb) { (void)skb; return -1; }
`;

function scratch(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'dp-compile-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function withSource(
  t: ExecutionContext,
  text = source,
  where: 'checkout' | 'package' = 'checkout',
): { folder: string; cache: string; prebuilt: string } {
  const root = scratch(t);
  const folder = join(root, 'bpf');
  mkdirSync(folder);
  writeFileSync(join(folder, 'encapd.bpf.c'), text);
  if (where === 'checkout') writeFileSync(join(root, 'tsconfig.json'), '{}');
  return { folder, cache: join(root, 'cache'), prebuilt: join(root, 'prebuilt') };
}

/** A folder with programs that answer --version like clang does. */
function compilers(t: ExecutionContext, versions: Readonly<Record<string, string>>): string {
  const folder = scratch(t);
  for (const [name, version] of Object.entries(versions)) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho '${version}'\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

function machineHasClang(t: ExecutionContext): boolean {
  const compiler = findClang(process.env['PATH'] ?? '');
  if (compiler.kind === 'found') return true;
  t.log(`skipped: ${compiler.why}`);
  t.pass();
  return false;
}

const finds = test.macro({
  title: (_, versions: Readonly<Record<string, string>>, expected: string) =>
    `of ${Object.keys(versions).join(', ') || 'nothing'} (${Object.values(versions).join(', ')}) the loader takes: ${expected}`,
  exec: (t, versions: Readonly<Record<string, string>>, expected: string) => {
    const compiler = findClang(compilers(t, versions));
    t.is(
      compiler.kind === 'found'
        ? compiler.file.replace(/.*\//, '')
        : compiler.why.replace(/\/\S*\//g, ''),
      expected,
    );
  },
});

test(
  finds,
  { clang: 'Debian clang version 19.1.7', 'clang-14': 'Debian clang version 14.0.6' },
  'clang',
);
test(
  finds,
  {
    'clang-14': 'Debian clang version 14.0.6',
    'clang-19': 'clang version 19.1.7',
    'clang-9': 'clang version 9.0.1',
  },
  'clang-19',
);
test(finds, { clang: 'clang version 11.0.1', 'clang-16': 'clang version 16.0.6' }, 'clang-16');
test(finds, { clang: 'clang version 11.0.1' }, 'clang is version 11; 14 or newer is needed');
test(
  finds,
  { clang: 'bash: libLLVM.so.14 not found', 'clang-14': 'clang version 14.0.6' },
  'clang-14',
);
test(finds, {}, 'no clang on the path');

test('the same sources are compiled once, then come from the cache', (t) => {
  if (!machineHasClang(t)) return;
  const options = withSource(t);
  const first = compile(options);
  const second = compile(options);
  t.is(first.origin.kind, 'compiled');
  t.is(second.origin.kind, 'cached');
  t.is(second.sha256, first.sha256);
});

test('a changed header is another object', (t) => {
  if (!machineHasClang(t)) return;
  const options = withSource(t);
  compile(options);
  writeFileSync(join(options.folder, 'encapd.bpf.c'), source.replace('-1', '2'));
  t.is(compile(options).origin.kind, 'compiled');
});

test('a cached object that was cut short is compiled again', (t) => {
  if (!machineHasClang(t)) return;
  const options = withSource(t);
  const { origin, sha256 } = compile(options);
  writeFileSync(origin.file, readFileSync(origin.file).subarray(0, 100));
  const again = compile(options);
  t.is(again.origin.kind, 'compiled');
  t.is(again.sha256, sha256);
});

test('a cached object that another user could have written is not trusted', (t) => {
  if (!machineHasClang(t)) return;
  const options = withSource(t);
  chmodSync(compile(options).origin.file, 0o666);
  t.is(compile(options).origin.kind, 'compiled');
});

test('no half-written file stays in the cache', (t) => {
  if (!machineHasClang(t)) return;
  const options = withSource(t);
  compile(options);
  t.true(readdirSync(options.cache).every((name) => /\.bpf\.o(\.sha256)?$/.test(name)));
});

test('an object does not depend on the folder it was compiled in', (t) => {
  if (!machineHasClang(t)) return;
  t.is(compile(withSource(t)).sha256, compile(withSource(t)).sha256);
});

test("what clang rejects is shown in clang's own lines", (t) => {
  if (!machineHasClang(t)) return;
  const error = t.throws(
    () => compile(withSource(t, 'int encapd_egress(void) { return missing; }')),
    {
      instanceOf: EncapError,
    },
  );
  t.is(error.code, 'COMPILER_FAILED');
  t.regex(error.why ?? '', /encapd\.bpf\.c:1:\d+: error: .*missing/);
});

function prebuiltIn(folder: string, sources: string, change: Record<string, unknown> = {}): Buffer {
  const object = Buffer.from('\x7fELF prebuilt');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'encapd.bpf.o'), object);
  writeFileSync(
    join(folder, 'manifest.json'),
    JSON.stringify({
      objects: { encapd: hashBytes(object) },
      sources: hashSources(sources),
      compiler: 'Debian clang version 14.0.6',
      ...change,
    }),
  );
  return object;
}

for (const where of ['checkout', 'package'] as const)
  test(`in a ${where} the shipped object is used, whatever clang there is`, (t) => {
    const { folder, cache, prebuilt } = withSource(t, source, where);
    const bytes = prebuiltIn(prebuilt, folder);
    const path = compilers(t, { clang: 'clang version 19.1.7' });
    const object = compile({ folder, cache, prebuilt, path });
    t.deepEqual(object.bytes, bytes);
    t.like(object.origin, {
      kind: 'prebuilt',
      why: 'it was made of these sources, and has the hash of the manifest',
      compiler: 'Debian clang version 14.0.6',
    });
    t.false(existsSync(cache));
  });

test('--compile takes clang although there is an object', (t) => {
  if (!machineHasClang(t)) return;
  const { folder, cache, prebuilt } = withSource(t, source, 'package');
  prebuiltIn(prebuilt, folder);
  t.is(compile({ folder, cache, prebuilt, compile: true }).origin.kind, 'compiled');
});

test('--compile without clang is refused, although there is an object', (t) => {
  const { folder, cache, prebuilt } = withSource(t);
  prebuiltIn(prebuilt, folder);
  t.throws(() => compile({ folder, cache, prebuilt, path: scratch(t), compile: true }), {
    instanceOf: EncapError,
    message: 'cannot compile the programs: no clang on the path',
  });
});

test('in a checkout whose sources changed clang is taken', (t) => {
  if (!machineHasClang(t)) return;
  const { folder, cache, prebuilt } = withSource(t);
  prebuiltIn(prebuilt, folder);
  writeFileSync(join(folder, 'new.h'), '\n');
  t.is(compile({ folder, cache, prebuilt }).origin.kind, 'compiled');
});

for (const [where, path] of [
  ['package', { clang: 'clang version 19.1.7' }],
  ['checkout', {}],
] as const)
  test(`in a ${where} without ${where === 'package' ? 'an object' : 'object and clang'} the error says what to do`, (t) => {
    const { folder, cache, prebuilt } = withSource(t, source, where);
    const error = t.throws(() => compile({ folder, cache, prebuilt, path: compilers(t, path) }), {
      instanceOf: EncapError,
    });
    t.is(error.code, 'FEATURE_MISSING');
    t.regex(error.hint ?? '', /install the package again; or apt install clang/);
  });

const refuses = test.macro({
  title: (_, what: string) =>
    `a package’s object is refused, and not made anew by a clang that is there, when ${what}`,
  exec: (t, _: string, spoil: (folder: string, sources: string) => void, reason: RegExp) => {
    const { folder, cache, prebuilt } = withSource(t, source, 'package');
    prebuiltIn(prebuilt, folder);
    spoil(prebuilt, folder);
    const path = compilers(t, { clang: 'clang version 19.1.7' });
    const error = t.throws(() => compile({ folder, cache, prebuilt, path }), {
      instanceOf: EncapError,
      message: reason,
    });
    t.is(error.code, 'OBJECT_CORRUPT');
  },
});

test(
  refuses,
  'its bytes changed',
  (prebuilt: string) => writeFileSync(join(prebuilt, 'encapd.bpf.o'), 'other'),
  /its hash is \w{12}, the manifest says \w{12}/,
);
test(
  refuses,
  'the sources changed since',
  (_: string, sources: string) => writeFileSync(join(sources, 'new.h'), '\n'),
  /made of other sources/,
);
test(
  refuses,
  'its manifest is no JSON',
  (prebuilt: string) => writeFileSync(join(prebuilt, 'manifest.json'), '{'),
  /no JSON/,
);
test(
  refuses,
  'its manifest names nothing',
  (prebuilt: string) => writeFileSync(join(prebuilt, 'manifest.json'), '{}'),
  /does not name/,
);
