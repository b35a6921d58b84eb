import test, { type ExecutionContext } from 'ava';
import { eth, type Packet } from '../support/packet.js';
import { Wire, type Outcome } from '../support/raw.js';
import { skips } from '../support/needs.js';
import { inside, ip, Network } from '../support/network/network.js';

// Packets that are too big, of the kinds that must not be answered or may be fragmented: our datapath does with each
// of them what the kernel's own vxlan devices do, on the same nodes, a moment later.

const [here4, there4] = ['10.244.1.5', '10.244.2.5'];
const [here6, there6] = ['fd00:244:0:1::5', 'fd00:244:0:2::5'];
/** 1500 less the outer headers. */
const edge = { ipv4: 1450, ipv6: 1430 } as const;

/** What came of a packet, as far as it has to be the same: fragments, and what the sender was told. */
interface Told {
  readonly arrived: readonly string[];
  readonly answers: readonly string[];
  readonly refused: string | undefined;
}

const nothing: Told = { arrived: [], answers: [], refused: undefined };
const told4: Told = { ...nothing, answers: ['frag needed, mtu 1450'] };
const told6: Told = { ...nothing, answers: ['packet too big, mtu 1430'] };

/** Packets of a workload; what is expected of each by RFC 791, 1122, 1812, 4443 and 8200. */
const packets: Readonly<Record<string, readonly [Packet, Told]>> = {
  'at the edge, with DF': [
    ipv4(edge.ipv4, { dontFragment: true }),
    { ...nothing, arrived: ['1450 DF'] },
  ],
  'one byte above, with DF': [ipv4(edge.ipv4 + 1, { dontFragment: true }), told4],
  'one byte above, without DF': [
    ipv4(edge.ipv4 + 1),
    { ...nothing, arrived: ['1444 at 0 MF', '27 at 1424'] },
  ],
  '3000 bytes without DF': [
    ipv4(3000),
    { ...nothing, arrived: ['1444 at 0 MF', '1444 at 1424 MF', '152 at 2848'] },
  ],
  'a first fragment': [
    ipv4(1500, { moreFragments: true }),
    { ...nothing, arrived: ['1444 at 0 MF', '76 at 1424 MF'] },
  ],
  'a later fragment': [
    ipv4(1500, { fragmentOffset: 185, protocol: 17 }),
    { ...nothing, arrived: ['1444 at 1480 MF', '76 at 2904'] },
  ],
  'a first fragment with DF': [ipv4(1500, { moreFragments: true, dontFragment: true }), told4],
  'a later fragment with DF: nobody is told': [
    ipv4(1500, { fragmentOffset: 185, dontFragment: true, protocol: 17 }),
    nothing,
  ],
  'an echo request with DF': [icmp4(8, 0, 1500, true), told4],
  'an ICMP error with DF: nobody is told': [icmp4(3, 1, 1500, true), nothing],
  'an ICMP error without DF': [
    icmp4(3, 1, 1500, false),
    { ...nothing, arrived: ['1444 at 0 MF', '76 at 1424'] },
  ],
  'IPv6 at the edge': [ipv6(edge.ipv6), { ...nothing, arrived: ['1430'] }],
  'IPv6 one byte above': [ipv6(edge.ipv6 + 1), told6],
  'an IPv6 first fragment': [fragment6(1500, 0x0001), told6],
  'an IPv6 later fragment': [fragment6(1500, 185 << 3), told6],
  'an ICMPv6 echo request': [icmp6(128, 1500), told6],
  'an ICMPv6 error: nobody is told': [icmp6(1, 1500), nothing],
};

/** Datagrams of the node's own sockets, with UDP and IP headers above the edge. */
const datagrams = {
  'from the node, one byte above, not to be fragmented': [there4, edge.ipv4 + 1 - 28, 'do'],
  'from the node, 3000 bytes': [there4, 3000, 'dont'],
  'IPv6 from the node, one byte above, not to be fragmented': [there6, edge.ipv6 + 1 - 48, 'do'],
  'IPv6 from the node, 3000 bytes': [there6, 3000, 'dont'],
} as const;

test.serial('what is too big is treated as the kernel’s own devices treat it', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'bridge', 'python3')) return;
  await using network = new Network({ vxlanMode: 'Always' }, 'dual-stack');
  for (const side of ['a', 'b'] as const) {
    ip('-n', network.space(side), 'link', 'set', 'cali0', 'mtu', '9000');
    ip('-n', network.space(`w${side}`), 'link', 'set', 'eth0', 'mtu', '9000');
  }
  const agents = [await network.agent('a'), await network.agent('b')];
  meet(t, network);
  const ours = await outcomes(network);
  for (const [title, [, expected]] of Object.entries(packets))
    t.deepEqual(ours[title], expected, title);

  for (const agent of agents) await agent.end('SIGTERM');
  for (const side of ['a', 'b'] as const) network.run(side, 'down');
  const why = kernelDevices(network);
  if (why !== undefined) return t.log(`not compared with the kernel's device: ${why}`);
  meet(t, network);
  t.deepEqual(ours, await outcomes(network));
});

/** Neighbours are resolved, so that nothing waits in a queue. */
function meet(t: ExecutionContext, network: Network): void {
  network.forget();
  for (const from of ['wa', 'a'] as const)
    for (const address of [there4, there6])
      t.regex(network.pinged(from, address, '-c2', '-i0.2', '-W2'), / [12] received/);
}

async function outcomes(network: Network): Promise<Readonly<Record<string, Told>>> {
  const all: Record<string, Told> = {};
  using workload = new Wire(network.space('wa'), network.space('wb'));
  for (const [title, [packet]] of Object.entries(packets))
    all[title] = told(await workload.packet(packet.bytes().subarray(14)));
  using node = new Wire(network.space('a'), network.space('wb'));
  for (const [title, [to, bytes, discover]] of Object.entries(datagrams))
    all[title] = told(await node.datagram({ to, bytes, discover }));
  return all;
}

function told({ arrived, answers, refused }: Outcome): Told {
  return { arrived: arrived.map(described), answers: answers.map(answer), refused };
}

/** '1444 at 0 MF': bytes, and where IP says that it is a fragment. */
function described(packet: Uint8Array): string {
  const view = new DataView(packet.buffer);
  if (packet[0] !== 0x60) {
    const fragment = view.getUint16(6);
    return written(view.getUint16(2), (fragment & 0x1fff) * 8, {
      DF: (fragment & 0x4000) !== 0,
      MF: (fragment & 0x2000) !== 0,
    });
  }
  const bytes = 40 + view.getUint16(4);
  if (packet[6] !== 44) return written(bytes, 0, {});
  const fragment = view.getUint16(42);
  return written(bytes, fragment & 0xfff8, { MF: (fragment & 1) !== 0 });
}

function written(bytes: number, offset: number, flags: Readonly<Record<string, boolean>>): string {
  const set = Object.keys(flags).filter((flag) => flags[flag] === true);
  const place = offset > 0 || flags['MF'] === true ? [`at ${offset}`] : [];
  return [String(bytes), ...place, ...set].join(' ');
}

function answer(packet: Uint8Array): string {
  const view = new DataView(packet.buffer);
  if (packet[0] === 0x60)
    return packet[40] === 2 ? `packet too big, mtu ${view.getUint32(44)}` : `type ${packet[40]}`;
  const [type, code] = packet.subarray(20, 22);
  return type === 3 && code === 4
    ? `frag needed, mtu ${view.getUint16(26)}`
    : `type ${type} code ${code}`;
}

/** As Felix sets them up; gives what the machine lacks. */
function kernelDevices(network: Network): string | undefined {
  for (const [side, own, other] of [
    ['a', 1, 2],
    ['b', 2, 1],
  ] as const) {
    const space = network.space(side);
    for (const [name, mtu, local, peer, tunnel, block] of [
      ['vxlan.calico', edge.ipv4, '192.168.77.', '192.168.77.', '10.244.N.0', '26'],
      ['vxlan-v6.calico', edge.ipv6, 'fd00:77::', 'fd00:77::', 'fd00:244:0:N::', '122'],
    ] as const) {
      const [mac, peerMac] = [`66:00:00:00:00:0${own}`, `66:00:00:00:00:0${other}`];
      const way = ['id', '4096', 'dstport', '4789', 'local', `${local}${own}`, 'dev', 'eth0'];
      const device = ['name', name, 'mtu', String(mtu), 'address', mac];
      try {
        ip('-n', space, 'link', 'add', ...device, 'type', 'vxlan', ...way, 'nolearning');
      } catch {
        return 'this kernel has no vxlan device';
      }
      ip('-n', space, 'link', 'set', name, 'up');
      const [mine, its] = [tunnel.replace('N', String(own)), tunnel.replace('N', String(other))];
      ip('-n', space, 'address', 'add', mine, 'dev', name);
      ip('-n', space, 'neigh', 'add', its, 'lladdr', peerMac, 'dev', name, 'nud', 'permanent');
      ip('-n', space, 'route', 'add', `${its}/${block}`, 'via', its, 'dev', name, 'onlink');
      inside(space, 'bridge', 'fdb', 'add', peerMac, 'dev', name, 'dst', `${peer}${other}`);
    }
  }
  return undefined;
}

function ipv4(bytes: number, options: Parameters<Packet['ipv4']>[2] = {}): Packet {
  const packet = anyone().ipv4(here4, there4, options);
  return options.fragmentOffset === undefined
    ? packet.udp(7, 9).raw(new Uint8Array(bytes - 28))
    : packet.raw(new Uint8Array(bytes - 20));
}

function icmp4(type: number, code: number, bytes: number, dontFragment: boolean): Packet {
  const message = new Uint8Array(bytes - 20);
  message.set([type, code]);
  return anyone().ipv4(here4, there4, { protocol: 1, dontFragment }).raw(message);
}

function ipv6(bytes: number): Packet {
  return anyone()
    .ipv6(here6, there6)
    .udp(7, 9)
    .raw(new Uint8Array(bytes - 48));
}

function fragment6(bytes: number, offsetAndMore: number): Packet {
  const header = [offsetAndMore >> 8, offsetAndMore & 255, 0, 0, 0, 1];
  return anyone()
    .ipv6(here6, there6)
    .extension(44, header)
    .udp(7, 9)
    .raw(new Uint8Array(bytes - 56));
}

function icmp6(type: number, bytes: number): Packet {
  const message = new Uint8Array(bytes - 40);
  message.set([type]);
  return anyone().ipv6(here6, there6, { nextHeader: 58 }).raw(message);
}

/** The Ethernet header is not looked at: packets are sent from the IP header on. */
function anyone(): Packet {
  return eth('00:00:00:00:00:00', '00:00:00:00:00:00');
}
