import test from 'ava';
import { parseAddress } from '../../../src/net/address.js';
import { leastBytes, packetOf, type Flow } from '../../../src/net/packet.js';
import { eth, internetChecksum, ipBytes, type Packet } from '../../support/packet.js';

const four = { source: '10.244.1.5', destination: '10.244.3.9' };
const six = { source: 'fd00:244:0:1::5', destination: 'fd00:244:0:3::9' };
const ports = { sourcePort: 40_000, destinationPort: 443 };

function flow({ source, destination }: typeof four, rest: Pick<Flow, 'protocol' | 'sizeBytes'>) {
  return packetOf({
    source: parseAddress(source),
    destination: parseAddress(destination),
    ...ports,
    ...rest,
  });
}

function ip({ source, destination }: typeof four): Packet {
  const frame = eth('02:00:00:00:00:01', '02:00:00:00:00:02');
  return source.includes(':')
    ? frame.ipv6(source, destination)
    : frame.ipv4(source, destination, { dontFragment: true });
}

for (const [family, ends, header] of [
  ['IPv4', four, 20],
  ['IPv6', six, 40],
] as const) {
  test(`a UDP packet over ${family} is what another builder makes of it, odd sizes too`, (t) => {
    for (const data of [0, 1, 56]) {
      const expected = ip(ends).udp(40_000, 443).raw(new Uint8Array(data)).bytes().subarray(14);
      t.deepEqual(flow(ends, { protocol: 'udp', sizeBytes: header + 8 + data }), expected);
    }
  });

  test(`a TCP packet over ${family} has its ports and a right checksum`, (t) => {
    const bytes = flow(ends, { protocol: 'tcp', sizeBytes: header + 20 + 7 });
    const segment = bytes.subarray(header);
    t.deepEqual([...segment.subarray(0, 4)], [0x9c, 0x40, 0x01, 0xbb]);
    t.is(internetChecksum(pseudo(ends, 6, segment.length), segment), 0);
  });

  test(`an echo request over ${family} has a right checksum`, (t) => {
    const bytes = flow(ends, { protocol: 'icmp', sizeBytes: header + 8 + 56 });
    const message = bytes.subarray(header);
    t.is(message[0], family === 'IPv4' ? 8 : 128);
    const before = family === 'IPv4' ? new Uint8Array() : pseudo(ends, 58, message.length);
    t.is(internetChecksum(before, message), 0);
  });
}

test('the least that a packet can be is its headers', (t) => {
  t.is(leastBytes('ipv4', 'tcp'), 40);
  t.is(leastBytes('ipv4', 'udp'), 28);
  t.is(leastBytes('ipv6', 'icmp'), 48);
});

/** RFC 8200 section 8.1; for IPv4 it has the same sum. */
function pseudo({ source, destination }: typeof four, protocol: number, length: number) {
  return Uint8Array.of(
    ...ipBytes(source),
    ...ipBytes(destination),
    ...[0, 0, length >> 8, length & 255, 0, 0, 0, protocol],
  );
}
