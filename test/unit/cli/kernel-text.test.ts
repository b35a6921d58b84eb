import test from 'ava';
import { failureOf } from '../../../src/cli/failure.js';
import type { KernelAnswer } from '../../../src/cli/kernel-answer.js';
import { answeredText, unaskedText } from '../../../src/cli/kernel-text.js';
import { reasonIn } from '../../../src/cli/kernel-unasked.js';
import { paintFor } from '../../../src/cli/paint.js';
import { EncapError } from '../../../src/errors.js';
import { parseAddress } from '../../../src/net/address.js';

const plain = paintFor({}, {}, 'never');
const meanings = new Map([['no_block', 'the address is in a pool, but in no block']]);

const answer = {
  asked: true,
  agrees: true,
  packet: {
    source: parseAddress('10.244.1.5'),
    destination: parseAddress('10.244.3.9'),
    protocol: 'udp',
    sourcePort: 40_000,
    destinationPort: 53,
    sizeBytes: 84,
  },
  verdict: 'no_block',
  fate: 'drop',
  differences: [],
} as const satisfies KernelAnswer;

const begin = 'the loaded program, run on such a packet (udp 40000 > 53, 84 bytes)';

test('a verdict is said with what it means', (t) => {
  t.is(
    answeredText(plain, { action: 'none', kernel: answer }, meanings),
    `kernel agrees: ${begin}, drops it (no_block: the address is in a pool, but in no block)`,
  );
});

test('differences are listed, and what could not be asked', (t) => {
  const kernel = {
    ...answer,
    agrees: false,
    differences: [
      { what: 'VNI', explained: '4096', kernel: '77' },
      { what: 'outer source', explained: '192.0.2.1', kernel: '192.0.2.9' },
    ],
    remark: 'this kernel takes no packets that came in elsewhere',
  };
  t.deepEqual(answeredText(plain, { action: 'vxlan', kernel }, meanings).split('\n').slice(1), [
    '   VNI            explained 4096, kernel 77',
    '   outer source   explained 192.0.2.1, kernel 192.0.2.9',
    ' ! this kernel takes no packets that came in elsewhere',
  ]);
});

const isAsked = test.macro({
  title: (_, message: string) => `why the kernel was not asked: ${message}`,
  exec: (
    t,
    message: string,
    why: string | undefined,
    code: 'PERMISSION' | 'DATAPATH_ABSENT' | 'FEATURE_MISSING',
    expected: string,
  ) => {
    const error = new EncapError(message, { code, ...(why === undefined ? {} : { why }) });
    t.is(unaskedText(plain, reasonIn(failureOf(error))), `kernel not asked: ${expected}`);
  },
});
test(
  isAsked,
  'cannot read the datapath: there is none on this node',
  'nothing is pinned in /x',
  'DATAPATH_ABSENT',
  'nothing is pinned in /x',
);
test(
  isAsked,
  'cannot load the programs: EPERM',
  'cannot load encapd: EPERM: …',
  'PERMISSION',
  'could not load the programs: EPERM',
);
test(
  isAsked,
  'cannot ask the kernel about node-b: node-a runs here',
  undefined,
  'FEATURE_MISSING',
  'node-a runs here',
);
