import test from 'ava';
import { readCapture } from '../../../src/lab/wire.js';

// Lines of `tcpdump -i any -n -t` as version 4.99 prints them.
const seen =
  readCapture(`eth0  In  IP 10.244.1.5 > 10.244.2.5: ICMP echo request, id 1, seq 1, length 64
eth0  In  IP 192.168.10.11.37177 > 192.168.20.11.4789: VXLAN, flags [I] (0x08), vni 4096
IP 10.244.1.5 > 10.244.3.5: ICMP echo request, id 2, seq 1, length 64
eth0  In  IP 192.168.10.11 > 192.168.20.11: IP 10.245.1.5 > 10.245.3.5: ICMP echo request, id 3, seq 1, length 64
eth0  In  IP 192.168.10.11.37177 > 192.168.20.11.4789: VXLAN, flags [I] (0x08), vni 4096
ARP, Request who-has 10.244.3.5 tell 10.244.1.5, length 28
eth0  In  IP6 fd00:244:0:1::5 > fd00:244:0:2::5: ICMP6, echo request, id 4, seq 1, length 64
eth0  In  IP6 fd00:10::11.37177 > fd00:20::11.4789: VXLAN, flags [I] (0x08), vni 4096
IP6 fd00:244:0:1::5 > fd00:244:0:3::5: ICMP6, echo request, id 5, seq 1, length 64
eth0  In  IP6 fd00:10::1 > ff02::1:ff00:11: ICMP6, neighbor solicitation, who has fd00:10::11, length 32
eth0  In  IP 10.244.9.5 > 10.244.3.6: ICMP echo request, id 4, seq 1, length 64
`);

const row = test.macro({
  title: (_, pair: string, way: string) => `the router saw ${pair} cross as ${way}`,
  exec: (t, pair: string, way: 'vxlan' | 'ipip' | 'direct') => {
    t.deepEqual([...(seen.get(pair) ?? [])], [way]);
  },
});

test(row, '10.244.1.5 > 10.244.2.5', 'direct');
test(row, '10.244.1.5 > 10.244.3.5', 'vxlan');
test(row, '10.245.1.5 > 10.245.3.5', 'ipip');
test(row, '10.244.9.5 > 10.244.3.6', 'direct');

test(row, 'fd00:244:0:1::5 > fd00:244:0:2::5', 'direct');
test(row, 'fd00:244:0:1::5 > fd00:244:0:3::5', 'vxlan');

test('outer addresses and neighbour discovery are no pairs of their own', (t) => {
  t.is(seen.size, 6);
});
