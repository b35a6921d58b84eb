import test, { type ExecutionContext } from 'ava';
import { nobody } from '../support/frames.js';
import { whyNoPrograms } from '../support/object.js';
import { eth, type Packet } from '../support/packet.js';
import { arrivingBy, everyWay, ways, workload, type Way } from '../support/ways.js';
import { nodes } from '../support/world.js';

const missing = whyNoPrograms();
// Who may use which address is checked elsewhere, and can be switched off; this can't.
const dut =
  missing === undefined
    ? everyWay('a', { sourceCheck: 'off', destinationCheck: 'off' })
    : undefined;
test.after.always(() => dut?.[Symbol.dispose]());

/** Addresses that no packet comes from: RFC 1122 section 3.2.1.3, RFC 4291 section 2.7. */
const groups = {
  ipv4: ['224.0.0.1', '239.255.255.250', '255.255.255.255'],
  ipv6: ['ff02::1', 'ff05::2', 'ff0e::101'],
} as const;

function skip(t: ExecutionContext): void {
  t.log(`skipped: ${missing ?? ''}`);
  t.pass();
}

function isRefused(t: ExecutionContext, way: Way): void {
  if (dut === undefined) return skip(t);
  const verdict = (direction: 'egress' | 'ingress', packet: Packet): string =>
    dut.run(direction, packet.udp(1, 2).raw('data').bytes()).verdict;
  for (const group of groups[way.inside]) {
    const ip = eth(nodes.a.uplinkMac, nobody);
    const leaving = [group, workload(way, 'b', 9)] as const;
    t.is(
      verdict('egress', way.inside === 'ipv4' ? ip.ipv4(...leaving) : ip.ipv6(...leaving)),
      'DROP_INNER_MARTIAN',
      `${group} leaves`,
    );
    t.is(
      verdict('ingress', arrivingBy(way, { from: group })),
      'DROP_INNER_MARTIAN',
      `${group} inside`,
    );
    t.is(verdict('ingress', arrivingBy(way, { to: group })), 'DROP_INNER_MARTIAN', `to ${group}`);
  }
  for (const group of groups[way.over])
    t.is(
      verdict('ingress', arrivingBy(way, { node: group })),
      'DROP_OUTER_MARTIAN',
      `${group} outside`,
    );
}

for (const way of ways)
  test(`${way.title}: nothing comes from a multicast group, and none is sent to`, isRefused, way);
