import test, { type ExecutionContext } from 'ava';
import { features } from 'libbpf-ts';
import { foldersOf } from '../../src/datapath/folders.js';
import { readState } from '../../src/datapath/state.js';
import type { Family } from '../../src/net/address.js';
import { whyNoFlowLookup } from '../support/conntrack.js';
import { whyNotTaken } from '../support/crossing.js';
import { skipsFor } from '../support/needs.js';
import type { PoolModes } from '../support/network/cluster.js';
import { explained, mislead, wordsOf } from '../support/network/explained.js';
import { Network, obstacle } from '../support/network/network.js';
import { watch } from '../support/traffic.js';

// What `encap explain` says of both families beside what the loaded program does with such a packet, and beside the
// wire: by each way that pools travel, and where shortcuts are loaded with it.

/** A way that a family's pool travels: outer headers of RFC 7348, RFC 2003, RFC 2473, RFC 4213. */
interface Way {
  readonly action: 'vxlan' | 'ipip' | 'ip6ip' | 'direct';
  readonly over: Family;
  readonly bytes: number;
  /** Of the pool's other packets, where they are more: its route has room for them. */
  readonly room?: number;
}

interface World {
  readonly modes: PoolModes;
  readonly ways: Readonly<Record<Family, Way>>;
}

const ways = {
  vxlan: { action: 'vxlan', over: 'ipv4', bytes: 50 },
  vxlan6: { action: 'vxlan', over: 'ipv6', bytes: 70 },
  ipip: { action: 'ipip', over: 'ipv4', bytes: 20 },
  ip6ip: { action: 'ip6ip', over: 'ipv6', bytes: 40 },
  sit: { action: 'ip6ip', over: 'ipv4', bytes: 20 },
  direct: { action: 'direct', over: 'ipv4', bytes: 0, room: 50 },
  direct6: { action: 'direct', over: 'ipv6', bytes: 0, room: 70 },
} as const satisfies Readonly<Record<string, Way>>;

const worlds: Readonly<Record<string, World>> = {
  'VXLAN over the own family': {
    modes: { vxlanMode: 'Always' },
    ways: { ipv4: ways.vxlan, ipv6: ways.vxlan6 },
  },
  'CrossSubnet, in the same subnet': {
    modes: { vxlanMode: 'CrossSubnet', ipv6: { vxlanMode: 'CrossSubnet' } },
    ways: { ipv4: ways.direct, ipv6: ways.direct6 },
  },
  'IPIP, and IPv6 in IPv6': {
    modes: {
      ipipMode: 'Always',
      ipv6: { ipipMode: 'Always' },
      beyondCalico: { ip6ip: true },
    },
    ways: { ipv4: ways.ipip, ipv6: ways.ip6ip },
  },
  'VXLAN over the other family': {
    modes: {
      vxlanMode: 'Always',
      beyondCalico: { ipv4PoolsOver: 'ipv6', ipv6PoolsOver: 'ipv4' },
    },
    ways: { ipv4: ways.vxlan6, ipv6: ways.vxlan },
  },
  'IPIP, and IPv6 in IPv4': {
    modes: {
      ipipMode: 'Always',
      ipv6: { ipipMode: 'Always' },
      beyondCalico: { ip6ip: true, ipv6PoolsOver: 'ipv4' },
    },
    ways: { ipv4: ways.ipip, ipv6: ways.sit },
  },
};

/** Workloads of node-a and node-b, an address of node-a that nobody has, one in no block; the headers of an echo request. */
const addresses = {
  ipv4: {
    own: '10.244.1.5',
    other: '10.244.2.5',
    free: '10.244.1.9',
    nobodys: '10.244.9.9',
    echoHeaders: 28,
  },
  ipv6: {
    own: 'fd00:244:0:1::5',
    other: 'fd00:244:0:2::5',
    free: 'fd00:244:0:1::9',
    nobodys: 'fd00:244:0:9::9',
    echoHeaders: 48,
  },
} as const;

const underlay = {
  ipv4: { a: '192.168.77.1', b: '192.168.77.2' },
  ipv6: { a: 'fd00:77::1', b: 'fd00:77::2' },
} as const;

const families = ['ipv4', 'ipv6'] as const;

for (const [title, world] of Object.entries(worlds))
  test.serial(
    `explain agrees with the loaded program and with the wire of both families: ${title}`,
    async (t) => {
      if (skipsFor(t, whyNoWay(world))) return;
      await using network = new Network(world.modes, 'dual-stack');
      for (const node of ['a', 'b'] as const) await (await network.agent(node)).end('SIGTERM');
      for (const family of families) {
        agrees(t, network, family, world.ways[family]);
        await isOnTheWire(t, network, family, world.ways[family]);
      }
    },
  );

for (const [fastPath, ...titles] of [
  ['guarded', 'VXLAN over the own family', 'IPIP, and IPv6 in IPv6'],
  ['always', 'VXLAN over the own family'],
] as const)
  for (const title of titles) {
    const world = worlds[title];
    if (world === undefined) throw new TypeError(`no world is named ${title}`);
    test.serial(
      `explain agrees with the program that has shortcuts (fastPath: ${fastPath}): ${title}`,
      async (t) => {
        if (skipsFor(t, whyNoWay(world) ?? whyNoFlowLookup())) return;
        await using network = new Network(world.modes, 'dual-stack');
        const { beyondCalico, ...modes } = world.modes;
        network.declare(modes, [
          {
            ...{ apiVersion: 'encap/v1', kind: 'NodeConfig', fastPath, zeroUdpChecksum: 'always' },
            ...(beyondCalico === undefined ? {} : { beyondCalico }),
          },
        ]);
        await (await network.agent('a')).end('SIGTERM');
        const { object, config } = readState(foldersOf(network.environment('a')).run) ?? {};
        t.regex(object?.file ?? '', /encapd_fast/);
        t.is(config?.fast, fastPath);
        for (const family of families) agrees(t, network, family, world.ways[family]);
      },
    );
  }

function whyNoWay({ ways: { ipv4, ipv6 } }: World): string | undefined {
  return obstacle() ?? whyNotTaken(ipv4.over, 'ipv4') ?? whyNotTaken(ipv6.over, 'ipv6');
}

/** What becomes of the largest packet that fits, and of one that is larger by a byte; and of what is not for node-b. */
function agrees(
  t: ExecutionContext,
  network: Network,
  family: Family,
  { action, over, bytes, room = bytes }: Way,
): void {
  const { own, other, free, nobodys } = addresses[family];
  const from = ['--from', own, '--proto', 'udp', '--dport', '53'];
  const fits = 1500 - room;
  const { error, items } = explained(
    network,
    ...[...from, '--size', String(fits), other, own, free, nobodys],
  );
  t.is(error, undefined);
  const rows = [
    { action, ...sent(action, over), sentBytes: fits + bytes },
    { action: 'local', verdict: 'local_block' },
    { action: 'none', verdict: 'local_block' },
    { action: 'none', verdict: 'no_block' },
  ];
  t.is(items.length, rows.length);
  for (const [place, { action: what, ...kernel }] of rows.entries()) {
    const item = items[place];
    t.is(item?.action, what, item?.destination);
    t.like(item?.kernel, { asked: true, agrees: true, ...kernel }, item?.destination);
  }
  if (action === 'direct' || !features.helper('sched_cls', 'bpf_check_mtu')) return;
  const [larger] = explained(network, ...from, other, '--size', String(fits + 1)).items;
  t.like(larger?.kernel, { agrees: true, verdict: 'answered_too_big' }, `${fits + 1} bytes`);
}

function sent(action: Way['action'], over: Family): object {
  const [source, destination] = [underlay[over].a, underlay[over].b];
  if (action === 'direct') return { verdict: 'direct', via: destination };
  const [destinationPort, vni] = action === 'vxlan' ? [4789, 4096] : [null, null];
  return { verdict: 'encapsulated', pushed: { source, destination, destinationPort, vni } };
}

/** A packet of that size really goes so, and none that is larger. */
async function isOnTheWire(
  t: ExecutionContext,
  network: Network,
  family: Family,
  { over, bytes, room = bytes }: Way,
): Promise<void> {
  const { own, other, echoHeaders } = addresses[family];
  const { a, b } = bytes === 0 ? { a: own, b: other } : underlay[over];
  const fits = 1500 - room;
  const ends = `src host ${a} and dst host ${b} and len = ${fits + bytes + 14}`;
  const wire = await watch(network.space('b'), 'eth0', ends);
  t.is(network.pingTo(other, 2, '-s', String(fits - echoHeaders), '-W5'), 2);
  // tcpdump has the packet inside VXLAN on a line of its own
  const packets = (await wire()).filter((line) => /^\d\d:/.test(line));
  t.is(packets.length, 2, `${ends}: as it was explained`);
  const larger = ['-M', 'do', '-s', String(fits + 1 - echoHeaders), '-c1', '-W1'];
  t.regex(network.pinged('wa', other, ...larger), new RegExp(`mtu ?[:=] ?${fits}\\b`));
}

test.serial(
  'it agrees of IPv6 by TCP and ICMP, of the node itself, and of a false source',
  async (t) => {
    if (skipsFor(t, obstacle())) return;
    await using network = new Network({ vxlanMode: 'Always' }, 'dual-stack');
    await (await network.agent('a')).end('SIGTERM');
    const { own, other } = addresses.ipv6;
    const encapsulated = { agrees: true, ...sent('vxlan', 'ipv6') };
    for (const [words, kernel] of [
      [['--from', own, '--sport', '40000', '--dport', '443'], encapsulated],
      [['--from', own], encapsulated],
      [[], encapsulated],
      [['--from', other], { agrees: true, verdict: 'src_spoof' }],
    ] as const) {
      const [item] = explained(network, ...words, other).items;
      t.like(item?.kernel, kernel, words.join(' '));
    }
  },
);

test.serial('a table of IPv6 that was changed by hand is found out', async (t) => {
  if (skipsFor(t, obstacle())) return;
  await using network = new Network({ vxlanMode: 'Always' }, 'dual-stack');
  await (await network.agent('a')).end('SIGTERM');
  mislead(network, underlay.ipv6.b, 'fd00:77::99');
  const { other } = addresses.ipv6;
  const { error, items } = explained(network, other, addresses.ipv4.other);
  t.is(error?.code, 'KERNEL_DISAGREES');
  t.deepEqual(items[0]?.kernel.differences, [
    { what: 'outer destination', explained: underlay.ipv6.b, kernel: 'fd00:77::99' },
  ]);
  t.true(items[1]?.kernel.agrees, 'IPv4 is as it was');
  t.is(network.exitCode('a', ...wordsOf(network, [other])), 7);
});
