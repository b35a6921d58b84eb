import test from 'ava';
import { rowMaker } from '../../../src/cli/decision-row.js';
import { decisionComment, decisionText } from '../../../src/cli/decision-text.js';
import { paintFor } from '../../../src/cli/paint.js';
import type { Decision } from '../../../src/datapath/trace.js';
import { eth, type Packet } from '../../support/packet.js';

const [a, b] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b'] as const;
const plain = paintFor({}, {}, 'never');
const rowOf = rowMaker({
  peer: (index) => `node-${index}`,
  interface: (index) => `eth${index}`,
  vxlanPort: 4789,
  clock: 1_700_000_000_000_000_000n,
});

function decided(
  verdict: string,
  direction: Decision['direction'],
  met: Packet,
  left: Packet = met,
): Decision {
  const frame = (packet: Packet) => ({ size: packet.bytes().length, bytes: packet.bytes() });
  return {
    ...{ ns: 1_234_567n, verdict, direction, peer: 2, interface: 0 },
    ...{ met: frame(met), left: frame(left) },
  };
}

/** RFC 9293 section 3.1: ports, and SYN with ACK in the fourteenth byte. */
const synAck = Uint8Array.of(
  0x1f,
  0x90,
  0xa0,
  0x3e,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0x50,
  0x12,
  0,
  0,
  0,
  0,
  0,
  0,
);
const inner = eth(a, b).ipv4('10.244.1.5', '10.244.3.9', { protocol: 6 }).raw(synAck);
const inVxlan = eth(a, b)
  .ipv4('192.168.10.11', '192.168.20.11')
  .udp(51877, 4789)
  .vxlan(4096)
  .eth(a, b)
  .ipv4('10.244.1.5', '10.244.3.9', { protocol: 6 })
  .raw(synAck);
const inIpip = eth(a, b)
  .ipv4('192.168.10.11', '192.168.20.11')
  .ipv4('10.244.1.5', '10.244.3.9', { protocol: 6 })
  .raw(synAck);
const six = eth(a, b).ipv6('fd00::5', 'fd00::9').udp(1, 53);

const says = test.macro({
  title: (_, __: Decision, line: string) => line,
  exec: (t, decision: Decision, line: string) => {
    const text = decisionText(plain, rowOf(decision));
    t.is(text.replace(/^\S+ {2}/, ''), line);
    t.regex(text, /^\d\d:\d\d:\d\d\.0012 /);
  },
});

test(
  says,
  decided('ENCAPSULATED', 'egress', inner, inVxlan),
  'encap   vxlan    10.244.1.5:8080 > 10.244.3.9:41022 tcp SA  node-2  outer 192.168.10.11:51877 > 192.168.20.11:4789 vni 4096  54+50',
);
test(
  says,
  decided('DECAPSULATED', 'ingress', inIpip, inner),
  'decap   ipip     10.244.1.5:8080 > 10.244.3.9:41022 tcp SA  node-2  outer 192.168.10.11 > 192.168.20.11  74-20',
);
test(
  says,
  decided('DIRECT', 'egress', inner),
  'direct  -        10.244.1.5:8080 > 10.244.3.9:41022 tcp SA  node-2  54',
);
test(
  says,
  decided('SHORTCUT_OUT', 'egress', inner, inIpip),
  'encap   ipip     10.244.1.5:8080 > 10.244.3.9:41022 tcp SA  node-2  outer 192.168.10.11 > 192.168.20.11  54+20',
);
test(
  says,
  decided('DROP_NO_BLOCK', 'egress', six),
  'drop    no_block  [fd00::5]:1 > [fd00::9]:53 udp  node-2  62',
);
test(
  says,
  decided('PASS_NOT_POOL', 'egress', inVxlan), // a workload's own tunnel is a packet like others
  'pass    not_pool  192.168.10.11:51877 > 192.168.20.11:4789 udp  node-2  104',
);
test(
  says,
  decided('PASS_NOT_IP', 'egress', eth(a, b).raw('arp')),
  'pass    not_ip   no IP packet  node-2  17',
);

test('a row has the time of the wall clock, to the nanosecond, and all that the text has', (t) => {
  const row = rowOf(decided('DROP_INNER_SRC', 'ingress', inVxlan));
  t.like(row, {
    time: '2023-11-14T22:13:20.001234567Z',
    decision: 'drop',
    verdict: 'inner_src',
    interface: 'eth0',
    bytes: 104,
    added: 0,
    outer: { encap: 'vxlan', vni: 4096, sourcePort: 51877 },
    inner: { protocol: 'tcp', flags: 'SA', destinationPort: 41022 },
  });
  t.is(
    decisionComment(row),
    'encap drop inner_src from node-2, inner 10.244.1.5:8080 > 10.244.3.9:41022 tcp SA, outer vxlan 192.168.10.11:51877 > 192.168.20.11:4789 vni 4096',
  );
});
