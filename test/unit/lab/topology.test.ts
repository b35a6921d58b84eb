import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { presetFile, presetNames, presetTitles } from '../../../src/lab/presets.js';
import { topologyFile } from '../../../src/lab/topology/file.js';
import { layOut } from '../../../src/lab/topology/lay-out.js';
import { complaintsAbout } from '../../../src/lab/topology/rules.js';
import { wiringOf } from '../../../src/lab/wiring.js';
import { pathText } from '../../../src/model/problem.js';

const whole = {
  apiVersion: 'encap/v1',
  kind: 'LabTopology',
  subnets: [
    { name: 'east', cidr: '192.168.10.0/24' },
    { name: 'west', cidr: '192.168.20.0/24', mtu: 1400, loss: 5 },
  ],
  pools: [
    { name: 'vxlan', cidr: '10.244.0.0/16', vxlanMode: 'CrossSubnet' },
    { name: 'ipip', cidr: '10.245.0.0/16', ipipMode: 'Always' },
  ],
  nodes: [
    { name: 'node-a', subnet: 'east', workloads: [{ name: 'web' }, { name: 'db', pool: 'ipip' }] },
    { name: 'w', count: 2, subnet: 'west', workloads: 1, mtu: 1300 },
  ],
} as const;

test('what a file leaves open gets names and addresses that are easy to read', (t) => {
  const { nodes, segments } = layOut(topologyFile.parse(whole), '.');
  t.deepEqual(
    nodes.map(({ name, address, blocks, workloads }) => [
      name,
      address,
      ...blocks.map(({ cidr, tunnelAddress }) => `${cidr} ${String(tunnelAddress)}`),
      ...workloads.map((one) => `${one.name} ${one.address}`),
    ]),
    [
      [
        'node-a',
        '192.168.10.11',
        '10.244.1.0/26 10.244.1.0',
        '10.245.1.0/26 10.245.1.0',
        'web 10.244.1.5',
        'db 10.245.1.6',
      ],
      [
        'w1',
        '192.168.20.11',
        '10.244.2.0/26 10.244.2.0',
        '10.245.2.0/26 10.245.2.0',
        'w1-1 10.244.2.5',
      ],
      [
        'w2',
        '192.168.20.12',
        '10.244.3.0/26 10.244.3.0',
        '10.245.3.0/26 10.245.3.0',
        'w2-1 10.244.3.5',
      ],
    ],
  );
  t.deepEqual(segments[1], {
    name: 'west',
    router: '192.168.20.1',
    prefixLength: 24,
    mtu: 1400,
    loss: 5,
  });
});

/** A change of one member of the file above, and what is said of it. */
const refuses = test.macro({
  title: (_, path: string, __: unknown, message: RegExp) =>
    `a topology with a wrong ${path} is refused there: ${message.source}`,
  exec(t: ExecutionContext, path: string, value: unknown, message: RegExp) {
    const written = structuredClone(whole) as unknown as Record<string, unknown>;
    const steps = path.split('.');
    const last = steps.pop() ?? '';
    const inside = steps.reduce<Record<string, unknown>>(
      (at, step) => at[step] as Record<string, unknown>,
      written,
    );
    inside[last] = value;
    const complaints = complaintsAbout(topologyFile.parse(written));
    const said = complaints.map((one) => `${pathText(one.path)}: ${one.message}`).join('\n');
    t.regex(said, message);
  },
});

test(
  refuses,
  'nodes.0.subnet',
  'est',
  /^nodes\[0\]\.subnet: there is no subnet est; did you mean east\?/,
);
test(refuses, 'nodes.0.address', '192.168.20.9', /192\.168\.20\.9 is not in 192\.168\.10\.0\/24/);
test(refuses, 'nodes.0.address6', 'fd00::1', /its subnet has no cidr6/);
test(refuses, 'nodes.0.address', '192.168.10.1', /192\.168\.10\.1 is there twice \(east\)/);
test(refuses, 'nodes.0.name', 'router', /router is there twice/);
test(refuses, 'nodes.0.carrier', 'kernel', /carries pools of one encapsulation/);
test(
  refuses,
  'nodes.0.workloads',
  [{ name: 'a', pool: 'ipipp' }],
  /no IPv4 pool ipipp; did you mean ipip\?/,
);
test(refuses, 'nodes.1.address', '192.168.20.11', /one address for several nodes/);
test(
  refuses,
  'nodes.0.workloads',
  Array.from({ length: 60 }, (_, index) => ({ name: `x${index}` })),
  /^nodes\[0\]: .*no room/,
);
test(refuses, 'pools.0.ipipMode', 'Always', /only one of vxlanMode and ipipMode/);
test(refuses, 'pools.0.blockSize', 30, /30 does not fit 10\.244\.0\.0\/16: 16 to 28/);
test(refuses, 'pools.1.cidr', '10.244.0.0/20', /10\.244\.0\.0\/20 overlaps with 10\.244\.0\.0\/16/);
test(
  refuses,
  'pools.1.cidr',
  '10.245.0.1/16',
  /bits set behind the prefix; write 10\.245\.0\.0\/16/,
);
test(refuses, 'pools.0.cidr', '10.244.0.0/25', /there is no room for w\d in 10\.244\.0\.0\/25/);
test(refuses, 'subnets.0.router', false, /a cable between two nodes; here are 1/);
test(refuses, 'subnets.1.name', 'east', /there is a subnet east already/);
test(refuses, 'subnets.0.cidr', 'fd00::/64', /fd00::\/64 is not IPv4/);

/** Two routers, and a subnet between them without nodes. */
const chain = {
  ...whole,
  subnets: [
    { name: 'east', cidr: '192.168.10.0/24' },
    { name: 'middle', cidr: '192.168.15.0/24' },
    { name: 'west', cidr: '192.168.20.0/24' },
  ],
  routers: [
    { name: 'router', subnets: ['east', 'middle'] },
    { name: 'far', subnets: ['west', 'middle'] },
  ],
};

test('routers of a chain have addresses in their subnets alone, and routes to those behind the next', (t) => {
  const topology = layOut(topologyFile.parse(chain), '.');
  const lines = (name: string): readonly string[] =>
    wiringOf('x', topology)
      .filter(({ namespace }) => namespace === `encap-x-${name}`)
      .flatMap(({ addresses }) => addresses.filter((line) => /^(address|route)/.test(line)));
  t.deepEqual(lines('router'), [
    'address add 192.168.10.1/24 dev east',
    'address add 192.168.15.1/24 dev middle',
    'route add 192.168.20.0/24 via 192.168.15.2',
  ]);
  t.deepEqual(lines('far'), [
    'address add 192.168.15.2/24 dev middle',
    'address add 192.168.20.1/24 dev west',
    'route add 192.168.10.0/24 via 192.168.15.1',
  ]);
  t.true(lines('w1').includes('route add default via 192.168.20.1 dev eth0'));
});

const refusesChain = test.macro({
  title: (_, what: string) => `routers are refused: ${what}`,
  exec(t: ExecutionContext, _: string, routers: readonly unknown[], message: RegExp) {
    const complaints = complaintsAbout(topologyFile.parse({ ...chain, routers }));
    t.regex(complaints.map((one) => `${pathText(one.path)}: ${one.message}`).join('\n'), message);
  },
});

const [first] = chain.routers;
test(
  refusesChain,
  'the first has another name',
  [{ name: 'r1', subnets: ['east', 'middle', 'west'] }],
  /^routers\[0\]\.name: the first router is called router, not r1/,
);
test(
  refusesChain,
  'a subnet that is not there',
  [first, { name: 'far', subnets: ['midle', 'west'] }],
  /^routers\[1\]\.subnets\[0\]: there is no subnet midle .*did you mean middle\?/,
);
test(
  refusesChain,
  'a subnet that none leads to',
  [first],
  /^routers: no router leads from east to west/,
);
test(
  refusesChain,
  'one name twice',
  [first, { name: 'router', subnets: ['middle', 'west'] }],
  /^routers: router is there twice/,
);

for (const name of presetNames)
  test(`the preset ${name} is a file without faults that says first what it is`, (t) => {
    const text = readFileSync(presetFile(name), 'utf8');
    t.deepEqual(complaintsAbout(topologyFile.parse(parse(text))), []);
    t.regex(text, /^# \S.{15,}\.\n/);
    t.true(presetTitles[name].length > 15);
  });
