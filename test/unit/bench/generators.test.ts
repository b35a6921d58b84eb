import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { busySeconds } from '../../../src/bench/cpu.js';
import { connectionsOf } from '../../../src/bench/generators/connect.js';
import { answeredUdpOf, tcpOf, udpOf } from '../../../src/bench/generators/iperf3.js';
import { roundTripsOf } from '../../../src/bench/generators/sockperf.js';
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

test('of a flow that is to be answered first the seconds behind that count, whole ones alone', (t) => {
  const { values, packets } = answeredUdpOf(said('iperf3-udp-answered.json'));
  const [sent, lost] = [294218 + 307137 + 260165, 7251 + 4005 + 11755];
  t.is(values.packetsPerSecond, (sent - lost) / 3);
  t.is(values.lostShare, lost / sent);
  t.is(packets, undefined, 'CPU time was measured from the start on');
  t.throws(
    () => answeredUdpOf('{"server_output_text":"[  5]   0.00-1.00   sec  1 MBytes  0/9 (0%)"}'),
    {
      message: /no whole second/,
    },
  );
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
