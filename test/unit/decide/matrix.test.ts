import test from 'ava';
import type { Family } from '../../../src/net/address.js';
import { direct, ipip, none, sends, vxlan, type Expected } from './sends.js';
import { block, node, pool, world, type NodeOptions, type PoolOptions } from './worlds.js';

// Every mode × what is known of this node × what is known of the peer × where it stands × family. What to expect is
// written down by hand from Felix' rules, one fact a cell; nothing here is computed by the code under test.

const modes = {
  'VXLAN Always': { vxlan: 'Always' },
  'VXLAN CrossSubnet': { vxlan: 'CrossSubnet' },
  'IPIP Always': { ipip: 'Always' },
  'IPIP CrossSubnet': { ipip: 'CrossSubnet' },
  Never: {},
} as const satisfies Record<string, PoolOptions>;
type ModeName = keyof typeof modes;

const peerAddress = {
  near: { ipv4: '172.16.0.2', ipv6: 'fd00:16::2' },
  far: { ipv4: '172.17.0.2', ipv6: 'fd00:17::2' },
} as const;
type Place = keyof typeof peerAddress;

const prefix = { ipv4: 24, ipv6: 64 } as const;
const tunnel = { vxlan: '10.2.0.0', vxlan6: 'fd00:10:2::' } as const;

/** A way to write an address into a Node resource. */
type Written = (address: string, family: Family) => NodeOptions;

const bgp = (address: string, family: Family): NodeOptions =>
  family === 'ipv4' ? { bgp: address } : { bgp6: address };
const internal = (address: string, family: Family): NodeOptions =>
  family === 'ipv4' ? { internal: address } : { internal6: address };
const external = (address: string, family: Family): NodeOptions =>
  family === 'ipv4' ? { external: address } : { external6: address };
const withPrefix = (address: string, family: Family): string => `${address}/${prefix[family]}`;

/** What each encapsulation can make of the peer; `plain`: whether there is a next hop for packets as they are. */
const peers: readonly {
  readonly is: string;
  readonly written: Written | undefined;
  readonly vxlan: boolean;
  readonly ipip: boolean;
  readonly plain: boolean;
}[] = [
  {
    is: 'a peer with BGP and tunnel address',
    written: (a, f) => ({ ...bgp(withPrefix(a, f), f), ...tunnel }),
    vxlan: true,
    ipip: true,
    plain: true,
  },
  {
    is: 'a peer with a BGP address alone',
    written: (a, f) => bgp(withPrefix(a, f), f),
    vxlan: false,
    ipip: true,
    plain: true,
  },
  {
    is: 'a peer whose BGP address is a /32 or /128',
    written: (a, f) => ({ ...bgp(`${a}/${f === 'ipv4' ? 32 : 128}`, f), ...tunnel }),
    vxlan: true,
    ipip: true,
    plain: true,
  },
  {
    is: 'a peer whose BGP address has no prefix length',
    written: (a, f) => ({ ...bgp(a, f), ...tunnel }),
    vxlan: true,
    ipip: false,
    plain: true,
  },
  {
    is: 'a peer with an InternalIP and a tunnel address',
    written: (a, f) => ({ ...internal(a, f), ...tunnel }),
    vxlan: false,
    ipip: true,
    plain: true,
  },
  {
    is: 'a peer with an ExternalIP alone',
    written: external,
    vxlan: false,
    ipip: true,
    plain: true,
  },
  {
    is: 'a peer with an empty BGP section and an InternalIP',
    written: (a, f) => ({ ...internal(a, f), emptyBgp: true }),
    vxlan: false,
    ipip: false,
    plain: true,
  },
  {
    is: 'a peer with a tunnel address alone',
    written: () => tunnel,
    vxlan: false,
    ipip: false,
    plain: false,
  },
  { is: 'a peer that is unknown', written: undefined, vxlan: false, ipip: false, plain: false },
];

/** Whether this node counts a near peer as its neighbour (by pool type), and whether it can send plain packets at all. */
const locals: readonly {
  readonly is: string;
  readonly written: Written | undefined;
  readonly neighbours: { readonly vxlan: boolean; readonly ipip: boolean };
  readonly plain: boolean;
}[] = [
  {
    is: 'a node with BGP and tunnel address',
    written: (a, f) => ({ ...bgp(withPrefix(a, f), f), vxlan: '10.1.0.0', vxlan6: 'fd00:10:1::' }),
    neighbours: { vxlan: true, ipip: true },
    plain: true,
  },
  {
    is: 'a node with a BGP address alone',
    written: (a, f) => bgp(withPrefix(a, f), f),
    neighbours: { vxlan: false, ipip: true },
    plain: true,
  },
  {
    is: 'a node whose BGP address is a /32 or /128',
    written: (a, f) => ({
      ...bgp(`${a}/${f === 'ipv4' ? 32 : 128}`, f),
      vxlan: '10.1.0.0',
      vxlan6: 'fd00:10:1::',
    }),
    neighbours: { vxlan: false, ipip: false },
    plain: true,
  },
  {
    is: 'a node whose BGP address has no prefix length',
    written: (a, f) => ({ ...bgp(a, f), vxlan: '10.1.0.0', vxlan6: 'fd00:10:1::' }),
    neighbours: { vxlan: false, ipip: false },
    plain: false,
  },
  {
    is: 'a node with an InternalIP and its prefix',
    written: (a, f) => internal(withPrefix(a, f), f),
    neighbours: { vxlan: false, ipip: true },
    plain: true,
  },
  {
    is: 'a node with a bare InternalIP',
    written: internal,
    neighbours: { vxlan: false, ipip: false },
    plain: true,
  },
  {
    is: 'a node that is unknown',
    written: undefined,
    neighbours: { vxlan: false, ipip: false },
    plain: false,
  },
];

function expected(
  mode: ModeName,
  {
    local,
    peer,
    place,
    family,
  }: {
    readonly local: (typeof locals)[number];
    readonly peer: (typeof peers)[number];
    readonly place: Place;
    readonly family: Family;
  },
): Expected {
  const via = peerAddress[place][family];
  switch (mode) {
    case 'VXLAN Always':
      return peer.vxlan ? vxlan(via, 'always') : none();
    case 'VXLAN CrossSubnet':
      if (place === 'near' && local.neighbours.vxlan && peer.plain)
        return direct(via, 'same-subnet');
      return peer.vxlan ? vxlan(via) : none();
    case 'IPIP Always':
      return peer.ipip && family === 'ipv4' ? ipip(via, 'always') : none();
    case 'IPIP CrossSubnet':
      if (family === 'ipv6') return none();
      if (place === 'near' && local.neighbours.ipip && peer.plain)
        return direct(via, 'same-subnet');
      return peer.ipip ? ipip(via) : none();
    case 'Never':
      return local.plain && peer.plain ? direct(via, 'never') : none();
  }
}

for (const family of ['ipv4', 'ipv6'] as const)
  for (const [mode, options] of Object.entries(modes) as [ModeName, PoolOptions][])
    for (const local of locals)
      for (const peer of peers)
        for (const place of ['near', 'far'] as const) {
          const cidr = family === 'ipv4' ? '10.0.0.0/8' : 'fd00:10::/32';
          const own = family === 'ipv4' ? '172.16.0.1' : 'fd00:16::1';
          const nodes = [
            ...(local.written === undefined ? [] : [node('a', local.written(own, family))]),
            ...(peer.written === undefined
              ? []
              : [node('b', peer.written(peerAddress[place][family], family))]),
          ];
          test(
            `${family} ${mode}: ${local.is} to ${peer.is}, ${place}`,
            sends,
            world({
              pools: [pool('p', cidr, options)],
              nodes,
              blocks: [block(family === 'ipv4' ? '10.2.0.0/26' : 'fd00:10:2::/122', 'b')],
              settings: { programClusterRoutes: 'Enabled' },
            }),
            'a',
            {
              [family === 'ipv4' ? '10.2.0.5' : 'fd00:10:2::5']: expected(mode, {
                local,
                peer,
                place,
                family,
              }),
            },
          );
        }
