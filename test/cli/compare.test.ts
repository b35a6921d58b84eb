import test from 'ava';
import { encap, encapOnTerminal, noTerminal } from './encap.js';
import { fileWith, world } from './files.js';

/** What is changed in the world, what `encap plan OLD NEW` says between its first and its last line, and its last; `loads`: the programs anew. */
const says = test.macro({
  async exec(
    t,
    change: (text: string) => string,
    changes: string,
    writes: string,
    loads?: 'loads',
  ) {
    const [old, now] = [fileWith(t, world), fileWith(t, change(world))];
    const args = ['plan', old, now, '--node', 'node-a', '--underlay-mtu', '1500', '--exit-code'];
    const { stdout, stderr, code } = await encap(args);
    t.is(stderr, '');
    t.is(
      stdout,
      `node-a   ${old} -> ${now}\n${changes}${writes} ${loads === undefined ? 'The programs stay.' : 'The programs are loaded anew.'} Nothing was done.\n`,
    );
    t.is(code, changes === '' ? 0 : 10);
  },
  title: (title = '') => title,
});

const twoSteps =
  'switched in two steps, the new mode accepted first and sent later: no packet is lost where all nodes hear of it within five seconds';

const swapped = 'swapped at once, each packet meets the old ones or the new ones: none is lost';

test('the same world changes nothing', says, (text) => text, '', 'No map is written.');
test(
  'CrossSubnet becomes Always: what is sent changes when all have heard of it; received is what was received before',
  says,
  (text) => text.replace('vxlanMode: CrossSubnet', 'vxlanMode: Always'),
  `~ pool default (10.244.0.0/16)   vxlan over IPv4, in the same subnet direct -> vxlan over IPv4   (node-b)
    ! ${twoSteps}
`,
  '1 map write: 1 after 6 s.',
);
test(
  'a block moves: who stayed behind is cut off',
  says,
  (text) => text.replace('"affinity":"host:node-c"', '"affinity":"host:node-b"'),
  `~ block 10.244.3.0/29   node-c, vxlan at 192.168.20.11 -> node-b, direct at 192.168.10.12
    ! its packets go to node-b from the next write on: connections of workloads that stay on node-c break
+ block 10.244.3.0/32   node-c, vxlan at 192.168.20.11
+ block 10.244.3.1/32   node-c, vxlan at 192.168.20.11
`,
  '3 map writes, at once.',
);
test(
  'an MTU less by 30 makes the route, and no map, another',
  says,
  (text) => `${text}---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: { name: default }
spec: { vxlanMTU: 1420 }
`,
  `~ setting mtu           {"vxlan":0,"vxlanV6":0,"ipip":0} -> {"vxlan":1420,"vxlanV6":0,"ipip":0}
~ route 10.244.0.0/16   mtu 1450 from 10.244.1.0 -> mtu 1420 from 10.244.1.0
    ! packets may be 30 bytes smaller: a larger one is answered with ICMP, and TCP goes on with smaller ones; who ignores ICMP stalls
`,
  'No map is written.',
);

test(
  'another VNI is a constant of the programs: they are loaded anew, and no map is another',
  says,
  (text) => `${text}---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: { name: default }
spec: { vxlanVNI: 77 }
`,
  `~ setting vxlanVni   4096 -> 77
    ! VXLAN between nodes that have it and nodes that do not have it yet is lost
~ programs loaded anew   with other constants: vni
    ! ${swapped}
`,
  'No map is written.',
  'loads',
);
test(
  'shortcuts are of another object, and which of them is a constant',
  says,
  (text) => `${text}---
apiVersion: encap/v1
kind: NodeConfig
fastPath: guarded
`,
  `~ setting fastPath   "never" -> "guarded"
~ programs loaded anew   of another object, encapd_fast.bpf.o; with other constants: fast
    ! ${swapped}
`,
  'No map is written.',
  'loads',
);

test('what maps do not hold is said: larger ones are filled beside them', async (t) => {
  const names = Array.from(
    { length: 1100 },
    (_, place) => `10.${100 + (place >> 8)}.${place & 255}.0/24`,
  );
  const now = `${world}---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: { name: default }
spec: { externalNodesList: ${JSON.stringify(names)} }
`;
  const { stdout } = await encap([
    ...['plan', fileWith(t, world), fileWith(t, now), '--node', 'node-a'],
  ]);
  t.regex(
    stdout,
    /^~ programs loaded anew {3}with larger maps: externals 1024 -> 4096\n {4}! all maps are filled beside the old ones, .+ counters begin anew\n/m,
  );
});

test('IPIP becomes VXLAN: both are accepted, then VXLAN is sent, then IPIP is let go', async (t) => {
  const [old, now] = [
    fileWith(t, world),
    fileWith(t, world.replace('ipipMode: Always', 'vxlanMode: Always')),
  ];
  const { stdout, code } = await encap(['plan', old, now, '--node', 'node-a', '-o', 'json']);
  t.is(code, 0);
  const { kind, rounds } = JSON.parse(stdout) as {
    kind: string;
    rounds: { atMs: number; changes: { table: string; value: Record<string, unknown> }[] }[];
  };
  t.is(kind, 'Comparison');
  const policies = rounds.flatMap(({ atMs, changes }) =>
    changes
      .filter(({ table }) => table === 'policies')
      .map(({ value: { otherSubnet, accepted } }) => ({
        atMs,
        otherSubnet,
        accepted: [...(accepted as string[])].sort(),
      })),
  );
  t.deepEqual(policies, [
    { atMs: 0, otherSubnet: 'ipip', accepted: ['ipip', 'vxlan'] },
    { atMs: 6000, otherSubnet: 'vxlan', accepted: ['ipip', 'vxlan'] },
    { atMs: 60_000, otherSubnet: 'vxlan', accepted: ['vxlan'] },
  ]);
});

test('one file alone, or -f beside two, is wrong usage', async (t) => {
  const file = fileWith(t, world);
  const [one, three] = await Promise.all([
    encap(['plan', file]),
    encap(['plan', file, file, '-f', file]),
  ]);
  t.deepEqual([one.code, three.code], [2, 2]);
  t.regex(one.stderr, /the other file is missing/);
  t.regex(three.stderr, /both with -f and without/);
});

test('on a terminal the signs are coloured', (t) => {
  const missing = noTerminal();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const now = fileWith(t, world.replace('vxlanMode: CrossSubnet', 'vxlanMode: Always'));
  const { text, code } = encapOnTerminal(['plan', fileWith(t, world), now, '--node', 'node-a']);
  t.is(code, 0);
  t.true(text.includes('\u001B[33m~\u001B[39m pool default'));
});

test('encap graph draws what a world’s nodes do: who is beside one, who is behind a router', async (t) => {
  const [drawn, told] = await Promise.all([
    encap(['graph', '-f', '-', '--as', 'mermaid'], { stdin: world }),
    encap(['graph', '-f', '-', '-o', 'json'], { stdin: world }),
  ]);
  t.is(drawn.code, 0);
  for (const edge of ['n0 <-->|direct| n1', 'n0 <-->|VXLAN| n2', 'n0 -->|IP-in-IP| n2'])
    t.true(drawn.stdout.includes(edge), edge);
  const { edges } = JSON.parse(told.stdout) as { edges: readonly object[] };
  t.deepEqual(edges[0], { from: 'node-a', to: 'node-b', how: 'direct', both: true });
});

test('on a terminal encap graph is as whole and as plain as in a pipe, and says what a picture is for', async (t) => {
  const missing = noTerminal();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const file = fileWith(t, world);
  const all = [
    ['--as', 'mermaid'],
    ['--as', 'svg'],
    ['-o', 'name'],
  ].map((words) => [...['graph', '-f', file, ...words]]);
  const answers = await Promise.all(all.map((args) => encap(args)));
  for (const [place, args] of all.entries()) {
    const { stdout = '', stderr, code } = answers[place] ?? {};
    const shown = encapOnTerminal(args);
    t.deepEqual([code, stderr, shown.code], [0, '', 0]);
    t.true(stdout.length > 15);
    t.is(shown.text.slice(0, stdout.length), stdout, args.join(' '));
    const hint = args.includes('svg') ? /^that was a picture \(SVG\): .+\n$/ : /^$/;
    t.regex(shown.text.slice(stdout.length), hint, args.join(' '));
  }
  t.true(answers[1]?.stdout.trimEnd().endsWith('</svg>'));
});
