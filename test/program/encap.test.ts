import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { dissect, whyNoTshark } from '../support/dissect.js';
import { Dut } from '../support/dut.js';
import { root, whyNoPrograms } from '../support/object.js';
import { fromHex } from '../support/packet.js';

/** Written by frames.py, that is by scapy: the frame that took a pool route, and what must leave. */
interface Row {
  readonly title: string;
  readonly encap: 'vxlan' | 'ipip' | 'none';
  readonly inner: string;
  readonly outer: string;
}

const rows = JSON.parse(readFileSync(join(root, 'test/program/frames.json'), 'utf8')) as Row[];

const missing = whyNoPrograms();
const dut = missing === undefined ? new Dut() : undefined;
test.after.always(() => dut?.[Symbol.dispose]());

function sends(t: ExecutionContext, { encap, inner, outer }: Row): void {
  if (dut === undefined) {
    t.log(`skipped: ${missing ?? ''}`);
    t.pass();
    return;
  }
  const { verdict, packet, mark } = dut.run('egress', fromHex(inner));
  t.is(verdict, encap === 'none' ? 'DIRECT' : 'ENCAPSULATED');
  t.is(mark, dut.config.ownMark, 'its second pass must be told from others');
  t.is(Buffer.from(encap === 'vxlan' ? withoutPort(t, packet) : packet).toString('hex'), outer);
}

for (const row of rows) test(row.title, sends, row);

test('another dissector finds nothing malformed and every checksum right', (t) => {
  const why = missing ?? whyNoTshark();
  if (why !== undefined || dut === undefined) {
    t.log(`skipped: ${why ?? ''}`);
    t.pass();
    return;
  }
  const sent = rows.map(({ inner }) => dut.quickly('egress', fromHex(inner)).packet);
  dissect(sent).forEach((found, place) => {
    const row = rows[place];
    t.false(found.malformed, row?.title);
    t.deepEqual(found.wrong, [], row?.title);
    t.true(found.rightIp >= (row?.encap === 'none' ? 1 : 2), row?.title);
    if (row?.encap === 'vxlan') t.regex(found.protocols, /:ip:udp:vxlan:eth:ethertype:ip/);
    if (row?.encap === 'ipip') t.regex(found.protocols, /ethertype:ip:ip/);
  });
});

/** The one field that scapy cannot know: the flow's source port, RFC 7348 section 5. */
function withoutPort(t: ExecutionContext, frame: Uint8Array): Uint8Array {
  const port = ((frame[34] ?? 0) << 8) | (frame[35] ?? 0);
  t.true(port >= 49152, `source port ${port} is not dynamic`);
  const blank = frame.slice();
  blank.fill(0, 34, 36);
  return blank;
}
