import type { ExecutionContext } from 'ava';
import { block, resource } from '../support/network/cluster.js';
import { explained, mislead, wordsOf, type Explained } from '../support/network/explained.js';
import type { Network } from '../support/network/network.js';
import { networkTest } from '../support/network/network-test.js';

/** node-c is in another subnet; the second pool is IPIP's. */
function declare(network: Network): void {
  network.declare({ vxlanMode: 'CrossSubnet' }, [
    resource('Node', 'node-c', {
      bgp: { ipv4Address: '192.168.78.3/24' },
      ipv4VXLANTunnelAddr: '10.244.3.0',
    }),
    block('10.244.3.0/26', 'node-c'),
    resource('IPPool', 'second', {
      cidr: '10.245.0.0/16',
      blockSize: 26,
      ipipMode: 'Always',
      natOutgoing: false,
    }),
    block('10.245.2.0/26', 'node-b'),
  ]);
}

networkTest(
  'explain: the loaded program agrees without an agent and without counting, and is found out where a table is another',
  async (t, network) => {
    declare(network);
    t.like(explained(network, '10.244.2.5').items[0]?.kernel, { asked: false });
    await (await network.command('a')).end('SIGTERM');
    const before = network.status('a').verdicts;

    agrees(t, network);
    t.deepEqual(network.status('a').verdicts, before, 'what is asked is no traffic');
    t.like(explained(network, '10.244.1.5', '--node', 'node-b').items[0]?.kernel, {
      asked: false,
      why: 'node-a runs here',
    });

    mislead(network, '192.168.78.3', '192.168.78.99');
    disagrees(t, network);

    network.declare({ vxlanMode: 'Always' }, [
      resource('FelixConfiguration', 'default', { vxlanVNI: 77 }),
    ]);
    const { stdout } = network.ended('a', ...wordsOf(network, ['10.244.2.5']));
    t.regex(stdout, /kernel DISAGREES: .*, sends it as it is to 192\.168\.77\.2\n/);
    t.regex(stdout, /\n {3}what becomes of it {3}explained vxlan, kernel direct\n$/);
  },
);

function agrees(t: ExecutionContext, network: Network): void {
  const from = ['--from', '10.244.1.5'];
  const { error, items } = explained(
    network,
    ...[...from, '--sport', '40000', '--dport', '80', '--size', '100'],
    ...['10.244.3.5', '10.245.2.5', '10.244.2.5', '10.244.1.5', '10.244.1.9', '10.244.9.9'],
  );
  t.is(error, undefined);
  // for the second one the next hop is known: it stays on the uplink
  t.is(explained(network, ...from, '10.245.2.5', '10.245.2.6').error, undefined);
  const outer = { source: '192.168.77.1' };
  const rows = [
    {
      action: 'vxlan',
      verdict: 'encapsulated',
      pushed: { ...outer, destination: '192.168.78.3', destinationPort: 4789, vni: 4096 },
      sentBytes: 150,
    },
    {
      action: 'ipip',
      verdict: 'encapsulated',
      pushed: { ...outer, destination: '192.168.77.2', destinationPort: null, vni: null },
      sentBytes: 120,
    },
    { action: 'direct', verdict: 'direct', via: '192.168.77.2', sentBytes: 100 },
    { action: 'local', verdict: 'local_block' },
    { action: 'none', verdict: 'local_block' },
    { action: 'none', verdict: 'no_block' },
  ];
  t.is(items.length, rows.length);
  for (const [place, { action, ...kernel }] of rows.entries()) {
    const item = items[place];
    t.is(item?.action, action);
    t.like(item?.kernel, { asked: true, agrees: true, ...kernel }, item?.destination);
  }
  const [big] = explained(network, ...from, '10.244.3.5', '--size', '1451').items;
  t.like(big?.kernel, { agrees: true, verdict: 'answered_too_big' }, '50 more than 1500 hold');
  const [spoofed] = explained(network, '--from', '10.244.3.9', '10.244.2.5').items;
  t.like(spoofed?.kernel, { agrees: true, verdict: 'src_spoof' });
  const own = network.encap('a', ...wordsOf(network, ['10.244.1.5']));
  t.regex(own, /would not send it \(local_block\); the host delivers it before it gets there\n$/);
  t.regex(
    network.encap('a', ...wordsOf(network, ['10.244.3.5', '--proto', 'udp', '--dport', '53'])),
    /\nkernel agrees: the loaded program, run on such a packet \(udp 40000 > 53, 84 bytes\), sends it in vxlan, 192\.168\.77\.1:\d+ > 192\.168\.78\.3:4789 vni 4096, 134 bytes\n$/,
  );
}

function disagrees(t: ExecutionContext, network: Network): void {
  const words = wordsOf(network, ['10.244.2.5', '10.244.3.5']);
  t.is(network.exitCode('a', ...words), 7);
  t.is(network.exitCode('a', ...words, '--no-kernel'), 0);
  const { code, stdout } = network.ended('a', ...words, '-o', 'json');
  const { error, items } = JSON.parse(stdout) as Explained;
  t.is(code, 7);
  t.is(error?.code, 'KERNEL_DISAGREES');
  t.true(items[0]?.kernel.agrees, 'the other one is as it was');
  t.deepEqual(items[1]?.kernel.differences, [
    { what: 'outer destination', explained: '192.168.78.3', kernel: '192.168.78.99' },
  ]);
}
