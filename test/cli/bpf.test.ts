import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { findClang } from '../../src/datapath/clang.js';
import { encap, encapOnTerminal, noTerminal } from './encap.js';
import { folderOf } from './files.js';

test('bpf compile says which object it wrote where, and of what', async (t) => {
  const clang = findClang(process.env['PATH'] ?? '');
  if (clang.kind === 'missing') {
    t.log(`skipped: ${clang.why}`);
    t.pass();
    return;
  }
  const folder = folderOf(t);
  const env = { ENCAP_CACHE_DIR: join(folder, 'cache') };
  const out = join(folder, 'out');
  const { stdout, stderr, code } = await encap(['bpf', 'compile', '--out', out, '-o', 'json'], {
    env,
  });
  t.deepEqual([stderr, code], ['', 0]);
  const { compiler, items } = JSON.parse(stdout) as {
    compiler: string;
    items: { source: string; file: string; bytes: number; sha256: string; how: string }[];
  };
  t.is(compiler, clang.version);
  t.deepEqual(
    items.map(({ file, how }) => [file, how]),
    [
      [join(out, 'encapd.bpf.o'), 'compiled'],
      [join(out, 'encapd_fast.bpf.o'), 'compiled'],
    ],
  );
  for (const { file, bytes, sha256 } of items) {
    const object = readFileSync(file);
    t.is(object.length, bytes);
    t.is(createHash('sha256').update(object).digest('hex'), sha256);
    // ELF: 64 bits, little endian, relocatable, EM_BPF
    t.is(object.subarray(0, 6).toString('hex'), '7f454c460201');
    t.deepEqual([object.readUInt16LE(16), object.readUInt16LE(18)], [1, 247]);
  }
  const again = await encap(['bpf', 'compile'], { env });
  t.regex(
    again.stdout,
    /^OBJECT +BYTES +HOW +SHA256\n\S+\/cache\/\S+ +\d+ +cached +[0-9a-f]{16}$/m,
  );
  if (noTerminal() !== undefined) return;
  const { text } = encapOnTerminal(['bpf', 'compile'], { env: { ...env, NO_COLOR: '1' } });
  const rows = text.split('\n').slice(0, 3);
  t.regex(rows[0] ?? '', /^OBJECT +BYTES +HOW +SHA256$/);
  for (const row of rows) t.true(row.length <= 80, row);
});

test('bpf compile without a clang is a missing tool, and says how to get it', async (t) => {
  const { stderr, code } = await encap(['bpf', 'compile'], { env: { PATH: folderOf(t) } });
  t.is(code, 5);
  t.regex(stderr, /cannot compile the programs: no clang on the path\ndo: {2}apt install clang/);
});

test('bpf verify-log --last has what an agent wrote down last, of all programs or of one', async (t) => {
  const run = join(folderOf(t), 'run');
  const env = { ENCAP_RUN_DIR: run };
  const none = await encap(['bpf', 'verify-log', '--last'], { env });
  t.is(none.code, 3);
  t.regex(none.stderr, /there is none\nwhy: no agent has written one/);
  mkdirSync(run);
  for (const [program, seconds] of [
    ['egress', 1_000_000],
    ['ingress', 2_000_000],
  ] as const) {
    const file = join(run, `verifier-encapd_${program}.log`);
    writeFileSync(file, `0: (bf) of ${program}\n`);
    utimesSync(file, seconds, seconds);
  }
  const last = await encap(['bpf', 'verify-log', '--last'], { env });
  t.deepEqual([last.stdout, last.code], ['0: (bf) of ingress\n', 0]);
  t.regex(last.stderr, /verifier-encapd_ingress\.log/);
  const egress = await encap(['bpf', 'verify-log', 'egress', '--last', '-o', 'json'], { env });
  t.like(JSON.parse(egress.stdout), {
    kind: 'VerifierLog',
    program: 'encapd_egress',
    taken: false,
    text: '0: (bf) of egress\n',
  });
});

test('bpf verify-log of no program is wrong usage and names those there are', async (t) => {
  const { stderr, code } = await encap(['bpf', 'verify-log']);
  t.is(code, 2);
  t.regex(stderr, /ingress, egress, backstop/);
});
