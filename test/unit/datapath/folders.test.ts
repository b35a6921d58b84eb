import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { prepareBpffs } from '../../../src/datapath/bpffs.js';
import { foldersOf } from '../../../src/datapath/folders.js';
import { readState, stateFile, writeState, type State } from '../../../src/datapath/state.js';
import { EncapError } from '../../../src/errors.js';

test('agents of one machine can have folders of their own', (t) => {
  t.deepEqual(foldersOf({}), { pins: '/sys/fs/bpf/encap', run: '/run/encap' });
  t.deepEqual(foldersOf({ ENCAP_BPFFS: '/sys/fs/bpf/a', ENCAP_RUN_DIR: '/run/a' }), {
    pins: '/sys/fs/bpf/a',
    run: '/run/a',
  });
});

test('pins in an ordinary folder are refused, with the command that mounts one', (t) => {
  const error = t.throws(
    () => prepareBpffs(join(tmpdir(), 'dp-pins'), (command) => t.fail(command)),
    {
      instanceOf: EncapError,
    },
  );
  t.is(error.code, 'FEATURE_MISSING');
  t.regex(error.hint ?? '', /mount -t bpf bpf /);
});

const state: State = {
  apiVersion: 'encap/v1',
  kind: 'AgentState',
  node: 'node-a',
  pid: 1,
  startedAt: '2026-11-23T20:00:00.000Z',
  source: 'file cluster.yaml',
  uplink: { name: 'eth0', index: 2, mtu: 1500 },
  attach: 'tcx',
  madeClsact: false,
  object: { kind: 'cached', file: 'x.bpf.o', why: 'there', compiler: 'clang', sha256: 'ab' },
  generation: '0123456789abcdef',
  build: '0123456789abcdef',
  peers: { 2: 'ipv4/node-b' },
  policies: {},
  verdicts: {},
  vxlan: { vni: 4096, port: 4789 },
  notCarried: { 'fd00::/64': { short: 'a', message: 'b', hint: 'c' } },
  faults: [{ short: 'a', message: 'b', hint: 'c' }],
};

test('a state file is read back as it was written; a damaged one is none', (t) => {
  const run = mkdtempSync(join(tmpdir(), 'dp-state-'));
  t.teardown(() => rmSync(run, { recursive: true }));
  t.is(readState(run), undefined);
  writeState(run, state);
  t.deepEqual(readState(run), state);
  const { apiVersion, kind } = state;
  const others = [
    { kind: 'Lab' },
    { apiVersion, kind }, // an older version's
    { ...state, apiVersion: 'encap/v2' },
    { ...state, uplink: null },
    { ...state, peers: 7 },
  ];
  for (const damaged of [
    '',
    '{"kind":',
    'null',
    '[]',
    ...others.map((one) => JSON.stringify(one)),
  ]) {
    writeFileSync(stateFile(run), damaged);
    t.is(readState(run), undefined, damaged);
  }
});

test('F49 a folder in the place of a state file is none, and makes way for one', (t) => {
  const run = mkdtempSync(join(tmpdir(), 'dp-state-'));
  t.teardown(() => rmSync(run, { recursive: true }));
  mkdirSync(join(stateFile(run), 'more'), { recursive: true });
  t.is(readState(run), undefined);
  writeState(run, state);
  t.deepEqual(readState(run), state);
});

const isNoState = test.macro<[(file: string, elsewhere: string) => void]>((t, put) => {
  const run = mkdtempSync(join(tmpdir(), 'dp-state-'));
  t.teardown(() => rmSync(run, { recursive: true }));
  const elsewhere = join(run, 'elsewhere');
  writeState(run, { ...state, madeClsact: true });
  const text = readFileSync(stateFile(run), 'utf8');
  writeFileSync(elsewhere, text, { mode: 0o644 });
  put(stateFile(run), elsewhere);
  t.is(readState(run), undefined);
  writeState(run, state);
  t.deepEqual(readState(run), state, 'the next one is in its place');
  t.is(readFileSync(elsewhere, 'utf8'), text, 'and nothing was written elsewhere');
});

test('F49 a state file that became a link is none', isNoState, (file, elsewhere) => {
  rmSync(file);
  symlinkSync(elsewhere, file);
});
test('F49 a state file that others may write is none', isNoState, (file) => chmodSync(file, 0o666));
test('F49 a state file that became a pipe is none, and holds nobody up', isNoState, (file) => {
  rmSync(file);
  execFileSync('mkfifo', [file]);
});
if (process.getuid?.() === 0)
  test('F49 a state file of somebody else is none', isNoState, (file) =>
    chownSync(file, 65534, 65534),
  );
