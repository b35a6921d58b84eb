import test from 'ava';
import type { Cidr } from '../../src/net/cidr.js';
import { SlotLines, slotOf, withLonger } from '../../src/datapath/slot.js';
import { Dut } from '../support/dut.js';
import { pooled, pooled6, wa6 } from '../support/frames.js';
import { whyNoPrograms } from '../support/object.js';
import { intoSlots } from '../support/slots.js';
import { borrowed, peerIndex } from '../support/world.js';

const missing = whyNoPrograms();
const dut = missing === undefined ? new Dut() : undefined;
if (dut !== undefined) intoSlots(dut.tables);
test.after.always(() => dut?.[Symbol.dispose]());

test.serial('the corpus has its IPv4 blocks in slots, and borrowed addresses in the hash', (t) => {
  if (dut === undefined) return t.pass(missing);
  const blocks = [...dut.tables.blocks.keys()].filter((cidr) => !cidr.includes(':'));
  t.deepEqual(blocks, [`${borrowed}/32`]);
  t.is(
    [...new SlotLines(new Map(dut.tables.slots.readAll()))].filter(([, slot]) => slot !== 0).length,
    15,
  );
});

test.serial('a slot that does not say so hides the entries of its addresses', (t) => {
  if (dut === undefined) return t.pass(missing);
  const packet = pooled('10.244.1.5', borrowed).udp(1, 2).raw('to B').bytes();
  t.is(dut.run('egress', packet).verdict, 'ENCAPSULATED', 'B has it');
  const lines = new SlotLines(new Map(dut.tables.slots.readAll()));
  const first = dut.tables.pools.get('10.244.0.0/16' as Cidr)?.slots?.first ?? -1;
  const own = first + 4; // 10.244.1.0/26
  t.is(lines.get(own), withLonger(slotOf(0)));
  lines.set(own, slotOf(0));
  dut.tables.slots.setAll(lines.lines);
  t.is(dut.run('egress', packet).verdict, 'DROP_LOCAL_BLOCK', 'A has the block');
  lines.set(own, 0);
  dut.tables.slots.setAll(lines.lines);
  t.is(dut.run('egress', packet).verdict, 'ENCAPSULATED', 'no slot: the hash is asked');
});

test.serial(
  'the last bits of an IPv6 address say which slot, and nothing beyond the pool is one',
  (t) => {
    if (dut === undefined) return t.pass(missing);
    const { pools, slots } = dut.tables;
    const place = { first: 15 * 1024, count: 1024, length: 122, shift: 6, policy: 5 };
    pools.set('fd00:252::/112' as Cidr, { blockLengths: [122], slots: place });
    const lines = new SlotLines();
    lines.set(place.first + 1023, slotOf(peerIndex('a', 'b', 'ipv6')));
    slots.setAll(lines.lines);
    const to = (address: string): string =>
      dut.run('egress', pooled6(wa6, address).udp(1, 2).raw('to B').bytes()).verdict;
    t.is(to('fd00:252::ffc0'), 'ENCAPSULATED');
    t.is(to('fd00:252::ffff'), 'ENCAPSULATED');
    t.is(to('fd00:252::ffbf'), 'DROP_NO_BLOCK');
    t.is(to('fd00:252::1:ffff'), 'DROP_NOT_IN_POOL');
    pools.set('fd00:252::/112' as Cidr, {
      blockLengths: [122],
      slots: { ...place, first: 2 ** 31 },
    });
    t.is(to('fd00:252::ffff'), 'DROP_NO_BLOCK', 'a part that does not exist');
  },
);
