import test, { type ExecutionContext } from 'ava';
import { ethernetBytes, u16At } from '../support/fields.js';
import { whyNoPrograms } from '../support/object.js';
import { internetChecksum } from '../support/packet.js';
import { everyWay, leaving, ways, type Way } from '../support/ways.js';

const missing = whyNoPrograms();
const dut = missing === undefined ? everyWay('a', {}, 9000) : undefined;
test.after.always(() => dut?.[Symbol.dispose]());

function skip(t: ExecutionContext): void {
  t.log(`skipped: ${missing ?? ''}`);
  t.pass();
}

/** Around the pieces in which the program sums, and up to the largest frame that a test run takes. */
const sizes = [
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8],
  ...[512, 1024, 1536, 2048, 3072, 3400].flatMap((size) => around(size, 70)),
];

function isRight(t: ExecutionContext, way: Way): void {
  if (dut === undefined) return skip(t);
  for (const size of sizes) {
    const payload = Uint8Array.from({ length: size }, (_, place) => (place * 7 + size) & 0xff);
    const { returnValue, packet } = dut.quickly(
      'egress',
      leaving(way).udp(1, 2).raw(payload).bytes(),
    );
    t.is(returnValue, 7);
    t.is(verification(packet), 0, `${size} bytes of payload`);
  }
}

function isNever0(t: ExecutionContext, way: Way): void {
  if (dut === undefined) return skip(t);
  const checksum = (word: number): number => {
    const payload = Uint8Array.of(word >> 8, word & 255);
    const packet = leaving(way).other(253, payload).bytes();
    return u16At(dut.quickly('egress', packet).packet, udpAt + 6);
  };
  // the flow and so all else is the same: with this word the sum is 0xffff, its complement 0
  t.is(checksum(checksum(0)), 0xffff);
}

for (const way of ways.filter(({ encap, over }) => encap === 'vxlan' && over === 'ipv6')) {
  test(`${way.title}: the outer UDP checksum is right for every length`, isRight, way);
  test(
    `${way.title}: a checksum that comes out as 0 is sent as 0xffff (RFC 8200 section 8.1)`,
    isNever0,
    way,
  );
}

const udpAt = ethernetBytes + 40;

/** RFC 8200 section 8.1, over all that the outer UDP checksum covers: 0 when it is right. */
function verification(frame: Uint8Array): number {
  const datagram = frame.subarray(udpAt);
  const length = datagram.length;
  const pseudo = Uint8Array.of(0, 0, length >> 8, length & 255, 0, 0, 0, 17);
  return internetChecksum(frame.subarray(ethernetBytes + 8, udpAt), pseudo, datagram);
}

/** Sizes that put the end of what is summed before, on and behind a boundary. */
function around(size: number, room: number): number[] {
  return Array.from({ length: room }, (_, place) => size - room + place);
}
