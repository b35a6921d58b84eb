import test from 'ava';
import fc from 'fast-check';
import { EncapError } from '../../../src/errors.js';
import { addressFromInteger, addressToInteger, type Address } from '../../../src/net/address.js';
import {
  addressAt,
  addressCount,
  cidrOf,
  compareCidrs,
  contains,
  hostCidr,
  isHost,
  networkOf,
  parseCidr,
  prefixLengthOf,
  readCidr,
  type Cidr,
} from '../../../src/net/cidr.js';

const reads = test.macro({
  title: (_, written: string, canonical: string) => `${written} is the prefix ${canonical}`,
  exec: (t, written: string, canonical: string) => {
    t.is<string, string>(parseCidr(written), canonical);
  },
});
test(reads, '10.244.0.0/16', '10.244.0.0/16');
test(reads, '0.0.0.0/0', '0.0.0.0/0');
test(reads, '10.0.0.7/32', '10.0.0.7/32');
test(reads, '2001:CAFE:42::/56', '2001:cafe:42::/56');
test(reads, '::/0', '::/0');
test(reads, 'fd00::7/128', 'fd00::7/128');

const refuses = test.macro({
  title: (_, written: string, why: string) => `"${written}" is no prefix: ${why}`,
  exec: (t, written: string, _why: string, hint: RegExp) => {
    const error = t.throws(() => parseCidr(written), { instanceOf: EncapError });
    t.is(error.code, 'CONFIG_INVALID');
    t.regex(error.hint ?? '', hint);
  },
});
test(refuses, '10.0.0.7/24', 'host bits; the masked one is offered', /^write 10\.0\.0\.0\/24$/);
test(refuses, 'fd00::7/64', 'host bits in IPv6', /^write fd00::\/64$/);
test(refuses, '10.0.0.0/33', 'longer than an address', /prefix length/);
test(refuses, 'fd00::/129', 'longer than an address', /prefix length/);
test(refuses, '10.0.0.0', 'no length', /prefix length/);
test(refuses, '10.0.0.0/', 'no length', /prefix length/);
test(refuses, '10.0.0.0/-1', 'a negative length', /prefix length/);
test(refuses, '10.0.0.0/2 4', 'a blank in the length', /prefix length/);
test(refuses, '10.0/16', 'an address cut short', /prefix length/);
test(refuses, '10.0.0.0/255.255.0.0', 'a mask', /prefix length/);

test('host bits are kept apart from the prefix that they are in', (t) => {
  t.deepEqual(readCidr('192.168.1.11/24') as unknown, {
    address: '192.168.1.11',
    prefixLength: 24,
    cidr: '192.168.1.0/24',
  });
});
test('a host is a prefix of full length', (t) => {
  t.is<string, string>(hostCidr('10.0.0.7' as Address), '10.0.0.7/32');
  t.is<string, string>(hostCidr('fd00::7' as Address), 'fd00::7/128');
  t.true(isHost('10.0.0.7/32' as Cidr));
  t.false(isHost('fd00::/32' as Cidr));
});
test('addresses are counted from the first one', (t) => {
  t.is<string, string>(addressAt('10.0.0.192/26' as Cidr, 63), '10.0.0.255');
  t.is<string, string>(addressAt('10.0.255.0/22' as Cidr, 256), '10.1.0.0');
  t.is<string, string>(addressAt('fd00::/122' as Cidr, 63), 'fd00::3f');
  t.is(addressCount('10.0.0.0/26' as Cidr), 64n);
  t.is(addressCount('fd00::/64' as Cidr), 1n << 64n);
});
test('prefixes sort by first address, the wider one first, IPv4 before IPv6', (t) => {
  const cidrs = ['fd00::/64', '10.2.0.0/16', '10.0.0.0/16', '10.0.0.0/8', '9.0.0.0/8'] as Cidr[];
  t.deepEqual(cidrs.sort(compareCidrs) as string[], [
    '9.0.0.0/8',
    '10.0.0.0/8',
    '10.0.0.0/16',
    '10.2.0.0/16',
    'fd00::/64',
  ]);
});

const holds = test.macro({
  title: (_, outer: string, inner: string, answer: boolean) =>
    `${outer} ${answer ? 'contains' : 'does not contain'} ${inner}`,
  exec: (t, outer: string, inner: string, answer: boolean) => {
    t.is(contains(outer as Cidr, inner as Address | Cidr), answer);
  },
});
test(holds, '10.0.0.0/24', '10.0.0.255', true);
test(holds, '10.0.0.0/24', '10.0.1.0', false);
test(holds, '10.0.0.0/24', '10.0.0.0/24', true);
test(holds, '10.0.0.0/24', '10.0.0.64/26', true);
test(holds, '10.0.0.0/24', '10.0.0.0/23', false);
test(holds, '0.0.0.0/0', '203.0.113.9', true);
test(holds, '0.0.0.0/0', '::1', false);
test(holds, '::/0', '10.0.0.1', false);
test(holds, 'fd00::/64', 'fd00::ffff:ffff:ffff:ffff', true);
test(holds, 'fd00::/64', 'fd00:0:0:1::', false);
test(holds, '10.0.0.7/32', '10.0.0.7', true);

const addresses = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }).map((value) => addressFromInteger(value, 'ipv4')),
  fc.bigInt({ min: 1n << 48n, max: (1n << 128n) - 1n }).map((v) => addressFromInteger(v, 'ipv6')),
);
test('the prefix of an address contains it, begins at or before it, and is read back as written', (t) => {
  fc.assert(
    fc.property(addresses, fc.nat(128), (address, wanted) => {
      const length = address.includes(':') ? Math.max(wanted, 90) : Math.min(wanted, 32);
      const cidr = cidrOf(address, length);
      t.true(contains(cidr, address));
      t.true(addressToInteger(networkOf(cidr)) <= addressToInteger(address));
      t.is(prefixLengthOf(cidr), length);
      t.is(parseCidr(cidr), cidr);
    }),
  );
});
