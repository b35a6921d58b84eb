import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { allowedCpus, busySeconds } from '../../../src/bench/cpu.js';
import { connectionsOf } from '../../../src/bench/generators/connect.js';
import { tcpOf, udpOf } from '../../../src/bench/generators/iperf3.js';
import { floodOf, inDatagrams, roundTripsOf } from '../../../src/bench/generators/sockperf.js';
import { root } from '../../support/object.js';

/** What the tools have said: iperf3 3.12, sockperf 3.7, over lo. */
function said(file: string): string {
  return readFileSync(join(root, 'test/unit/bench/said', file), 'utf8');
}

test('of TCP it is what the receiver counted', (t) => {
  const { values, bytes } = tcpOf(said('iperf3-tcp.json'));
  t.is(values.bitsPerSecond, 100458661.70610465);
  t.is(bytes, 12582912);
});

test('of UDP it is what arrived, not what was sent', (t) => {
  const { values, packets } = udpOf(said('iperf3-udp.json'));
  t.is(packets, 138781 - 57918);
  t.is(values.packetsPerSecond, (138781 - 57918) / 1.000137);
  t.is(values.lostShare, 57918 / 138781);
});

test('of a flood it is what sockets were given, in the time that sockperf took', (t) => {
  const text = said('sockperf-flood.txt');
  t.is(inDatagrams(said('snmp.txt')), 512345);
  t.deepEqual(floodOf(text, 512345, false), {
    values: { packetsPerSecond: 512345 / 2, lostShare: 1 - 512345 / 569929 },
    packets: 512345,
  });
  t.is(floodOf(text, 569940, true).values.lostShare, 0, 'those that warm it up come on top');
  t.is(floodOf(text, 1, true).packets, undefined, 'who polls works all the time');
  t.throws(() => floodOf(text, 0, true), { message: /nothing arrived/ });
  t.throws(() => floodOf(text, inDatagrams('Tcp: 1'), true), { message: /nothing arrived/ });
  t.throws(() => floodOf('sockperf: Test ended', 1, true), { message: /no messages/ });
});

test('round trips are read past the colours, in seconds', (t) => {
  const { values } = roundTripsOf(said('sockperf.txt'));
  t.deepEqual(values, { rttP50: 4.505e-6, rttP99: 14.127e-6, rttP999: 161.206e-6 });
  t.throws(() => roundTripsOf('sockperf: Test ended'), { message: /no percentile 50\.000/ });
});

test('a generator that measured nothing is no measurement', (t) => {
  t.throws(() => tcpOf('{"end":{"sum_received":{"bits_per_second":0,"bytes":0}}}'));
  t.throws(() => udpOf('{"end":{"streams":[]}}'));
  t.throws(() => connectionsOf('{"connections":0,"seconds":1}'));
  t.is(connectionsOf('{"connections":50,"seconds":2}').values.connectionsPerSecond, 25);
});

test('CPU time is all that is neither idle nor waiting, in seconds', (t) => {
  const stat = 'cpu  100 10 50 9000 700 5 15 20 3 1\ncpu0 1 1 1 1 1 1 1 1 1 1\n';
  t.is(busySeconds(stat), 2);
});

test('CPUs that may be used are listed one by one', (t) => {
  t.deepEqual(allowedCpus('Name:\tnode\nCpus_allowed_list:\t0-2,5\n'), [0, 1, 2, 5]);
  t.deepEqual(allowedCpus('Cpus_allowed_list:\t3\n'), [3]);
  t.true(allowedCpus().length > 0);
});
