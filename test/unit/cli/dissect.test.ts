import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { dissect } from '../../../src/cli/dissect.js';
import { dissect as tshark, whyNoTshark } from '../../support/dissect.js';
import { root } from '../../support/object.js';
import { eth, fromHex } from '../../support/packet.js';

const mac = '02:00:00:00:00:01';
const frame = eth(mac, mac);

function said(packet: { bytes(): Uint8Array }): string[] {
  return dissect(packet.bytes(), 4789).map(({ name, says }) => `${name} ${says}`);
}

test('the headers of the corpus are those that another dissector finds', (t) => {
  const missing = whyNoTshark();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const corpus = JSON.parse(readFileSync(join(root, 'test/program/corpus.json'), 'utf8')) as {
    id: string;
    hex: string;
  }[];
  const frames = corpus.map(({ hex }) => fromHex(hex));
  const found = tshark(frames);
  let compared = 0;
  corpus.forEach(({ id }, place) => {
    const other = found[place];
    const ours = dissect(frames[place] ?? new Uint8Array(), 4789);
    if (other === undefined || other.malformed || ours.some(({ says }) => /cut off|!/.test(says)))
      return;
    compared += 1;
    t.deepEqual(
      ours.flatMap(({ name }) => theirs.get(name) ?? []),
      other.protocols.split(':').filter((name) => [...theirs.values()].includes(name)),
      id,
    );
  });
  t.true(compared > 80, `${compared} compared`);
});

/** Ours as tshark calls them. */
const theirs = new Map([
  ['Ethernet', 'eth'],
  ['IPv4', 'ip'],
  ['IPv6', 'ipv6'],
  ['UDP', 'udp'],
  ['TCP', 'tcp'],
  ['SCTP', 'sctp'],
  ['VXLAN', 'vxlan'],
]);

test('fragments, options, ECN and DSCP are told', (t) => {
  t.deepEqual(
    said(
      frame
        .ipv4('10.0.0.1', '10.0.0.2', {
          ...{ dscp: 46, ecn: 'ce', ttl: 3, fragmentOffset: 9, moreFragments: true, protocol: 17 },
          options: Uint8Array.of(1, 1, 1, 0),
        })
        .raw('12345678'),
    ).slice(1),
    [
      'IPv4 10.0.0.1 > 10.0.0.2, UDP, ttl 3, dscp 46, ecn CE, more fragments, fragment at 72, 4 bytes of options, 32 bytes',
      'data 8 bytes',
    ],
  );
  t.deepEqual(
    said(
      frame
        .ipv6('fd00::1', 'fd00::2', { hopLimit: 3, ecn: 'ect1', flowLabel: 0xabc })
        .extension(0)
        .extension(44, [0, 1, 0, 0, 0, 9])
        .tcp(1, 2),
    ).slice(1),
    [
      'IPv6 fd00::1 > fd00::2, Hop-by-hop options, hop limit 3, dscp 0, ecn ECT(1), flow label 0x00abc, 76 bytes',
      'Hop-by-hop options Fragment header',
      'Fragment header TCP, fragment at 0',
      'TCP 1 > 2, 20 bytes',
    ],
  );
});

test('a lie about lengths is told, and so is what stands behind the packet', (t) => {
  const bytes = frame.ipv4('10.0.0.1', '10.0.0.2').udp(1, 2).raw('hello').bytes();
  const padded = { bytes: () => new Uint8Array([...bytes, 0, 0, 0]) };
  t.deepEqual(said(padded).at(-1), 'trailer 3 bytes that belong to no packet');
  const cut = { bytes: () => bytes.slice(0, -3) };
  t.regex(said(cut)[1] ?? '', /33 bytes, of which 30 are there!$/);
  t.regex(said(cut)[2] ?? '', /13 bytes, of which 10 are there!$/);
});

test('every frame cut off at every byte is told without an exception', (t) => {
  const whole = frame
    .ipv4('192.0.2.1', '192.0.2.2')
    .udp(1, 4789)
    .vxlan(7)
    .eth(mac, mac)
    .ipv6('fd00::1', 'fd00::2')
    .extension(60)
    .ipv4('10.0.0.1', '10.0.0.2')
    .tcp(1, 2)
    .bytes();
  for (let length = 0; length <= whole.length; length += 1)
    t.true(dissect(whole.subarray(0, length), 4789).length > 0);
});
