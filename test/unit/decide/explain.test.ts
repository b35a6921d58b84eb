import test from 'ava';
import { explain, explainer } from '../../../src/decide/explain.js';
import type { NodeName } from '../../../src/model/node.js';
import { parseAddress } from '../../../src/net/address.js';
import { block, node, pool, world } from './worlds.js';

const a = node('a', { bgp: '172.16.0.1/24', vxlan: '10.1.0.0' });
const b = node('b', { bgp: '172.16.0.2/24', vxlan: '10.2.0.0' });
const c = node('c', { bgp: '172.17.0.3/24', vxlan: '10.3.0.0' });
const inventory = world({
  pools: [pool('default', '10.0.0.0/8', { vxlan: 'CrossSubnet' })],
  nodes: [a, b, c],
  blocks: [
    block('10.1.0.0/26', 'a', { 5: 'a' }),
    block('10.2.0.0/26', 'b'),
    block('10.3.0.0/26', 'c'),
  ],
});

const says = test.macro({
  title: (title) => title ?? '',
  exec: (t, destination: string, source: string | undefined, expected: readonly string[]) => {
    const { steps } = explain(inventory, 'a' as NodeName, {
      destination: parseAddress(destination),
      ...(source === undefined ? {} : { source: parseAddress(source) }),
    });
    t.deepEqual(
      steps.map(({ title, text }) => `${title}: ${text}`),
      [...expected],
    );
  },
});
test(
  'an encapsulated packet is explained from its source to its size',
  says,
  '10.3.0.9',
  '10.1.0.5',
  [
    'source: 10.1.0.5 is a local workload, pool default (10.0.0.0/8), block 10.1.0.0/26 of a',
    'destination: 10.3.0.9 is on c, pool default (10.0.0.0/8), block 10.3.0.0/26 of c',
    'mode: vxlan CrossSubnet (IPPool default)',
    'subnet: a 172.16.0.1/24 does not contain c 172.17.0.3: different subnets, encapsulated',
    'outer: 172.16.0.1 > 172.17.0.3 udp 49152-65535 > 4789 vni 4096',
    'mac: inner 66:86:f7:e4:37:fa > 66:84:a5:16:84:1b (VTEP of c)',
    "size: 50 bytes of outer headers; the packet inside may have the underlay's MTU less 50",
  ],
);
test('a direct packet has no outer headers', says, '10.2.0.9', undefined, [
  'destination: 10.2.0.9 is on b, pool default (10.0.0.0/8), block 10.2.0.0/26 of b',
  'mode: vxlan CrossSubnet (IPPool default)',
  'subnet: a 172.16.0.1/24 contains b 172.16.0.2: same subnet, sent as it is',
]);
test('an unused address says whose block it is in', says, '10.1.0.9', undefined, [
  'destination: 10.1.0.9 is unused, in a block of this node, pool default (10.0.0.0/8), block 10.1.0.0/26 of a: dropped',
]);
test('an address that nobody has says so', says, '10.9.0.9', undefined, [
  'destination: 10.9.0.9, pool default (10.0.0.0/8): no block holds it, so nobody has it',
]);
test('an address of the world is in no pool', says, '8.8.8.8', undefined, [
  'destination: 8.8.8.8, in no pool: an address outside all pools is not ours to route',
]);
test('a node address is never encapsulated', says, '172.17.0.3', undefined, [
  'destination: 172.17.0.3 is an address of c: never encapsulated, or the outer packet would be again',
]);
test("a source that is another node's is found out", says, '8.8.8.8', '10.3.0.4', [
  'source: 10.3.0.4 is no workload of this node, pool default (10.0.0.0/8), block 10.3.0.0/26 of c: a forwarded packet from it is dropped (SRC_SPOOF)',
  'destination: 8.8.8.8, in no pool: an address outside all pools is not ours to route',
]);
for (const [destination, more] of [
  [
    '10.3.0.9',
    ': a forwarded packet from it is dropped (SRC_SPOOF), what is masqueraded has the tunnel address 10.1.0.0',
  ],
  ['10.2.0.9', ''],
  ['8.8.8.8', ''],
] as const)
  test(`what of the node's own packets may be forwarded to ${destination}`, (t) => {
    const packet = {
      destination: parseAddress(destination),
      source: parseAddress('172.16.0.1'),
    };
    const [source] = explain(inventory, 'a' as NodeName, packet).steps;
    t.is(source?.text, `172.16.0.1 is an address of this node${more}`);
  });
test('a node without a tunnel address has none to masquerade to', (t) => {
  const bare = world({
    pools: [pool('p', '10.0.0.0/8', { ipip: 'Always' })],
    nodes: [node('n', { bgp: '172.16.0.9/24' }), b],
    blocks: [block('10.2.0.0/26', 'b')],
  });
  const packet = { destination: parseAddress('10.2.0.9'), source: parseAddress('172.16.0.9') };
  t.is(
    explain(bare, 'n' as NodeName, packet).steps[0]?.text,
    '172.16.0.9 is an address of this node: a forwarded packet from it is dropped (SRC_SPOOF), there is no tunnel address to masquerade to',
  );
});
test('a block without a way says why', (t) => {
  const { steps } = explain(
    world({
      pools: [pool('p', '10.0.0.0/8', { vxlan: 'Always' })],
      nodes: [a, node('n', { internal: '172.16.0.9' })],
      blocks: [block('10.2.0.0/26', 'n')],
    }),
    'a' as NodeName,
    { destination: parseAddress('10.2.0.9') },
  );
  t.is(
    steps[0]?.text,
    '10.2.0.9, pool p (10.0.0.0/8): 10.2.0.0/26 is of n, but n is no VTEP: it needs a BGP address and a VXLAN tunnel address',
  );
});
test('an explanation names pool, block and peer', (t) => {
  const { steps, ...rest } = explain(inventory, 'a' as NodeName, {
    destination: parseAddress('10.3.0.9'),
  });
  t.deepEqual(rest as unknown, {
    destination: '10.3.0.9',
    action: 'vxlan',
    via: '172.17.0.3',
    peer: 'c',
    pool: 'default',
    block: '10.3.0.0/26',
    reason: 'different-subnet',
    outer: {
      source: '172.16.0.1',
      destination: '172.17.0.3',
      bytes: 50,
      vxlan: {
        vni: 4096,
        port: 4789,
        sourceMac: '66:86:f7:e4:37:fa',
        destinationMac: '66:84:a5:16:84:1b',
      },
    },
  });
  t.true(steps.length > 0);
});

for (const [source, check, expected] of [
  ['10.1.0.5', 'strict', 'workload'],
  ['10.1.0.9', 'strict', 'workload'], // in a block of this node
  ['10.3.0.4', 'strict', 'spoofed'],
  ['10.3.0.4', 'pool', 'spoofed'],
  ['10.3.0.4', 'off', 'workload'],
  ['8.8.8.8', 'strict', 'spoofed'],
  ['8.8.8.8', 'pool', 'workload'],
  ['10.1.0.0', 'strict', 'node'],
  ['172.16.0.1', 'strict', 'node'],
  ['172.17.0.3', 'strict', 'spoofed'],
] as const)
  test(`with the source check ${check}, ${source} is a ${expected} here`, (t) => {
    const { settings } = inventory;
    const checks = { ...settings.checks, source: check };
    const checked = { ...inventory, settings: { ...settings, checks } };
    const packet = { destination: parseAddress('10.2.0.9'), source: parseAddress(source) };
    const { sender, steps } = explain(checked, 'a' as NodeName, packet);
    t.is(sender, expected);
    const isToldSo = /is dropped/.test(steps[0]?.text ?? '');
    if (expected !== 'node') t.is(isToldSo, expected === 'spoofed');
  });

test('a size is held against what there is room for', (t) => {
  const narrow = {
    ...inventory,
    settings: { ...inventory.settings, underlay: { ...inventory.settings.underlay, mtu: 1500 } },
  };
  const of = (bytes: number, to = '10.3.0.9') =>
    explainer(narrow, 'a' as NodeName)(parseAddress(to), undefined, bytes).steps.at(-1)?.text ?? '';
  t.regex(of(1450), /; 1450 \+ 50 = 1500 bytes, which fits$/);
  t.regex(of(1460), /; 1460 \+ 50 = 1510 bytes, which is 10 too many$/);
  const direct = /^no outer headers, but the pool's route, .+ takes the underlay's MTU less 50; /;
  t.regex(of(1450, '10.2.0.9'), direct);
  t.regex(of(1450, '10.2.0.9'), /; 1450 bytes, which fits$/);
  t.regex(of(1460, '10.2.0.9'), /; 1460 bytes, which is 10 too many$/);
});

test('what Felix was told not to carry, and we do in its place, is explained', (t) => {
  const settings = { kernelTunnels: 'replace', vxlanEnabled: false } as const;
  const replaced = { ...inventory, settings: { ...inventory.settings, ...settings } };
  const { steps } = explain(replaced, 'a' as NodeName, { destination: parseAddress('10.3.0.9') });
  t.is(
    steps.find(({ title }) => title === 'mode')?.text,
    'vxlan CrossSubnet (IPPool default); FelixConfiguration vxlanEnabled is false, of the device that is replaced',
  );
});
