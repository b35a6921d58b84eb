import test from 'ava';
import { strangersText } from '../../../src/cli/status-text.js';
import type { Stranger } from '../../../src/datapath/strangers.js';
import { parseAddress } from '../../../src/net/address.js';

const peers = [{ address: '192.168.77.2', name: 'node-b' }];

function sent(address: string, packets: number): Stranger {
  return { address: parseAddress(address), packets, secondsAgo: 3 };
}

test('nobody: nothing to say', (t) => {
  t.deepEqual(strangersText({ strangers: [], peers }), []);
});

test('a node that this one heard of late is not taken for NAT', (t) => {
  t.deepEqual(strangersText({ strangers: [sent('192.168.77.2', 2), sent('10.9.9.9', 1)], peers }), [
    'tunnel packets were dropped before this node knew who sent them: 192.168.77.2 is node-b now (2 packets, just now)',
    'tunnel packets from no node of this cluster were dropped: 10.9.9.9 (1 packet, just now); is there NAT between nodes, or another cluster?',
  ]);
});

test('three are named', (t) => {
  const strangers = [1, 2, 3, 4, 5].map((last) => sent(`10.9.9.${last}`, last));
  const [text] = strangersText({ strangers, peers });
  t.regex(text ?? '', /10\.9\.9\.3 \(3 packets, just now\) and 2 more; is there NAT/);
});
