import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { dissect, whyNoTshark } from '../support/dissect.js';
import { ethernetBytes, familyIn, ipBytesOf, u16At } from '../support/fields.js';
import { root, whyNoPrograms } from '../support/object.js';
import { fromHex } from '../support/packet.js';
import { everyWay } from '../support/ways.js';
import { peerIndex } from '../support/world.js';

/** Written by frames.py, that is by scapy: the frame that took a pool route, and what must leave. */
interface Row {
  readonly title: string;
  readonly encap: 'vxlan' | 'ipip' | 'ip6ip' | 'none';
  /** Of the outer UDP header; `waived`: none over IPv6, for the peer takes that (RFC 6935). */
  readonly checksum: 'none' | 'zero' | 'full' | 'waived';
  readonly inner: string;
  readonly outer: string;
}

const rows = JSON.parse(readFileSync(join(root, 'test/program/frames.json'), 'utf8')) as Row[];

const missing = whyNoPrograms();
const dut = missing === undefined ? everyWay('a') : undefined;
const waiving = missing === undefined ? everyWay('a') : undefined;
if (waiving !== undefined) {
  const index = peerIndex('a', 'b', 'ipv6');
  const peer = waiving.tables.peers.get(index);
  if (peer !== undefined) waiving.tables.peers.set(index, { ...peer, zeroChecksum: true });
}
test.after.always(() => {
  dut?.[Symbol.dispose]();
  waiving?.[Symbol.dispose]();
});

function sends(t: ExecutionContext, { encap, checksum, inner, outer }: Row): void {
  const node = checksum === 'waived' ? waiving : dut;
  if (node === undefined) {
    t.log(`skipped: ${missing ?? ''}`);
    t.pass();
    return;
  }
  const { verdict, packet, mark } = node.run('egress', fromHex(inner));
  t.is(verdict, encap === 'none' ? 'DIRECT' : 'ENCAPSULATED');
  t.is(mark, node.config.ownMark, 'its second pass must be told from others');
  t.is(hex(encap === 'none' ? packet : withoutFlow(t, packet, checksum)), outer);
}

for (const row of rows) test(row.title, sends, row);

test('another dissector finds nothing malformed and every checksum right', (t) => {
  const why = missing ?? whyNoTshark();
  if (why !== undefined || dut === undefined || waiving === undefined) {
    t.log(`skipped: ${why ?? ''}`);
    t.pass();
    return;
  }
  const sent = rows.map(
    ({ checksum, inner }) =>
      (checksum === 'waived' ? waiving : dut).quickly('egress', fromHex(inner)).packet,
  );
  dissect(sent).forEach((found, place) => {
    const row = rows[place];
    t.false(found.malformed, row?.title);
    t.deepEqual(found.wrong, [], row?.title);
    t.is(found.unsummed, row?.checksum === 'waived', row?.title);
    if (row?.encap === 'vxlan')
      t.regex(found.protocols, /:ip(v6)?:udp:vxlan:eth:ethertype:ip(v6)?/);
    if (row?.encap === 'ipip') t.regex(found.protocols, /ethertype:ip:ip/);
    if (row?.encap === 'ip6ip') t.regex(found.protocols, /ethertype:ip(v6)?:ipv6/);
    const isIpv4 = found.protocols.split(':').filter((name) => name === 'ip').length;
    t.is(found.right.ip, isIpv4, row?.title);
    if (row?.checksum === 'full') t.true(found.right.udp > 0, row.title);
  });
});

/** Blanks what scapy cannot know: the flow's source port (RFC 7348 section 5) and label (RFC 6438). */
function withoutFlow(
  t: ExecutionContext,
  frame: Uint8Array,
  checksum: Row['checksum'],
): Uint8Array {
  const blank = frame.slice();
  const view = new DataView(blank.buffer);
  if (familyIn(frame) === 'ipv6')
    view.setUint32(ethernetBytes, view.getUint32(ethernetBytes) & 0xfff00000);
  if (checksum === 'none') return blank;
  const udp = ethernetBytes + ipBytesOf(frame);
  const port = u16At(frame, udp);
  t.true(port >= 49152, `source port ${port} is not dynamic`);
  view.setUint16(udp, 0);
  if (checksum === 'full') view.setUint16(udp + 6, checksumWithout(port, u16At(frame, udp + 6)));
  return blank;
}

/** RFC 1624, equation 3: what the checksum is with 0 in the place of a word. */
function checksumWithout(word: number, checksum: number): number {
  const sum = (~checksum & 0xffff) + (~word & 0xffff);
  return ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
}

function hex(frame: Uint8Array): string {
  return Buffer.from(frame).toString('hex');
}
