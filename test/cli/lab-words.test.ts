import test from 'ava';
import { breaks } from '../../src/lab/breaks/index.js';
import { encap, encapOnTerminal, noTerminal } from './encap.js';
import { fileWith } from './files.js';

// What of `encap lab` needs neither root nor a lab.

test('encap lab break alone lists the faults there are', async (t) => {
  const { stdout, stderr, code } = await encap(['lab', 'break']);
  t.is(code, 0, stderr);
  const [first, ...rows] = stdout.trimEnd().split('\n');
  t.is(first, 'FAULT        REPAIRED BY   WHAT');
  t.deepEqual(
    rows.map((row) => row.split(/\s+/)[0]),
    breaks.map(({ name }) => name),
  );
  t.true(
    stdout.includes('no-bpffs     encapd        somebody removes all pins of a node\n'),
    stdout,
  );
  const names = await encap(['lab', 'break', '-o', 'name']);
  t.is(names.stdout, breaks.map(({ name }) => `${name}\n`).join(''));
  const { items } = JSON.parse((await encap(['lab', 'break', '--json'])).stdout) as {
    items: object[];
  };
  t.like(items[0], { name: 'blackhole', isRepaired: false, needs: 'two-subnets' });
});

test('on a terminal of 80 columns no line of the faults is longer', (t) => {
  const lacking = noTerminal();
  if (lacking !== undefined) {
    t.log(`skipped: ${lacking}`);
    t.pass();
    return;
  }
  const { text, code } = encapOnTerminal(['lab', 'break'], { env: { NO_COLOR: '1' } });
  t.is(code, 0);
  for (const line of text.trimEnd().split('\n')) t.true(line.length <= 80, line);
});

const wrong = `apiVersion: encap/v1
kind: LabTopology
subnets:
  - { name: east, cidr: 192.168.10.0/24, los: 4 }
pools:
  - { name: p, cidr: 10.244.0.0/16, vxlanMode: Crosssubnet }
nodes:
  - { name: node-a, subnet: eest, workloads: 2 }
`;

test('a topology that is wrong: each fault with its line, and exit code 3', async (t) => {
  const file = fileWith(t, wrong, 'own.yaml');
  const { stdout, stderr, code } = await encap(['lab', 'up', file]);
  t.is(stdout, '');
  t.is(
    stderr,
    `${file}:4:42  error  subnets[0].los: unknown field; did you mean loss?
    4 |   - { name: east, cidr: 192.168.10.0/24, los: 4 }
      |                                          ^^^
${file}:6:48  error  pools[0].vxlanMode: "Crosssubnet" is not a mode; did you mean CrossSubnet? (Always, CrossSubnet, Never)
    6 |   - { name: p, cidr: 10.244.0.0/16, vxlanMode: Crosssubnet }
      |                                                ^^^^^^^^^^^
encap: cannot build the lab of ${file}: it is no valid topology
at:  ${file}:4:42
do:  the members of a topology: docs/lab.md; a preset to begin with: examples/lab
`,
  );
  t.is(code, 3);
  const right = wrong.replace(', los: 4', '').replace('Crosss', 'CrossS');
  const json = await encap(['lab', 'up', fileWith(t, right, 'own.yaml'), '-o', 'json']);
  t.is(json.stderr, '');
  t.is(json.code, 3);
  const { error } = JSON.parse(json.stdout) as { error: object };
  t.like(error, { code: 'CONFIG_INVALID', line: 8, column: 29 });
});

test('a file that is none is told as every other', async (t) => {
  const { stderr, code } = await encap(['lab', 'up', 'there/is/none.yaml']);
  t.regex(stderr, /cannot read there\/is\/none\.yaml: ENOENT/);
  t.is(code, 3);
});

for (const verb of ['ping', 'graph', 'mend', 'down'])
  test(`encap lab ${verb} without a lab of this name says so`, async (t) => {
    const { stderr, code } = await encap(['lab', verb, '--name', 'no-such-lab']);
    t.regex(stderr, /^encap: cannot find the lab no-such-lab: it is not up\n/);
    t.is(code, 2);
  });
