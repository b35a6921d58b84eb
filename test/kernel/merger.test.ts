import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { inNamespace, Netlink } from 'libbpf-ts';
import { foldersOf } from '../../src/datapath/folders.js';
import { mergerName, wantedMerger } from '../../src/datapath/merger.js';
import { readStatus } from '../../src/datapath/status.js';
import { mergers } from '../../src/datapath/tables/mergers.js';
import { skips } from '../support/needs.js';
import { offloads } from '../support/offloads.js';
import { within } from '../support/slowness.js';
import { stream } from '../support/traffic.js';
import { inside, ip, Network, obstacle } from '../support/network/network.js';

const cannot = obstacle();
const vxlan = { vxlanMode: 'Always' } as const;
const megabytes = 20 * 1_000_000;

function skipped(t: ExecutionContext): boolean {
  if (cannot === undefined) return skips(t, 'ip', 'nsenter', 'ethtool', 'ping', 'python3');
  t.log(`skipped: ${cannot}`);
  t.pass();
  return true;
}

/** Whether this kernel's vxlan devices can't be told to take nothing: then there is no merger to be tested. */
function lacksFilter(t: ExecutionContext, network: Network): boolean {
  using netlink = Netlink.open({ namespace: `/run/netns/${network.space('wa')}` });
  netlink.makeVxlan({ name: 'probe', port: 4790, vniFilter: true });
  const made = netlink.links().find(({ name }) => name === 'probe');
  netlink.removeLink(made?.index ?? 0);
  if (made?.vxlan?.vniFilter === true) return false;
  t.log('skipped: vxlan devices of this kernel filter no VNIs');
  t.pass();
  return true;
}

/** As behind a NIC that knows no tunnels: MTU-sized packets cross, and may be merged on arrival. */
function asOnAWire(network: Network): void {
  for (const node of ['a', 'b'] as const)
    inside(network.space(node), 'ethtool', '-K', 'eth0', ...offloads.wire.uplink);
}

/** Bytes in each packet that a node has taken out of tunnels. */
function meanBytes(network: Network, node: 'a' | 'b'): number {
  const { verdicts } = inNamespace(`/run/netns/${network.space(node)}`, () =>
    readStatus(foldersOf(network.environment(node))),
  );
  const taken = verdicts.find(({ verdict }) => verdict === 'decapsulated');
  return Number(taken?.ingress.bytes) / Number(taken?.ingress.packets);
}

function isAsWanted(network: Network): boolean {
  using netlink = Netlink.open({ namespace: `/run/netns/${network.space('a')}` });
  const there = mergers(netlink).entries().get(mergerName);
  return JSON.stringify(there) === JSON.stringify(wantedMerger(4789));
}

async function arrives(t: ExecutionContext, network: Network, to = '10.244.2.5'): Promise<void> {
  const [sent, got] = await stream(network.space('wa'), network.space('wb'), to, megabytes);
  t.is(got, sent);
}

for (const stack of ['ipv4', 'ipv6'] as const)
  test.serial(
    `VXLAN packets that an ${stack} wire carries one by one come in merged, and whole`,
    comeMerged,
    stack,
  );

async function comeMerged(t: ExecutionContext, stack: 'ipv4' | 'ipv6'): Promise<void> {
  if (skipped(t)) return;
  await using network = new Network(vxlan, stack);
  if (lacksFilter(t, network)) return;
  await network.agent('a');
  await network.agent('b');
  asOnAWire(network);
  t.true(isAsWanted(network));
  await arrives(t, network, stack === 'ipv4' ? undefined : 'fd00:244:0:2::5');
  const merged = meanBytes(network, 'b');
  t.true(merged > 4500, `${merged} bytes in each`);
  t.regex(network.encap('a', 'status'), /merger encap\.merge0: received VXLAN packets are merged/);
}

test.serial('receiveMerging: off leaves them as they come; it is switched live', async (t) => {
  if (skipped(t)) return;
  await using network = new Network(vxlan);
  if (lacksFilter(t, network)) return;
  const off = { apiVersion: 'encap/v1', kind: 'NodeConfig', receiveMerging: 'off' };
  network.declare(vxlan, [off]);
  await network.agent('a');
  await network.agent('b');
  asOnAWire(network);
  t.false(isAsWanted(network));
  await arrives(t, network);
  const unmerged = meanBytes(network, 'b');
  t.true(unmerged > 1000 && unmerged < 1600, `${unmerged} bytes in each`);

  network.declare(vxlan);
  t.true(await soon(() => isAsWanted(network)), 'it comes');
  network.declare({ ipipMode: 'Always' });
  t.true(await soon(() => !hasMerger(network)), 'IP-in-IP is merged without it');
  network.declare(vxlan);
  t.true(await soon(() => isAsWanted(network)));
  ip('-n', network.space('a'), 'link', 'delete', mergerName);
  t.true(await soon(() => isAsWanted(network)), 'it comes back');
});

test.serial(
  'the merger takes no packet for itself, whatever its VNI, and whoever it is for',
  async (t) => {
    if (skipped(t)) return;
    await using network = new Network(vxlan);
    if (lacksFilter(t, network)) return;
    const agent = await network.agent('a');
    // Where our program does not look: to another address, and with nobody attached at all.
    ip('-n', network.space('a'), 'address', 'add', '192.168.77.101/24', 'dev', 'eth0');
    const before = received(network);
    for (const destination of ['192.168.77.101', '192.168.77.1'])
      for (const vni of [4096, 0, 77, 0xffffff])
        inside(network.space('b'), 'python3', '-c', tunnelSender, destination, String(vni));
    await agent.kill();
    t.is(received(network), before);
    t.is(network.pingTo('10.244.1.5', 1), 1, 'the node itself is well');
  },
);

test.serial(
  'beside another vxlan device on the port there is none: its socket has them merged',
  async (t) => {
    if (skipped(t)) return;
    await using network = new Network(vxlan);
    if (lacksFilter(t, network)) return;
    const device = 'link add vxlan.calico type vxlan id 7 dstport 4789 local 192.168.77.1';
    ip('-n', network.space('a'), ...device.split(' '));
    ip('-n', network.space('a'), 'link', 'set', 'vxlan.calico', 'up');
    const agent = await network.agent('a');
    await network.agent('b');
    await arrives(t, network);
    t.false(hasMerger(network));
    t.regex(
      network.encap('a', 'status'),
      /merger vxlan\.calico: received VXLAN packets are merged/,
    );
    t.true(meanBytes(network, 'a') > 0);
    ip('-n', network.space('a'), 'link', 'delete', 'vxlan.calico');
    t.true(await soon(() => isAsWanted(network)), 'ours comes when it has gone');
    ip('-n', network.space('a'), ...device.split(' '));
    t.true(await soon(() => !hasMerger(network)), 'and goes when it is back');
    ip('-n', network.space('a'), 'link', 'set', 'vxlan.calico', 'up');
    await agent.kill();
    network.run('a', 'down');
    const links = JSON.parse(ip('-n', network.space('a'), '-j', 'link')) as { ifname: string }[];
    t.deepEqual(
      links.map(({ ifname }) => ifname).filter((name) => /^encap/.test(name)),
      [],
    );
    t.true(links.some(({ ifname }) => ifname === 'vxlan.calico'));
  },
);

function hasMerger(network: Network): boolean {
  using netlink = Netlink.open({ namespace: `/run/netns/${network.space('a')}` });
  return mergers(netlink).entries().size > 0;
}

/** Packets that the merger has handed to the stack of node-a. */
function received(network: Network): number {
  const text = ip('-n', network.space('a'), '-s', '-j', 'link', 'show', 'dev', mergerName);
  const [link] = JSON.parse(text) as { stats64: { rx: { packets: number } } }[];
  return link?.stats64.rx.packets ?? NaN;
}

async function soon(isTrue: () => boolean): Promise<boolean> {
  const until = performance.now() + within(5000);
  while (performance.now() < until) {
    if (isTrue()) return true;
    await sleep(50);
  }
  return false;
}

/** Python: VXLAN to ADDRESS with a VNI; inside a datagram to the node itself, to everybody on the link. */
const tunnelSender = `
import socket, struct, sys
inner = bytes.fromhex('ffffffffffff' '020000000001' '0800' '4500001d00000000401100000af402050af40105' '000100020009000078')
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(struct.pack('!II', 0x08000000, int(sys.argv[2]) << 8) + inner, (sys.argv[1], 4789))
`;
