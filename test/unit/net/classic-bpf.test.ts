import { execFileSync, spawnSync } from 'node:child_process';
import test from 'ava';
import { passes, readClassicFilter } from '../../../src/net/classic-bpf.js';
import { eth } from '../../support/packet.js';

const [a, b] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b'] as const;
const v4 = eth(a, b).ipv4('10.244.1.5', '10.244.2.9');
const v6 = eth(a, b).ipv6('fd00:244:0:1::5', 'fd00:244:0:2::9');
const outer = eth(a, b).ipv4('192.168.1.11', '192.168.1.12').udp(50000, 4789).vxlan(4096);

/** Frames that differ in what filters ask for. */
const frames: readonly Uint8Array[] = [
  v4.udp(1, 53).raw('query').bytes(),
  v4.udp(53, 1).raw(new Uint8Array(400)).bytes(),
  eth(a, b)
    .ipv4('10.244.2.9', '10.244.1.5', { options: Uint8Array.of(1, 1, 1, 0) })
    .udp(7, 53)
    .bytes(),
  v6.udp(1, 53).bytes(),
  outer.eth(a, b).ipv4('10.244.1.5', '10.244.2.9').udp(1, 2).bytes(),
  eth(b, 'ff:ff:ff:ff:ff:ff').ipv4('10.0.0.1', '255.255.255.255').bytes(),
  eth(a, b)
    .ipv4('10.244.1.5', '10.244.2.9', { protocol: 1 })
    .raw(Uint8Array.of(8, 0, 0, 0))
    .bytes(),
  v4.udp(1, 53).bytes().slice(0, 30),
];

const filters = [
  'udp port 53',
  'src host 10.244.1.5 and not port 53',
  'net 10.244.2.0/24',
  'ip6 and udp',
  'greater 200',
  'less 60',
  'icmp[icmptype] == icmp-echo',
  'ether broadcast',
  'ip[8] * 2 - 1 > 100 and ip[0] & 0xf != 5',
  'udp[4:2] > 8 or ip[6:2] & 0x1fff != 0',
  'udp port 4789 and udp[12:4] >> 8 = 4096',
  'ip[2:2] / 4 = 7 or ip[2:2] >> 2 = 8 or len % 2 = 1',
  'udp portrange 50-60 or (ip and ether[0] ^ 2 = 0 and ip[1] | 1 = 1)',
];

const missing = spawnSync('tcpdump', ['--version']).error === undefined ? undefined : 'no tcpdump';

for (const filter of filters)
  test(`'${filter}' passes the frames that tcpdump passes`, (t) => {
    if (missing !== undefined) {
      t.log(`skipped: ${missing} on this machine`);
      t.pass();
      return;
    }
    const program = execFileSync('tcpdump', ['-ddd', '-y', 'EN10MB', '--', filter], {
      encoding: 'utf8',
    });
    const compiled = readClassicFilter(program);
    const taken = frames.map((frame) => passes(compiled, frame));
    t.deepEqual(taken, byTcpdump(filter));
  });

/** Frames are known again by their time, which is their number. */
function byTcpdump(filter: string): readonly boolean[] {
  const packets = frames.flatMap((frame, number) => [packetHeader(number, frame.length), frame]);
  const written = execFileSync('tcpdump', ['-r', '-', '-w', '-', '--', filter], {
    input: Buffer.concat([fileHeader, ...packets]),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const passed = new Set<number>();
  for (let at = fileHeader.length; at < written.length; at += 16 + written.readUInt32LE(at + 8))
    passed.add(written.readUInt32LE(at));
  return frames.map((_, number) => passed.has(number));
}

/** pcap, of Ethernet frames (draft-ietf-opsawg-pcap). */
const fileHeader = Buffer.from(new Uint32Array([0xa1b2c3d4, 0x00040002, 0, 0, 262_144, 1]).buffer);

function packetHeader(seconds: number, length: number): Buffer {
  return Buffer.from(new Uint32Array([seconds, 0, length, length]).buffer);
}

test('what tcpdump never prints is refused', (t) => {
  for (const text of ['', '2\n6 0 0 0', '1\n6 0 0', '1\n6 0 0 x'])
    t.throws(() => readClassicFilter(text), { instanceOf: TypeError });
});

test('a division by a register that is zero refuses the packet, as does an end without an answer', (t) => {
  const answer = '6 0 0 1';
  for (const [text, expected] of [
    [`1\n${answer}`, true],
    [`2\n60 0 0 0\n${answer}`, false], // A /= X
    [`2\n156 0 0 0\n${answer}`, false], // A %= X
    ['1\n0 0 0 7', false],
  ] as const)
    t.is(passes(readClassicFilter(text), new Uint8Array(60)), expected, text);
});
