import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { readdirSync } from 'node:fs';
import { inside, ip, type Network } from '../support/network/network.js';
import { networkTest } from '../support/network/network-test.js';
import { Load, lossOf, none, VoidSample } from './load.js';

/** A test of the bench itself: what it is there to see, it has to see. */
function sees(
  what: string,
  spoil: (network: Network) => unknown,
  says: (t: ExecutionContext, loss: ReturnType<typeof lossOf>) => void,
): void {
  networkTest(
    `the load sees ${what}`,
    async (t, network) => {
      await network.agent('a');
      await network.agent('b');
      await using load = await Load.start(network);
      await sleep(200);
      await spoil(network);
      await sleep(200);
      const loss = lossOf(await load.stop());
      t.log(JSON.stringify(loss).slice(0, 300));
      says(t, loss);
    },
    'python3',
    'bpftool',
  );
}

sees(
  'nothing where nothing is wrong',
  () => undefined,
  (t, loss) => t.deepEqual(loss, none),
);

sees(
  'packets lost for a moment, by their numbers',
  async (network) => {
    ip('-n', network.space('b'), 'route', 'replace', 'blackhole', '10.244.2.5/32');
    await sleep(20);
    ip('-n', network.space('b'), 'route', 'replace', '10.244.2.5/32', 'dev', 'cali0');
  },
  (t, loss) => t.true(Number(loss['lost']) > 0),
);

sees(
  'programs that are gone: what they would have encapsulated is in clear',
  async (network) => {
    const { ENCAP_BPFFS: pins = '' } = network.environment('a');
    const [generation = ''] = readdirSync(pins);
    for (const name of ['backstop', 'egress']) {
      const pin = `${pins}/${generation}/links/${name}`;
      inside(network.space('a'), 'bpftool', 'link', 'detach', 'pinned', pin);
    }
    await sleep(1000); // the agent puts them back
  },
  (t, loss) => t.true(Number(loss['clear']) > 0 && Number(loss['lost']) > 0),
);

sees(
  'a packet that another node than the owner of its source has encapsulated, and its drop',
  (network) => inside(network.space('a'), 'python3', '-c', forged),
  (t, { examples, ...loss }) => {
    t.deepEqual(loss, { mispaired: 1, 'dropped b inner_mac': 1 });
    t.regex(String(examples), /^mispaired /);
  },
);

sees(
  'a connection that somebody resets',
  (network) =>
    inside(network.space('wb'), 'ss', '-K', '-tn', 'state', 'established', 'sport', '=', ':7002'),
  (t, { lost, ...loss }) => {
    t.is(lost, undefined);
    t.true(Number(loss['bulk resets']) + Number(loss['questions resets']) > 0);
  },
);

networkTest(
  'a machine that loses packets without a fault makes a sample void',
  async (t, network) => {
    await network.agent('a');
    await network.agent('b');
    network.ping(1);
    // one in a hundred, and connections come through all the same
    const spoil = [
      '/usr/sbin/nft',
      'table ip t { chain c { type filter hook forward priority 0; udp dport 7001 numgen random mod 100 == 0 drop; }; }',
    ];
    inside(network.space('b'), ...spoil);
    t.regex(inside(network.space('b'), '/usr/sbin/nft', 'list', 'ruleset'), /drop/);
    await t.throwsAsync(Load.start(network), {
      instanceOf: VoidSample,
      message: /without a fault/,
    });
  },
  'python3',
  'nft',
);

/** Python: VXLAN of node-a around a packet from an address of node-b's block. */
const forged = `
import socket, struct
inner = bytearray(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28, 0, 0, 64, 17, 0, socket.inet_aton('10.244.2.9'), socket.inet_aton('10.244.2.5')))
total = sum(struct.unpack('!10H', inner))
inner[10:12] = struct.pack('!H', ~((total & 0xffff) + (total >> 16)) & 0xffff)
inner += struct.pack('!HHHH', 1, 9, 8, 0)
mac = bytes.fromhex(open('/sys/class/net/eth0/address').read().strip().replace(':', ''))
ethernet = mac + mac + bytes.fromhex('0800')
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(bytes.fromhex('0800000000100000') + ethernet + inner, ('192.168.77.2', 4789))
`;
