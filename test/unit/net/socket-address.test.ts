import test from 'ava';
import { isLoopback, partsOf, readSocketAddress } from '../../../src/net/socket-address.js';

const reads = test.macro({
  exec(t, text: string, host: string, port: number, loopback: 'loopback' | 'beyond') {
    const where = readSocketAddress(text);
    if (where === undefined) return t.fail('it is none');
    t.deepEqual(partsOf(where), { host, port });
    t.is(isLoopback(where), loopback === 'loopback');
    t.is(readSocketAddress(where), where, 'its text is canonical');
  },
  title: (_, text: string) => `${text} is an address and a port`,
});

test(reads, '127.0.0.1:9475', '127.0.0.1', 9475, 'loopback');
test(reads, '127.1.2.3:0', '127.1.2.3', 0, 'loopback');
test(reads, '0.0.0.0:80', '0.0.0.0', 80, 'beyond');
test(reads, '10.0.0.1:65535', '10.0.0.1', 65535, 'beyond');
test(reads, '[::1]:9475', '::1', 9475, 'loopback');
test(reads, '[0:0::1]:09475', '::1', 9475, 'loopback');
test(reads, '[::]:9475', '::', 9475, 'beyond');
test(reads, '[fd00::1]:9475', 'fd00::1', 9475, 'beyond');

for (const text of [
  '',
  ':9475',
  '9475',
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:65536',
  '127.1:80',
  '::1:9475',
  '[127.0.0.1]:80',
  'localhost:9475',
  '127.0.0.1:80 ',
  '[::1]:9475/metrics',
])
  test(`${JSON.stringify(text)} is no address and port`, (t) => {
    t.is(readSocketAddress(text), undefined);
  });
