import test, { type ExecutionContext } from 'ava';
import type { Config } from '../../src/datapath/config.js';
import { whyNotTaken } from '../support/crossing.js';
import { ethernetBytes, tosAt, tosOf, ttlAt } from '../support/fields.js';
import { whyNoPrograms } from '../support/object.js';
import { internetChecksum, type Ecn } from '../support/packet.js';
import { arrivingBy, everyWay, leaving, ways, type Header, type Way } from '../support/ways.js';

const missing = whyNoPrograms();

/** Nodes by what they do with the fields that outer headers share with inner ones. */
const configs = {
  inherit: {},
  uniform: { dscp: 'uniform' },
  pipe: { dscp: 'pipe', outerDscp: 34 },
  'inherited TTL': { outerTtl: 0 },
  'TTL 17': { outerTtl: 17 },
  'an older kernel': { adjustRoomToIpv4: 0, adjustRoomToIpv6: 0 },
} as const satisfies Readonly<Record<string, Partial<Config>>>;

type Name = keyof typeof configs;

const duts = new Map(
  missing === undefined
    ? (Object.keys(configs) as Name[]).map((name) => [name, everyWay('a', configs[name])] as const)
    : [],
);
test.after.always(() => {
  for (const dut of duts.values()) dut[Symbol.dispose]();
});

interface Row {
  readonly node: Name;
  readonly inner: Header;
  readonly outer: Header;
}

/** What leaves: RFC 2983 section 3.1 for the DSCP; the TTL as configured (RFC 2003 section 3.1, RFC 2473 section 6.3). */
function leaves(t: ExecutionContext, way: Way, { node, inner, outer }: Row): void {
  const dut = duts.get(node);
  if (dut === undefined) return skip(t);
  const { verdict, packet } = dut.run('egress', leaving(way, inner).udp(1, 2).bytes());
  t.is(verdict, 'ENCAPSULATED');
  t.deepEqual(headerAt(packet), expected(outer));
  t.deepEqual(headerAt(packet, ethernetBytes + way.bytes), expected(inner), 'inner fields stay');
  if (way.over === 'ipv4') t.is(internetChecksum(packet.slice(14, 34)), 0);
}

/** What arrives of an inner header. */
function arrives(t: ExecutionContext, way: Way, row: Row & { readonly after: Header }): void {
  const dut = duts.get(row.node);
  if (dut === undefined) return skip(t);
  const untaken = whyNotTaken(way.over, way.inside);
  if (untaken !== undefined) return skip(t, untaken);
  const of = (inner: Header): Uint8Array =>
    arrivingBy(way, { outer: row.outer, inner }).udp(2, 1).raw('data').bytes();
  const { verdict, packet } = dut.run('ingress', of(row.inner));
  t.is(verdict, 'DECAPSULATED');
  t.deepEqual(packet.slice(ethernetBytes), of(row.after).slice(ethernetBytes + way.bytes));
}

function skip(t: ExecutionContext, why = missing ?? ''): void {
  t.log(`skipped: ${why}`);
  t.pass();
}

const ect0: Ecn = 'ect0';
const af11 = { dscp: 10, ecn: ect0, ttl: 63 };

for (const way of ways) {
  const row = (title: string, row: Row): void => test(`${way.title}: ${title}`, leaves, way, row);
  row('the outer DSCP is the inner one’s copy', {
    node: 'inherit',
    inner: af11,
    outer: { ...af11, ttl: 64 },
  });
  row('so it is in the uniform model', {
    node: 'uniform',
    inner: af11,
    outer: { ...af11, ttl: 64 },
  });
  row('in the pipe model the outer DSCP is the tunnel’s, ECN the inner packet’s', {
    node: 'pipe',
    inner: af11,
    outer: { ...af11, dscp: 34, ttl: 64 },
  });
  for (const ttl of [1, 63, 255]) {
    const inner = { ...af11, ttl };
    row(`the outer TTL is 64 where the inner one is ${ttl}`, {
      node: 'inherit',
      inner,
      outer: { ...inner, ttl: 64 },
    });
    row(`the outer TTL is ${ttl} as the inner one`, {
      node: 'inherited TTL',
      inner,
      outer: inner,
    });
  }
  row('the outer TTL is the configured one', {
    node: 'TTL 17',
    inner: af11,
    outer: { ...af11, ttl: 17 },
  });

  const outer = { dscp: 46, ecn: ect0, ttl: 3 };
  for (const node of ['inherit', 'pipe', 'inherited TTL'] as const)
    test(
      `${way.title}: ${node}: what routers made of the outer DSCP and TTL ends with it`,
      arrives,
      way,
      {
        node,
        inner: af11,
        outer,
        after: af11,
      },
    );
  test(`${way.title}: in the uniform model the inner DSCP becomes the outer one`, arrives, way, {
    node: 'uniform',
    inner: af11,
    outer,
    after: { ...af11, dscp: 46 },
  });
  test(`${way.title}: and CE comes with it`, arrives, way, {
    node: 'uniform',
    inner: af11,
    outer: { ...outer, ecn: 'ce' },
    after: { ...af11, dscp: 46, ecn: 'ce' },
  });

  const crosses = way.over !== way.inside;
  test(`${way.title} on a kernel that can't leave a family: ${crosses ? 'dropped by name' : 'goes on'}`, (t) => {
    const dut = duts.get('an older kernel');
    if (dut === undefined) return skip(t);
    const { verdict } = dut.run('ingress', arrivingBy(way).udp(2, 1).bytes());
    t.is(verdict, crosses ? 'DROP_INNER_FAMILY' : 'DECAPSULATED');
  });
}

function headerAt(frame: Uint8Array, at = ethernetBytes): [tos: number, ttl: number] {
  return [tosAt(frame, at), ttlAt(frame, at)];
}

function expected({ dscp = 0, ecn = 'notEct', ttl = 64 }: Header): [tos: number, ttl: number] {
  return [tosOf(dscp, ecn), ttl];
}
