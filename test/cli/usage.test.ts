import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import test from 'ava';
import { encap, encapOnTerminal, main, noTerminal } from './encap.js';

const refuses = test.macro({
  async exec(t, args: readonly string[], code: number, expected: RegExp) {
    const ended = await encap(args);
    t.regex(ended.stderr, expected);
    t.regex(ended.stderr, /^do: {2}.{10,}$/m);
    t.is(ended.stdout, '');
    t.is(ended.code, code);
  },
  title: (_, args: readonly string[], code: number) =>
    `encap ${args.join(' ')} ends with ${code} and says what to do`,
});

test(
  refuses,
  ['statsu'],
  2,
  /^encap: cannot run statsu: there is no such command\ndo: {2}did you mean status\?/,
);
test(refuses, ['version', '--colour', 'x'], 2, /unknown option '--colour'/);
test(refuses, ['version', '--verbos'], 2, /did you mean --verbose\?/);
test(refuses, ['version', '-o', 'xml'], 2, /argument 'xml' is invalid/);
test(refuses, ['version', 'more'], 2, /too many arguments/);
test(refuses, ['validate'], 2, /missing required argument 'path'/);
test(
  refuses,
  ['validate', 'there/is/no/such/file'],
  3,
  /cannot read there\/is\/no\/such\/file: ENOENT/,
);
test(refuses, ['explain', '--node', 'a', '-f', '-'], 2, /missing required argument 'destination'/);
test(refuses, ['explain', '10.244.1', '--node', 'a', '-f', '-'], 2, /10\.244\.1/);
test(
  refuses,
  ['explain', '10.244.1.5', '--node', 'a', '-f', 'there/is/none'],
  3,
  /cannot read there\/is\/none/,
);
test(
  refuses,
  ['explain', '10.244.1.5', '--proto', 'icmp', '--dport', '53'],
  2,
  /cannot explain icmp with ports: it has none/,
);
test(
  refuses,
  ['explain', 'fd00::5', '--proto', 'tcp', '--size', '40'],
  2,
  /tcp packets of 40 bytes\n.*headers alone take 60/,
);
test(refuses, ['explain', '10.244.1.5', '--dport', '65536'], 2, /It is no port: 1 to 65535/);
test(refuses, ['trace', '--proto', 'tpc'], 2, /give icmp, ipip, tcp, udp, icmp6, sctp or a number/);
test(refuses, ['trace', '--to', '10.244.0.0/33'], 2, /give an address or a prefix/);
test(refuses, ['trace', '--decision', 'dorp'], 2, /Allowed choices are encap, decap, direct/);
test(refuses, ['capture', 'tcp'], 2, /required option '-w, --write <file>' not specified/);
test(refuses, ['top', '--by', 'node'], 2, /Allowed choices are peer, verdict, block, pool/);
test(refuses, ['top', '--interval', '0'], 2, /give seconds, from 0\.1 to 3600/);
test(refuses, ['status', '--count', '3'], 2, /cannot take --count: status is said once/);

test('a filter that libpcap does not take is refused in its own words', async (t) => {
  if (spawnSync('tcpdump', ['--version']).error !== undefined) {
    t.log('skipped: no tcpdump on this machine');
    t.pass();
    return;
  }
  const { stderr, code } = await encap(['capture', 'tcp', 'prot', '80', '-w', 'never.pcapng']);
  t.is(code, 2);
  t.regex(stderr, /^encap: cannot compile the filter "tcp prot 80"\nwhy: .*syntax error/);
});

test('a capture is not written to a terminal', (t) => {
  const lacking = noTerminal();
  if (lacking !== undefined) {
    t.log(`skipped: ${lacking}`);
    t.pass();
    return;
  }
  const { text, code } = encapOnTerminal(['capture', '-w', '-']);
  t.is(code, 2);
  t.regex(stripVTControlCharacters(text), /cannot write a capture to a terminal: it is no text/);
});

test('what follows packets says where there are no programs to ask', async (t) => {
  for (const words of [['trace'], ['capture', '-w', 'never.pcapng'], ['top'], ['status', '-w']]) {
    const env = { ENCAP_BPFFS: '/no/such/folder' };
    const { stderr, stdout, code } = await encap(words, { env });
    t.is(code, 6, words[0]);
    t.regex(stderr, /^encap: cannot read the datapath: there is none on this node/);
    t.is(stdout, '');
  }
});

test('run -c wants a NodeConfig that it understands: no defaults in the place of what was meant', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cli-config-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'node.yaml');
  for (const [text, why] of [
    [
      'apiVersion: encap/v1\nkind: NodeConfig\nkernelTunnels: keep\n',
      /is not a way to treat kernel tunnels/,
    ],
    ['apiVersion: encap/v1\nkind: NodeConfg\n', /kind/],
    ['', /no document in it is of kind NodeConfig/],
  ] as const) {
    writeFileSync(file, text, { mode: 0o600 });
    const { stderr, code } = await encap(['run', '-c', file, '--dry-run', '--node', 'a']);
    t.regex(stderr, /^encap: cannot read configuration .+: it has no valid NodeConfig$/m);
    t.regex(stderr, why);
    t.is(code, 3);
  }
});

test(refuses, ['get', 'pods'], 2, /pods/);
test(refuses, ['get', 'poools'], 2, /poools/);
test(
  refuses,
  ['lab', 'up', 'triangle'],
  2,
  /cannot build the lab triangle: there is no such preset/,
);
test(refuses, ['lab', 'uo'], 2, /unknown command 'uo'/);

test('encap lab alone shows what it can do, and is wrong usage', async (t) => {
  const { stderr, stdout, code } = await encap(['lab']);
  t.regex(stderr, /^Usage: encap lab/);
  t.is(stdout, '');
  t.is(code, 2);
});

const answersJson = test.macro({
  async exec(t, args: readonly string[], exit: number, error: object) {
    const { stdout, stderr, code } = await encap(args);
    t.like(JSON.parse(stdout), { error });
    t.regex((JSON.parse(stdout) as { error: { hint: string } }).error.hint, /.{10,}/);
    t.is(stderr, '');
    t.is(code, exit);
  },
  title: (_, args: readonly string[]) =>
    `encap ${args.join(' ')} answers with one JSON document, the error`,
});

test(answersJson, ['statsu', '-o', 'json'], 2, { code: 'USAGE' });
test(answersJson, ['-o', 'json', 'version', '--nonsense'], 2, { code: 'USAGE' });
test(answersJson, ['validate', '-o', 'json', 'nowhere.yaml'], 3, {
  code: 'FILE_UNREADABLE',
  file: 'nowhere.yaml',
});
test(answersJson, ['lab', 'up', 'x', '--json'], 2, { code: 'USAGE' });

test('an error in YAML is a document too', async (t) => {
  const { stdout, code } = await encap(['statsu', '-o', 'yaml']);
  t.regex(stdout, /^error:\n {2}code: USAGE\n/);
  t.is(code, 2);
});

test('a reader that goes away ends the command without a word', async (t) => {
  const child = spawn(process.execPath, [main, 'help', 'environment'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise((done) => child.once('close', done));
  t.is(said, '');
  t.is(code, 0);
});

const absent = {
  etcd: [
    'datastore: {type: etcdv3, endpoints: ["http://127.0.0.1:1"]}',
    /^encap: cannot read the resources: etcd at http:\/\/127\.0\.0\.1:1 does not answer: connect ECONNREFUSED/,
  ],
  Kubernetes: [
    'datastore: {type: kubernetes, kubeconfig: kubeconfig}',
    /^encap: cannot read the resources: the Kubernetes API at https:\/\/127\.0\.0\.1:1 does not answer: ECONNREFUSED/,
  ],
} as const;

const kubeconfig = JSON.stringify({
  clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
  contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  users: [{ name: 'u', user: { token: 't' } }],
  'current-context': 'c',
});

for (const [name, [datastore, said]] of Object.entries(absent))
  test(`${name} that is not there ends a command that needs one answer with 6`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'cli-config-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'node.yaml');
    const only = { mode: 0o600 };
    writeFileSync(file, `apiVersion: encap/v1\nkind: NodeConfig\n${datastore}\n`, only);
    writeFileSync(join(folder, 'kubeconfig'), kubeconfig, only);
    const { stderr, code } = await encap(['run', '-c', file, '--dry-run', '--node', 'a']);
    t.is(code, 6);
    t.regex(stderr, said);
    t.regex(stderr, /^do: {2}.{10,}$/m);
  });
