import test from 'ava';
import { answerIn } from '../../../src/doctor/probe/ping.js';

// What ping of iputils 20221126 says.

test('answers are counted', (t) => {
  t.deepEqual(answerIn('3 packets transmitted, 2 received, 33% packet loss, time 201ms\n'), {
    received: 2,
  });
});

test('a router’s word comes before the kernel’s memory of it', (t) => {
  const text = `PING 192.168.20.11 (192.168.20.11) 1472(1500) bytes of data.
From 192.168.10.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)
ping: local error: message too long, mtu=1400

--- 192.168.20.11 ping statistics ---
2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 101ms
`;
  t.deepEqual(answerIn(text), { received: 0, tooBig: { mtu: 1400, by: '192.168.10.1' } });
});

test('the memory alone is nobody’s word', (t) => {
  const text = 'ping: local error: message too long, mtu=1400\n2 packets transmitted, 0 received\n';
  t.deepEqual(answerIn(text), { received: 0, tooBig: { mtu: 1400, by: undefined } });
});

test('ICMPv6 too', (t) => {
  const text =
    'From fd00::1 icmp_seq=1 Packet too big: mtu=1280\n1 packets transmitted, 0 received\n';
  t.deepEqual(answerIn(text), { received: 0, tooBig: { mtu: 1280, by: 'fd00::1' } });
});
