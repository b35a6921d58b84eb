import test, { type ExecutionContext } from 'ava';
import { packetFrom, type Packet } from '../../../src/cli/packet-line.js';
import { EncapError } from '../../../src/errors.js';

function reads(t: ExecutionContext, line: string, expected: Packet): void {
  t.deepEqual(packetFrom(line, 7, 'ingress'), expected);
}

const plain = { fromWorkload: false, mark: false, raw: false } as const;

test('a frame alone gets its line’s number and the usual direction', reads, '{"hex":"02fF"}', {
  ...plain,
  id: 7,
  direction: 'ingress',
  frame: Uint8Array.of(2, 255),
});
test(
  'all that a line can say',
  reads,
  '{"id":"x","direction":"egress","hex":"02","fromWorkload":true,"mark":true,"raw":true}',
  {
    id: 'x',
    direction: 'egress',
    frame: Uint8Array.of(2),
    fromWorkload: true,
    mark: true,
    raw: true,
  },
);
test('bytes may be separated as tools print them', reads, '{"hex":"02:00 01\\n02"}', {
  ...plain,
  id: 7,
  direction: 'ingress',
  frame: Uint8Array.of(2, 0, 1, 2),
});

function refuses(t: ExecutionContext, line: string, why: RegExp): void {
  const error = t.throws(() => packetFrom(line, 7, 'ingress'), { instanceOf: EncapError });
  t.is(error.code, 'CONFIG_INVALID');
  t.regex(error.message, /^cannot read packet 7: /);
  t.regex(error.message, why);
  t.deepEqual(error.place, { file: '<stdin>', line: 7 });
}

test('what is no JSON', refuses, 'nonsense', /it is no JSON/);
test('what is no object', refuses, '[1]', /the line: .*object/);
test('no packet', refuses, '{}', /hex: /);
test('no bytes', refuses, '{"hex":" "}', /there are no bytes/);
test('half a byte', refuses, '{"hex":"020"}', /3 hexadecimal digits are no whole bytes/);
test('a stray digit', refuses, '{"hex":"0x02"}', /"x" is no hexadecimal digit/);
test(
  'a fourth direction',
  refuses,
  '{"direction":"up","hex":"02"}',
  /direction: .*"ingress"\|"egress"\|"workload"/,
);
test('a field that there is not', refuses, '{"hex":"02","fromworkload":true}', /fromworkload/);
test('a number for a flag', refuses, '{"hex":"02","mark":4096}', /mark: .*boolean/);
