import test from 'ava';
import { entriesAt } from '../../../src/cli/map-key.js';
import type { MapName } from '../../../src/datapath/maps.js';
import { EncapError } from '../../../src/errors.js';

const tables = {
  blocks: [
    { block: '10.244.1.0/26', node: 'node-a', how: 'local' },
    { block: '10.244.3.0/26', node: 'node-c', how: 'vxlan' },
    { block: '10.244.3.9/32', node: 'node-b', how: 'direct' }, // borrowed
    { block: 'fd00:10:244::/122', node: 'node-c', how: 'vxlan' },
  ],
  pools: [{ pool: '10.244.0.0/16' }, { pool: '10.244.128.0/17' }],
  slots: [
    { slot: 1, node: 'node-a' },
    { slot: 3, node: 'node-c' },
  ],
  peers: [
    { index: 0, node: 'node-a', address: '192.168.10.11' },
    { index: 2, node: 'node-c', address: '192.168.20.11' },
    { index: 3, node: 'node-c', address: 'fd00::20:11' },
  ],
  policies: [{ index: 0, pool: '10.244.0.0/16' }],
  verdicts: [{ verdict: 'encapsulated' }, { verdict: 'too_big' }],
  cutters: [{ in: 4, out: 5, uplink: 2 }],
  decisions: [],
} as const;

const finds = test.macro({
  async exec(t, map: keyof typeof tables & MapName, key: string, ...rows: readonly number[]) {
    t.deepEqual(
      await entriesAt(map, tables[map], key),
      rows.map((row) => tables[map][row] ?? {}),
    );
  },
  title: (sentence = '') => sentence,
});

test('an address is in the longest block that holds it', finds, 'blocks', '10.244.3.10', 1);
test('a borrowed address is a block of its own', finds, 'blocks', '10.244.3.9', 2);
test('a CIDR is that block alone, not what lies in it', finds, 'blocks', '10.244.3.0/26', 1);
test('an IPv6 address may be written as one likes', finds, 'blocks', 'FD00:10:244:0::9', 3);
test('a node has all of its blocks', finds, 'blocks', 'node-c', 1, 3);
test('the longer of two pools holds an address', finds, 'pools', '10.244.200.1', 1);
test('a slot has a number', finds, 'slots', '3', 1);
test('a peer has an index', finds, 'peers', '2', 1);
test('a node of two families is two peers', finds, 'peers', 'node-c', 1, 2);
test('a peer has an address', finds, 'peers', 'fd00:0::20:11', 2);
test('a policy has the name of its pool', finds, 'policies', '10.244.0.0/16', 0);
test('a verdict has a name', finds, 'verdicts', 'too_big', 1);
test('the one entry of a map is number 0', finds, 'cutters', '0', 0);

const refuses = test.macro({
  async exec(t, map: keyof typeof tables & MapName, key: string, message: RegExp, hint: RegExp) {
    const error = await t.throwsAsync(entriesAt(map, tables[map], key), { instanceOf: EncapError });
    t.is(error.code, 'USAGE');
    t.regex(error.message, message);
    t.regex(error.hint ?? '', hint);
  },
  title: (sentence = '') => sentence,
});

test(
  'an address in no block is not found',
  refuses,
  'blocks',
  '10.9.9.9',
  /no entry has it/,
  /map dump blocks/,
);
test(
  'a mistyped name gets the nearest one offered',
  refuses,
  'peers',
  'node-cc',
  /no entry has it/,
  /did you mean node-c\?/,
);
test(
  'a slot is not named by an address',
  refuses,
  'slots',
  '10.244.3.9',
  /no key of it/,
  /number of its slot, or the name of a node/,
);
test(
  'pools have no names in the kernel',
  refuses,
  'pools',
  'default-pool',
  /no key of it/,
  /an address, or a CIDR of its pools/,
);
test(
  'what is no prefix is no key',
  refuses,
  'blocks',
  '10.244.3.0/33',
  /no entry has it/,
  /map dump blocks/,
);
test(
  'a map of one entry has no names',
  refuses,
  'cutters',
  'node-a',
  /no key of it/,
  /0: it has one entry/,
);
test(
  'a map of one entry has no second one',
  refuses,
  'cutters',
  '1',
  /no entry has it/,
  /map dump cutters/,
);
