import { setTimeout as sleep } from 'node:timers/promises';
import { resource } from '../support/network/cluster.js';
import type { Network } from '../support/network/network.js';
import { inside, ip } from '../support/network/network.js';
import { networkTest } from '../support/network/network-test.js';

/** What `encap status -o json` says, as far as it is looked at here. */
interface Status {
  readonly vxlan: { readonly vni: number; readonly port: number };
  readonly verdict: string;
  readonly faults: readonly { readonly message: string }[];
}

function statusOf(network: Network): Status {
  return JSON.parse(network.encap('a', 'status', '-o', 'json')) as Status;
}

networkTest('status names the VNI and UDP port of the programs in force', async (t, network) => {
  const agent = await network.agent('a');
  t.deepEqual(statusOf(network).vxlan, { vni: 4096, port: 4789 });
  t.regex(network.encap('a', 'status'), /vxlan vni 4096 port 4789/);

  const from = agent.lines.length;
  network.declare({ vxlanMode: 'Always' }, [
    resource('FelixConfiguration', 'default', { vxlanVNI: 77, vxlanPort: 4790 }),
  ]);
  await agent.until('programs loaded', { from });
  await agent.end('SIGTERM');
  t.deepEqual(statusOf(network).vxlan, { vni: 77, port: 4790 });
});

networkTest(
  'plan --exit-code is 10 while the kernel differs from the resources, and 0 once it does not',
  async (t, network) => {
    const plan = ['plan', '-f', network.manifests, '--node', 'node-a', '--exit-code'];
    t.is(network.exitCode('a', ...plan), 10);
    await (await network.agent('a')).end('SIGTERM');
    t.is(network.exitCode('a', ...plan), 0);
    network.declare({ ipipMode: 'Always' });
    t.is(network.exitCode('a', ...plan), 10);
  },
);

networkTest(
  'encap run ends with 0 when a signal asks it to: it was told to, and the datapath stays',
  async (t, network) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const agent = await network.command('a');
      const { ms, code } = await agent.end(signal);
      t.is(code, 0, signal);
      t.true(ms < 2000, `took ${ms} ms`);
    }
    t.deepEqual(statusOf(network).vxlan, { vni: 4096, port: 4789 });
  },
);

networkTest('what a NodeConfig says of the underlay is in force', async (t, network) => {
  network.declare({ vxlanMode: 'Always' }, [
    {
      apiVersion: 'encap/v1',
      kind: 'NodeConfig',
      node: { interfaces: ['eth0'] },
      mtu: { underlay: 1400 },
      checks: { source: 'off' },
    },
  ]);
  const agent = await network.agent('a');
  t.regex(network.encap('a', 'status'), /mtu 1350 \(underlay 1400\)/);

  const from = agent.lines.length;
  network.declare({ vxlanMode: 'Always' }, [
    { apiVersion: 'encap/v1', kind: 'NodeConfig', node: { interfaces: ['eth9'] } },
  ]);
  const { failure } = await agent.until('round failed, trying again', { from });
  t.is(failure, 'cannot find the uplink: there is no interface eth9');
});

networkTest(
  'a pool that the node can’t carry is refused, said once in the log, and a fault of the status',
  async (t, network) => {
    const pools = [
      resource('Node', 'node-a', {
        bgp: { ipv4Address: '192.168.77.1/24', ipv6Address: 'fd00:77::1/64' },
        ipv4VXLANTunnelAddr: '10.244.1.0',
        ipv6VXLANTunnelAddr: 'fd00:10::1',
      }),
      resource('IPPool', 'six', { cidr: 'fd00:10::/56', vxlanMode: 'Always', blockSize: 122 }),
    ];
    network.declare({ vxlanMode: 'Always' }, pools);
    const agent = await network.agent('a'); // the network has IPv6 off
    const told = () =>
      agent.lines.filter(({ msg }) => msg === 'degraded').map(({ fault }) => String(fault));
    const reason = 'the pool fd00:10::/56 is not carried: IPv6 is off on eth0';
    t.deepEqual(told(), [reason]);
    const { verdict, faults } = statusOf(network);
    t.is(verdict, 'DEGRADED');
    t.deepEqual(
      faults.map(({ message }) => message),
      [reason],
    );
    const space = network.space('a');
    t.regex(ip('-n', space, '-6', 'route', 'show', 'fd00:10::/56'), /^unreachable \S+ dev lo/);

    const from = agent.lines.length;
    network.declare({ vxlanMode: 'Always' }, [
      ...pools,
      resource('FelixConfiguration', 'default', { vxlanVNI: 77 }),
    ]);
    await agent.until('programs loaded', { from });
    t.is(told().length, 1, 'said once, though the programs changed');

    inside(space, 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1');
    inside(space, 'sysctl', '-qw', 'net/ipv6/conf/eth0/disable_ipv6=0');
    await agent.until('no longer degraded', { timeoutMs: 1000 });
    t.regex(told().at(-1) ?? '', /^no interface has the node's address fd00:77::1/);
    ip('-n', space, 'address', 'add', 'fd00:77::1/64', 'dev', 'eth0', 'nodad');
    const wanted = 'fd00:10::/56 via fe80::fefe dev eth0 ';
    for (const began = Date.now(); statusOf(network).verdict !== 'OK' && Date.now() < began + 3000;)
      await sleep(50);
    t.is(statusOf(network).verdict, 'OK');
    t.true(ip('-n', space, '-6', 'route', 'show').includes(wanted));
  },
);
