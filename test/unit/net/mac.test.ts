import test from 'ava';
import { macFromBytes, macToBytes, readMac, type Mac } from '../../../src/net/mac.js';

const reads = test.macro({
  title: (_, written: string, canonical: string | undefined) =>
    canonical === undefined ? `"${written}" is no MAC` : `${written} is ${canonical}`,
  exec: (t, written: string, canonical: string | undefined) => {
    t.is<string | undefined, string | undefined>(readMac(written), canonical);
  },
});
test(reads, '66:3e:ca:a4:db:65', '66:3e:ca:a4:db:65');
test(reads, '66-3E-CA-A4-DB-65', '66:3e:ca:a4:db:65');
test(reads, '66:3e:ca:a4:db', undefined);
test(reads, '66:3e:ca:a4:db:65:00', undefined);
test(reads, '66:3e:ca:a4:db:6g', undefined);
test(reads, '6:3e:ca:a4:db:65', undefined);
test(reads, '', undefined);

test('bytes and text are the same MAC', (t) => {
  const mac = '02:fe:00:0a:ff:01' as Mac;
  t.deepEqual([...macToBytes(mac)], [0x02, 0xfe, 0x00, 0x0a, 0xff, 0x01]);
  t.is(macFromBytes(macToBytes(mac)), mac);
});
