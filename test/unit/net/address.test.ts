import test from 'ava';
import fc from 'fast-check';
import { EncapError } from '../../../src/errors.js';
import {
  addressFromBytes,
  addressFromInteger,
  addressToBytes,
  addressToInteger,
  compareAddresses,
  familyOf,
  parseAddress,
  readAddress,
  type Address,
} from '../../../src/net/address.js';

const reads = test.macro({
  title: (_, written: string, canonical: string) => `${written} is ${canonical}`,
  exec: (t, written: string, canonical: string) => {
    t.is<string, string>(parseAddress(written), canonical);
  },
});
test(reads, '10.0.0.1', '10.0.0.1');
test(reads, '255.255.255.255', '255.255.255.255');
test(reads, '0.0.0.0', '0.0.0.0');
test(reads, 'FD00:0010::0001', 'fd00:10::1');
test(reads, 'feed:beef:0:0:1:0:0:0', 'feed:beef:0:0:1::');
test(reads, '2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1');
test(reads, '2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1');
test(reads, '::', '::');
test(reads, '::1', '::1');

const refuses = test.macro({
  title: (_, written: string, why: string) => `"${written}" is no address: ${why}`,
  exec: (t, written: string, _why: string) => {
    t.is(readAddress(written), undefined);
    const error = t.throws(() => parseAddress(written), { instanceOf: EncapError });
    t.is(error.code, 'CONFIG_INVALID');
    t.regex(error.message, /^cannot read address /);
    t.truthy(error.hint);
  },
});
test(refuses, '10.1', 'four octets, not two');
test(refuses, '167772161', 'four octets, not one number');
test(refuses, '010.0.0.1', 'an octal octet');
test(refuses, '0x0a.0.0.1', 'a hexadecimal octet');
test(refuses, '10.0.0.256', 'an octet has eight bits');
test(refuses, '10.0.0.1.2', 'five octets');
test(refuses, '10.0.0.1/24', 'a prefix');
test(refuses, ' 10.0.0.1', 'a blank before it');
test(refuses, '', 'nothing');
test(refuses, 'fe80::1%eth0', 'a zone');
test(refuses, '::ffff:10.0.0.1', 'IPv4 in IPv6 clothes');
test(refuses, 'fd00:::1', 'three colons');
test(refuses, 'localhost', 'a name');

const integers = fc.oneof(
  fc.tuple(fc.constant('ipv4' as const), fc.bigInt({ min: 0n, max: (1n << 32n) - 1n })),
  // Below 2^48 lie the IPv4-mapped addresses, which are refused.
  fc.tuple(fc.constant('ipv6' as const), fc.bigInt({ min: 1n << 48n, max: (1n << 128n) - 1n })),
);
test('every address survives the way over numbers, bytes and text', (t) => {
  fc.assert(
    fc.property(integers, ([family, value]) => {
      const address = addressFromInteger(value, family);
      t.is(familyOf(address), family);
      t.is(addressToInteger(address), value);
      t.is(readAddress(address), address);
      t.is(addressFromBytes(addressToBytes(address)), address);
      t.is(addressToBytes(address).length, family === 'ipv4' ? 4 : 16);
    }),
  );
});
test('bytes are in network order', (t) => {
  t.deepEqual([...addressToBytes('10.1.2.3' as Address)], [10, 1, 2, 3]);
  t.is(addressToInteger('10.1.2.3' as Address), 0x0a010203n);
  t.deepEqual([...addressToBytes('fd00::1' as Address).slice(0, 2)], [0xfd, 0x00]);
});
test('addresses sort by number, IPv4 first', (t) => {
  const sorted = ['fd00::1', '10.0.0.10', '9.0.0.1', '10.0.0.9', '::1'] as Address[];
  t.deepEqual(sorted.sort(compareAddresses) as string[], [
    '9.0.0.1',
    '10.0.0.9',
    '10.0.0.10',
    '::1',
    'fd00::1',
  ]);
});
