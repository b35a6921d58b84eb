import test from 'ava';
import { explain } from '../../../src/decide/explain.js';
import type { Node, NodeName } from '../../../src/model/node.js';
import { parseAddress } from '../../../src/net/address.js';
import { block, defaults, node, pool, world, type World } from './worlds.js';

const explains = test.macro({
  title: (title) => title ?? '',
  exec: (t, description: World, destination: string, expected: readonly string[]) => {
    const six = (name: string, host: string, number: number, subnet: number): Node =>
      node(name, {
        bgp: `172.${subnet}.0.${host}/24`,
        bgp6: `fd00:${subnet}::${host}/64`,
        vxlan: `10.${number}.0.0`,
        vxlan6: `fd00:10:${number}::`,
      });
    const { steps, warnings = [] } = explain(
      world({
        nodes: [six('a', '1', 1, 16), six('b', '2', 2, 16), six('c', '3', 3, 17)],
        blocks: ['a', 'b', 'c'].flatMap((name, place) => [
          block(`10.${place + 1}.0.0/26`, name),
          block(`fd00:10:${place + 1}::/122`, name),
        ]),
        ...description,
      }),
      'a' as NodeName,
      { destination: parseAddress(destination) },
    );
    t.deepEqual(
      [
        ...steps.slice(1).map(({ title, text }) => `${title}: ${text}`),
        ...warnings.map((warning) => `! ${warning}`),
      ],
      [...expected],
    );
  },
});
const v6 = pool('six', 'fd00:10::/32', { vxlan: 'CrossSubnet' });
const overFour = { ...defaults.beyondCalico, ipv6PoolsOver: 'ipv4' } as const;
test(
  'VXLAN over IPv6 has 70 bytes, MACs of that family and a checksum',
  explains,
  { pools: [v6] },
  'fd00:10:3::9',
  [
    'mode: vxlan CrossSubnet (IPPool six)',
    'subnet: a fd00:16::1/64 does not contain c fd00:17::3: different subnets, encapsulated',
    'outer: fd00:16::1 > fd00:17::3 udp 49152-65535 > 4789 vni 4096 with checksum',
    'mac: inner 66:b0:25:93:68:b9 > 66:b4:d5:b2:91:47 (VTEP of c)',
    "size: 70 bytes of outer headers; the packet inside may have the underlay's MTU less 70",
  ],
);
test(
  'to a node that takes none it has none',
  explains,
  { pools: [v6], settings: { zeroUdpChecksum: ['c' as NodeName] } },
  'fd00:10:3::9',
  [
    'mode: vxlan CrossSubnet (IPPool six)',
    'subnet: a fd00:16::1/64 does not contain c fd00:17::3: different subnets, encapsulated',
    'outer: fd00:16::1 > fd00:17::3 udp 49152-65535 > 4789 vni 4096 without checksum',
    'mac: inner 66:b0:25:93:68:b9 > 66:b4:d5:b2:91:47 (VTEP of c)',
    "size: 70 bytes of outer headers; the packet inside may have the underlay's MTU less 70",
  ],
);
test(
  'over IPv4 it has 50 bytes, MACs of IPv4 and no neighbours, which is told',
  explains,
  { pools: [v6], settings: { beyondCalico: overFour } },
  'fd00:10:2::9',
  [
    'mode: vxlan CrossSubnet (IPPool six), IPv6 over IPv4 (NodeConfig)',
    'subnet: IPv6 packets have no next hop on IPv4: encapsulated wherever they go',
    'outer: 172.16.0.1 > 172.16.0.2 udp 49152-65535 > 4789 vni 4096',
    'mac: inner 66:86:f7:e4:37:fa > 66:e9:d7:1f:5e:e7 (VTEP of b)',
    "size: 50 bytes of outer headers; the packet inside may have the underlay's MTU less 50",
    '! IPv6 packets have no next hop on IPv4: CrossSubnet behaves as Always',
  ],
);
test(
  'IPv4 over IPv6 has 70 bytes, and FelixConfiguration’s MTU is that of IPv4',
  explains,
  {
    pools: [pool('four', '10.0.0.0/8', { vxlan: 'Always' })],
    settings: {
      beyondCalico: { ...defaults.beyondCalico, ipv4PoolsOver: 'ipv6' },
      mtu: { vxlan: 1400, vxlanV6: 1380, ipip: 0 },
    },
  },
  '10.2.0.9',
  [
    'mode: vxlan Always (IPPool four), IPv4 over IPv6 (NodeConfig)',
    'outer: fd00:16::1 > fd00:16::2 udp 49152-65535 > 4789 vni 4096 with checksum',
    'mac: inner 66:b0:25:93:68:b9 > 66:05:90:f3:54:e9 (VTEP of b)',
    'size: 70 bytes of outer headers; the packet inside may have 1400 (FelixConfiguration)',
  ],
);
test(
  'IP6-in-IP over IPv6 has 40 bytes and no MAC',
  explains,
  {
    pools: [pool('six', 'fd00:10::/32', { ipip: 'Always' })],
    settings: {
      beyondCalico: { ...defaults.beyondCalico, ip6ip: true },
      mtu: { vxlan: 0, vxlanV6: 0, ipip: 1400 },
    },
  },
  'fd00:10:2::9',
  [
    'mode: ip6ip Always (IPPool six)',
    'outer: fd00:16::1 > fd00:16::2 protocol 41',
    "size: 40 bytes of outer headers; the packet inside may have the underlay's MTU less 40",
  ],
);
test(
  'over IPv4 it has 20; what a NodeConfig says of TTL and DSCP is told',
  explains,
  {
    pools: [pool('six', 'fd00:10::/32', { ipip: 'Always' })],
    settings: {
      beyondCalico: { ...overFour, ip6ip: true },
      outerTtl: 'inherit',
      dscp: { pipe: 46 },
    },
  },
  'fd00:10:2::9',
  [
    'mode: ip6ip Always (IPPool six), IPv6 over IPv4 (NodeConfig)',
    'outer: 172.16.0.1 > 172.16.0.2 protocol 41, TTL as inside, DSCP 46',
    "size: 20 bytes of outer headers; the packet inside may have the underlay's MTU less 20",
  ],
);
test(
  'an underlay that a NodeConfig makes too small for IPv6 is told',
  explains,
  { pools: [v6], settings: { underlay: { interface: undefined, mtu: 1300 }, outerTtl: 255 } },
  'fd00:10:3::9',
  [
    'mode: vxlan CrossSubnet (IPPool six)',
    'subnet: a fd00:16::1/64 does not contain c fd00:17::3: different subnets, encapsulated',
    'outer: fd00:16::1 > fd00:17::3 udp 49152-65535 > 4789 vni 4096 with checksum, TTL 255',
    'mac: inner 66:b0:25:93:68:b9 > 66:b4:d5:b2:91:47 (VTEP of c)',
    "size: 70 bytes of outer headers; the packet inside may have the underlay's MTU less 70",
    "! the underlay's 1300 leaves 1230 bytes, and IPv6 sends packets of 1280 all the same (RFC 8200 section 5): give it an MTU of 1350 or more",
  ],
);
test('IPIP on an IPv6 pool is explained as going nowhere without a word', (t) => {
  const { steps } = explain(
    world({
      pools: [pool('x', 'fd00:10::/32', { ipip: 'Always' })],
      nodes: [node('b', { bgp6: 'fd00:16::2/64' })],
      blocks: [block('fd00:10:2::/122', 'b')],
    }),
    'a' as NodeName,
    { destination: parseAddress('fd00:10:2::9') },
  );
  t.is(
    steps[0]?.text,
    'fd00:10:2::9, pool x (fd00:10::/32), block fd00:10:2::/122 of b: there is no IPIP for IPv6 pools, unless a NodeConfig says beyondCalico.ip6ip',
  );
});
