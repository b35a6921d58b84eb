import test from 'ava';
import fc from 'fast-check';
import { addressFromInteger, type Address } from '../../../src/net/address.js';
import { cidrOf, contains, prefixLengthOf, type Cidr } from '../../../src/net/cidr.js';
import { PrefixTable } from '../../../src/net/prefix-table.js';

const table = new PrefixTable<string>([
  ['10.0.0.0/8' as Cidr, 'eight'],
  ['10.2.0.0/16' as Cidr, 'sixteen'],
  ['10.2.0.7/32' as Cidr, 'host'],
  ['fd00::/16' as Cidr, 'six'],
]);

const matches = test.macro({
  title: (_, inside: string, value: string | undefined) =>
    `the longest prefix around ${inside} is ${value ?? 'none'}`,
  exec: (t, inside: string, value: string | undefined) => {
    t.is(table.match(inside as Address | Cidr)?.value, value);
  },
});
test(matches, '10.2.0.7', 'host');
test(matches, '10.2.0.8', 'sixteen');
test(matches, '10.3.0.7', 'eight');
test(matches, '11.0.0.0', undefined);
test(matches, 'fd00::1', 'six');
test(matches, 'fe00::1', undefined);
test(matches, '10.2.0.0/26', 'sixteen');
test(matches, '10.2.0.0/16', 'sixteen');
test(matches, '10.2.0.0/15', 'eight');
test(matches, '10.0.0.0/7', undefined);

test('the path leads from the widest prefix inwards', (t) => {
  t.deepEqual(
    table.path('10.2.0.7' as Address).map(({ value }) => value),
    ['eight', 'sixteen', 'host'],
  );
  t.deepEqual(table.path('11.0.0.0' as Address), []);
});
test('a prefix that is set again has the new value', (t) => {
  const one = new PrefixTable<number>().set('10.0.0.0/8' as Cidr, 1).set('10.0.0.0/8' as Cidr, 2);
  t.deepEqual(
    one.path('10.0.0.1' as Address).map(({ value }) => value),
    [2],
  );
});

// Few distinct bits, so that prefixes nest and overlap often.
const ipv4 = fc.nat(255).map((value) => addressFromInteger(BigInt(value) << 22n, 'ipv4'));
const ipv6 = fc.nat(255).map((value) => addressFromInteger(BigInt(value) << 116n, 'ipv6'));
const cidrs = fc.oneof(
  fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })),
  fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })),
);
test('a match is the longest of all prefixes that contain the address', (t) => {
  fc.assert(
    fc.property(fc.array(cidrs), fc.oneof(ipv4, ipv6), (entries, address) => {
      const all = entries.map(([one, length]) => cidrOf(one, length));
      const around = all
        .filter((cidr) => contains(cidr, address))
        .sort((a, b) => prefixLengthOf(b) - prefixLengthOf(a));
      const found = new PrefixTable(all.map((cidr) => [cidr, cidr] as const)).match(address);
      t.is(found?.cidr, around[0]);
      t.is(found?.value, around[0]);
    }),
  );
});
