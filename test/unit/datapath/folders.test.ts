import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  for (const damaged of ['', '{"kind":', 'null', '[]', '{"kind":"Lab"}']) {
    writeFileSync(stateFile(run), damaged);
    t.is(readState(run), undefined, damaged);
  }
});
