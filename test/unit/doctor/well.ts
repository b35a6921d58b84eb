import type { LinkState, RouteState } from 'libbpf-ts';
import { nobody, nobodyMac, poolPriority } from '../../../src/datapath/nexthop.js';
import type { State } from '../../../src/datapath/state.js';
import type { Datapath, Facts, Network } from '../../../src/doctor/facts.js';
import type { Address } from '../../../src/net/address.js';
import type { Cidr } from '../../../src/net/cidr.js';
import type { Mac } from '../../../src/net/mac.js';

/** When the doctor looks. */
export const nowMs = Date.parse('2026-11-29T12:00:00Z');

/** An interface of which nothing is special. */
export function link(index: number, name: string, more: Partial<LinkState> = {}): LinkState {
  return {
    ...{ index, name, mtu: 1500, mac: `02:00:00:00:00:0${index}`, up: true, lowerUp: true },
    ...{ operState: 'up', kind: undefined, vxlan: undefined, group: 0, master: undefined },
    ...{ parent: undefined, parentNamespace: undefined, type: 1, arp: true },
    ...{ reversePathFilter: 0, addressGeneration: 'eui64' },
    ...more,
  };
}

/** A route of the main table, by a device. */
export function route(destination: string, index: number, more: Partial<RouteState> = {}) {
  return {
    ...{ family: 'ipv4', destination, index, type: 'unicast', table: 254, protocol: 3 },
    ...{ from: undefined, tos: 0, scope: 'link', priority: 0, gateway: undefined, mtu: undefined },
    ...{ source: undefined, onlink: false, nextHops: undefined, nextHopId: undefined },
    ...more,
  } as const satisfies RouteState;
}

export const state: State = {
  apiVersion: 'encap/v1',
  kind: 'AgentState',
  node: 'node-a',
  pid: 71,
  startedAt: '2026-11-29T11:00:00Z',
  source: 'file cluster.yaml',
  uplink: { name: 'eth0', index: 2, mtu: 1500 },
  attach: 'tcx',
  madeClsact: false,
  object: { kind: 'prebuilt', file: 'x.bpf.o', why: 'there', compiler: 'clang', sha256: 'ab' },
  vxlan: { vni: 4096, port: 4789 },
  generation: 'aa',
  build: 'bb',
  peers: { 2: 'ipv4/node-b', 3: 'ipv4/node-c' },
  policies: { 0: '10.244.0.0/16' },
  verdicts: {},
  notCarried: {},
  faults: [],
};

function peer(index: number, underlay: string, sameSubnet: boolean) {
  const none = { packets: 0n, bytes: 0n };
  return {
    ...{ index, name: state.peers[index], node: index, family: 'ipv4' as const, sameSubnet },
    ...{ underlay: underlay as Address, vtepMac: `66:00:00:00:00:0${index}` as Mac },
    ...{ zeroChecksum: false, blocks: 1 },
    traffic: { encapsulated: none, decapsulated: none, direct: none },
  };
}

function program(name: 'egress' | 'ingress', id: number) {
  return {
    ...{ program: name, id, tag: 'cc', loadedAt: new Date(nowMs), instructions: 900 },
    ...{ runCount: 0n, runTimeNs: 0n, attachedTo: 2 as number | undefined },
    attach: 'tcx' as 'tcx' | undefined,
  };
}

export const datapath: Datapath = {
  status: {
    generation: 'aa',
    programs: [program('egress', 5), program('ingress', 6)],
    maps: [],
    peers: [peer(2, '192.168.10.12', true), peer(3, '192.168.20.11', false)],
    blocks: 2,
    verdicts: [],
    strangers: [],
    cutter: undefined,
    state,
  },
  pools: ['10.244.0.0/16' as Cidr],
  blocks: [
    ['10.244.2.0/26' as Cidr, { peer: 2, policy: 0 }],
    ['10.244.3.0/26' as Cidr, { peer: 3, policy: 0 }],
  ],
  policies: new Map([
    [0, { sameSubnet: 'vxlan', otherSubnet: 'vxlan', accepted: ['vxlan'], underlay: 'ipv4' }],
  ]),
  paths: [],
  growth: new Map(),
  before: { egress: [], ingress: [] },
};

const network: Network = {
  links: [link(2, 'eth0'), link(3, 'cali1', { kind: 'veth', mtu: 1450, parentNamespace: 0 })],
  addresses: [],
  neighbours: [
    {
      ...{ index: 2, family: 'ipv4', address: nobody.ipv4, mac: nobodyMac },
      ...{ state: 'permanent', proxy: false },
    },
  ],
  routes: [
    route('0.0.0.0/0', 2, { gateway: '192.168.10.1', scope: 'global' }),
    route('10.244.1.5/32', 3),
  ],
  ownRoutes: [
    {
      ...{ type: 'unicast', destination: '10.244.0.0/16' as Cidr, gateway: nobody.ipv4, index: 2 },
      ...{ source: undefined, mtu: 1450, priority: poolPriority.ipv4 },
    },
  ],
  ownNeighbours: [nobody.ipv4],
  sysctls: {
    ipv6: { is: 'on', mtu: 1500 },
    forwards: { ipv4: true, ipv6: true },
    reversePath: 'strict',
    routers: 'never',
  },
  ipForward: true,
  rules: [],
};

/** A node of which there is nothing to say: it has a workload, a peer beside it and one behind a router. */
export const well: Facts = {
  machine: {
    ...{ release: '6.12.0', btf: true, jit: true, tcx: true, bpffs: true, missing: [] },
    pins: '/sys/fs/bpf/encap',
  },
  agent: 71,
  state,
  datapath,
  network,
  cluster: undefined,
};

export const withMachine = (more: Partial<Facts['machine']>): Facts => ({
  ...well,
  machine: { ...well.machine, ...more },
});

export const withState = (more: Partial<State>): Facts => ({
  ...well,
  state: { ...state, ...more },
});

export const withDatapath = (more: Partial<Datapath>): Facts => ({
  ...well,
  datapath: { ...datapath, ...more },
});

export const withStatus = (more: Partial<Datapath['status']>): Facts =>
  withDatapath({ status: { ...datapath.status, ...more } });

export const withNetwork = (more: Partial<Network>): Facts => ({
  ...well,
  network: { ...network, ...more },
});

export const { status } = datapath;
export { network };
