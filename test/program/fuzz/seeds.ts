import { encapsulations } from '../../../src/encap/index.js';
import type { Policy } from '../../../src/model/desired.js';
import { familyOf, type Family } from '../../../src/net/address.js';
import type { Direction } from '../../support/count.js';
import { jumbo, nobody, tooBig, wa6 } from '../../support/frames.js';
import { eth, type Packet } from '../../support/packet.js';
import { beyondCalico, blockOf, nodes, pools, type NodeName } from '../../support/world.js';
import type { Row } from './rows.js';

const { a } = nodes;

/** What the corpus has no packets for: every pool, either family outside and inside, every transport, both ways. */
export function seedRows(): readonly Row[] {
  const carried = carriedRows();
  return [...routersWords(), ...carried, ...waited(carried), ...hidden()];
}

/** What a neighbour was waited for passes the hook again, and has our mark. */
function waited(carried: readonly Row[]): readonly Row[] {
  return carried
    .filter(({ id }) => id.endsWith(' udp out'))
    .map((row) => ({ ...row, id: `${row.id}, again`, marked: true }));
}

function carriedRows(): readonly Row[] {
  return [...pools, ...beyondCalico].flatMap(({ cidr, policy }) =>
    (['b', 'c'] as const).flatMap((name) => {
      const [here, there] = [workloadOf(cidr, 'a'), workloadOf(cidr, name)];
      const outer = outerFrom(name, policy);
      const room = roomIn(policy);
      return Object.entries(transports[familyOf(cidr)]).flatMap(([transport, behind]) => {
        const id = `${cidr} ${name} ${transport}`;
        return [
          rowOf(`${id} out`, 'egress', behind(eth(a.uplinkMac, nobody), here, there, room)),
          ...(outer === undefined
            ? []
            : [rowOf(`${id} in`, 'ingress', behind(outer, there, here, room))]),
        ];
      });
    }),
  );
}

/** A workload's own VXLAN to B, behind extension headers: RFC 8200 section 4. */
function hidden(): readonly Row[] {
  const { b, c } = nodes;
  const start = eth(a.uplinkMac, c.uplinkMac).ipv6(wa6, b.underlay6);
  return [[0], [43], [44], [51], [60], [135], [0, 43, 44, 60]].map((headers) => {
    const packet = headers.reduce(
      (before, header) => before.extension(header, header === 44 ? [0, 1, 0, 0, 0, 1] : undefined),
      start,
    );
    return rowOf(`VXLAN behind ${headers.join()}`, 'egress', packet.udp(1, 4789).vxlan(7));
  });
}

/** RFC 1191, RFC 8201: of tunnel packets to B, each of them too big for somebody. */
function routersWords(): readonly Row[] {
  const { b } = nodes;
  const sent4 = eth(a.uplinkMac, b.uplinkMac).ipv4(a.underlay, b.underlay, { dontFragment: true });
  const sent6 = eth(a.uplinkMac, b.uplinkMac).ipv6(a.underlay6, b.underlay6);
  const size = new Uint8Array(1400);
  const about: Readonly<Record<string, Packet>> = {
    vxlan: sent4.udp(50000, 4789).vxlan(4096).raw(size),
    ipip: sent4.ipv4('10.245.1.10', '10.245.2.10').raw(size),
    'vxlan over IPv6': sent6.udp(50000, 4789).vxlan(4096).raw(size),
    'ip6ip over IPv6': sent6.ipv6('fd00:250:0:1::a', 'fd00:250:0:2::a').raw(size),
    dns: sent4.udp(50000, 53).raw(size),
  };
  return Object.entries(about).flatMap(([name, sent]) =>
    [0, 1280, 1400].map((mtu): Row => ({
      id: `a router with ${mtu} bytes about ${name}`,
      direction: 'ingress',
      frame: tooBig(mtu, sent),
      from: 'local',
      marked: false,
    })),
  );
}

function rowOf(id: string, direction: Direction, packet: Packet): Row {
  const from = direction === 'egress' ? 'pod' : 'local';
  return { id, direction, frame: packet.bytes(), from, marked: false };
}

/** The tenth address of a node's block. */
function workloadOf(cidr: string, name: NodeName): string {
  const [network = ''] = blockOf(cidr, name).split('/');
  return familyOf(cidr) === 'ipv4' ? network.replace(/0$/, '10') : `${network}a`;
}

/** The headers in which a node sends packets of such a pool to A; undefined: it has no such address, or sends none. */
function outerFrom(name: 'b' | 'c', { otherSubnet, underlay }: Policy): Packet | undefined {
  const { uplinkMac, vtepMac, underlay: underlay4, underlay6 } = nodes[name];
  const frame = eth(uplinkMac, a.uplinkMac);
  const packet =
    underlay === 'ipv4'
      ? frame.ipv4(underlay4, a.underlay)
      : underlay6 && frame.ipv6(underlay6, a.underlay6);
  switch (otherSubnet) {
    case 'none':
      return undefined;
    case 'ipip':
    case 'ip6ip':
      return packet;
    case 'vxlan':
      return packet?.udp(50000, 4789).vxlan(4096).eth(vtepMac, a.vtepMac);
  }
}

/** An uplink of 1500 bytes, less the outer headers. */
function roomIn({ otherSubnet: encap, underlay }: Policy): number {
  return 1500 - (encap === 'none' ? 0 : encapsulations[encap].overheadBytes[underlay]);
}

/** `room`: bytes that the packet may have. */
type Behind = (frame: Packet, source: string, destination: string, room: number) => Packet;

/** Under each family, what may stand behind its header. */
const transports: Readonly<Record<Family, Readonly<Record<string, Behind>>>> = {
  ipv4: {
    tcp: (frame, from, to) =>
      frame.ipv4(from, to, { ecn: 'ect0', dscp: 10 }).tcp(40000, 80).raw('tcp'),
    udp: (frame, from, to) => frame.ipv4(from, to, { dontFragment: true }).udp(7777, 53).raw('udp'),
    icmp: (frame, from, to) =>
      frame.ipv4(from, to, { protocol: 1 }).raw(Uint8Array.of(8, 0, 0xf7, 0xff)),
    sctp: (frame, from, to) => frame.ipv4(from, to, { protocol: 132, ecn: 'ce' }).raw('sctp'),
    fragment: (frame, from, to) =>
      frame
        .ipv4(from, to, { protocol: 17, fragmentOffset: 9, moreFragments: true })
        .raw('12345678'),
    options: (frame, from, to) =>
      frame.ipv4(from, to, { options: Uint8Array.of(1, 1, 1, 0), ttl: 1 }).udp(1, 2),
    'full MTU': (frame, from, to, room) =>
      frame
        .ipv4(from, to)
        .udp(1, 2)
        .raw(new Uint8Array(room - 28)),
    'IPv6 inside': (frame, from, to) =>
      frame.ipv4(from, to).ipv6('2001:db8::1', '2001:db8::2').tcp(1, 2),
    vxlan: (frame, from, to) =>
      frame.ipv4(from, to).udp(1, 4789).vxlan(7).eth('02:00:00:00:00:01', '02:00:00:00:00:02'),
  },
  ipv6: {
    tcp: (frame, from, to) =>
      frame.ipv6(from, to, { ecn: 'ect1', dscp: 10, flowLabel: 7 }).tcp(40000, 80).raw('tcp'),
    udp: (frame, from, to) => frame.ipv6(from, to).udp(7777, 53).raw('udp'),
    icmp: (frame, from, to) =>
      frame.ipv6(from, to, { nextHeader: 58 }).raw(Uint8Array.of(128, 0, 0, 0)),
    sctp: (frame, from, to) => frame.ipv6(from, to, { nextHeader: 132, ecn: 'ce' }).raw('sctp'),
    fragment: (frame, from, to) =>
      frame.ipv6(from, to).extension(44, [0, 1, 0, 0, 0, 9]).raw('12345678'),
    options: (frame, from, to) => frame.ipv6(from, to, { hopLimit: 1 }).extension(0).udp(1, 2),
    'full MTU': (frame, from, to, room) =>
      frame
        .ipv6(from, to)
        .udp(1, 2)
        .raw(new Uint8Array(room - 48)),
    'no next header': (frame, from, to) => frame.ipv6(from, to, { nextHeader: 59 }),
    jumbogram: (frame, from, to) =>
      frame.ipv6(from, to, { nextHeader: 0, payloadLength: 0 }).raw(jumbo),
    'IPv4 inside': (frame, from, to) =>
      frame.ipv6(from, to).ipv4('192.0.2.1', '192.0.2.2').tcp(1, 2),
  },
};
