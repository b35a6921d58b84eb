import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { BpfError, NetlinkError, open } from '../lib/index.js';
import { fixture } from './support/compile.js';
import { kernelTest } from './support/kernel.js';
import { veth } from './support/veth.js';

const failure = { operation: 'load', object: 'x', errno: 13, cause: 'Permission denied' };

test('an error reads: cannot, what, on what, code, cause', (t) => {
  const error = new BpfError(failure);
  t.is(error.message, 'cannot load x: EACCES: Permission denied');
  t.like(error, { name: 'BpfError', operation: 'load', object: 'x', errno: 13, code: 'EACCES' });
  t.true(error instanceof Error);
  t.is(new NetlinkError({ ...failure, operation: 'dump' }).name, 'NetlinkError');
});

const codes: [number, string][] = [
  [1, 'EPERM'],
  [11, 'EAGAIN'],
  [22, 'EINVAL'],
  [67, 'ENOLINK'],
  [95, 'EOPNOTSUPP'],
  [114, 'EALREADY'],
  [116, 'ESTALE'],
  [524, 'ENOTSUPP'],
  [9999, 'errno 9999'],
];

for (const [errno, code] of codes) {
  test(`errno ${errno} is ${code}`, (t) => {
    t.is(new BpfError({ ...failure, errno }).code, code);
  });
}

kernelTest('a rejected program is named, with the verifier’s sentence and its whole log', (t) => {
  const error = t.throws<BpfError>(() => open(fixture('rejected')).load(), { name: 'BpfError' });
  t.like(error, { operation: 'load', object: 'beyond', code: 'EACCES' });
  t.regex(
    error.message,
    /^cannot load beyond: EACCES: invalid access to packet.* \(\d+ more lines in verifierLog\)$/,
  );
  t.regex(error.verifierLog ?? '', /processed \d+ insns/);
  t.regex(error.verifierLog ?? '', /return data\[40\]/, 'with the source line');
  t.regex(error.hint ?? '', /verifierLog/);
});

kernelTest('a higher log level tells more of a rejection', (t) => {
  const logs = ([0, 2] as const).map(
    (kernelLogLevel) =>
      t.throws<BpfError>(() => open(fixture('rejected')).load({ kernelLogLevel })).verifierLog ??
      '',
  );
  t.true((logs[1]?.length ?? 0) > (logs[0]?.length ?? 0), logs.join('\n---\n'));
});

kernelTest('at a higher log level a program that the kernel takes has its whole log too', (t) => {
  using quiet = open(fixture('counter')).load();
  t.is(quiet.verifierLogs.size, 0);
  using told = open(fixture('counter')).load({ kernelLogLevel: 2 });
  t.deepEqual([...told.verifierLogs.keys()], ['count']);
  const log = told.verifierLogs.get('count') ?? '';
  t.regex(log, /^func#0 @0\n|^0: /, 'from its first line');
  t.regex(log, /processed \d+ insns/, 'to its end');
  t.regex(log, /\(95\) exit/, 'with the instructions');
});

kernelTest('a helper that no kernel has is named by the verifier', (t) => {
  const blueprint = open(fixture('unnamed'));
  const anywhere = blueprint.programs.get('anywhere');
  if (anywhere !== undefined) anywhere.autoload = false;
  const error = t.throws<BpfError>(() => blueprint.load(), { name: 'BpfError' });
  t.is(error.object, 'tomorrow');
  t.regex(error.message, /^cannot load tomorrow: EINVAL: invalid func unknown#9999/);
});

kernelTest('without capabilities the error names those that are missing', async (t) => {
  const answer = await asked(
    ['--bounding-set=-all'],
    `
    try { open(object).load(); } catch (error) { console.log(JSON.stringify(error)); }`,
  );
  t.like(answer, {
    code: 'EPERM',
    hint: 'this process lacks CAP_NET_ADMIN and CAP_BPF: run it as root, or grant them (AmbientCapabilities= of its unit, securityContext of its container)',
  });
});

kernelTest(
  'CAP_BPF alone does not load a program for packets: CAP_NET_ADMIN is named',
  async (t) => {
    const answer = await asked(
      ['--bounding-set=-all,+bpf'],
      `
    try { open(object).load(); } catch (error) { console.log(JSON.stringify(error)); }`,
    );
    t.like(answer, { code: 'EPERM' });
    t.regex(String(answer['hint']), /lacks CAP_NET_ADMIN: /);
  },
);

kernelTest(
  'CAP_BPF and CAP_NET_ADMIN are enough to load, run, attach, query and reuse',
  async (t) => {
    const pair = veth(t);
    const answer = await asked(
      ['--bounding-set=-all,+bpf,+net_admin'],
      `
    const loaded = open(object).load();
    const { returnValue } = loaded.program('count').run(new Uint8Array(64));
    const kind = features.tcx() ? 'tcx' : 'clsact';
    const link = loaded.program('count').attach({ kind, ifindex: ${pair.near}, direction: 'egress' });
    const { ifindex } = link.info;
    link.detach();
    const next = open(object);
    next.maps.get('by_mark').reuse(loaded.map('by_mark'));
    const entries = next.load().map('by_mark').readAll().length;
    console.log(JSON.stringify({ returnValue, ifindex, entries }));`,
      pair.namespace,
    );
    t.deepEqual(answer, { returnValue: 0, ifindex: pair.near, entries: 1 });
  },
);

/** What a script prints that runs with fewer capabilities. */
async function asked(
  privileges: readonly string[],
  script: string,
  namespace = '/proc/self/ns/net',
): Promise<Record<string, unknown>> {
  const library = new URL('../lib/index.js', import.meta.url).href;
  const full = `import { features, open } from ${JSON.stringify(library)};
    const object = ${JSON.stringify(fixture('counter'))};${script}`;
  const { stdout } = await promisify(execFile)('nsenter', [
    `--net=${namespace}`,
    'setpriv',
    ...privileges,
    process.execPath,
    '--input-type=module',
    '-e',
    full,
  ]);
  return JSON.parse(stdout) as Record<string, unknown>;
}
