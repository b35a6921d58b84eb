import type { Config } from '../../src/datapath/config.js';
import type { EncapName } from '../../src/encap/index.js';
import type { Family } from '../../src/net/address.js';
import { Dut } from './dut.js';
import { nobody } from './frames.js';
import { eth, type Ecn, type Packet } from './packet.js';
import { beyondCalico, fill, nodes, type NodeName } from './world.js';

/** A way between two nodes: an encapsulation, the family of its headers, the family of what it carries. */
export interface Way {
  readonly title: string;
  readonly encap: EncapName;
  readonly over: Family;
  readonly inside: Family;
  /** The start of every address of its pool. */
  readonly pool: string;
  /** What its headers take: RFC 2003, RFC 2473, RFC 4213, RFC 7348. */
  readonly bytes: number;
}

/** Every way there is; each has a pool of its own in the corpus' world. */
export const ways = [
  way('VXLAN', 'vxlan', 'ipv4', 'ipv4', '10.244', 50),
  way('IPIP', 'ipip', 'ipv4', 'ipv4', '10.245', 20),
  way('VXLAN over IPv6', 'vxlan', 'ipv6', 'ipv6', 'fd00:244:0', 70),
  way('IPv4 in VXLAN over IPv6', 'vxlan', 'ipv6', 'ipv4', '10.249', 70),
  way('IPv6 in VXLAN over IPv4', 'vxlan', 'ipv4', 'ipv6', 'fd00:249:0', 50),
  way('IP6-in-IP over IPv6', 'ip6ip', 'ipv6', 'ipv6', 'fd00:250:0', 40),
  way('IP6-in-IP over IPv4', 'ip6ip', 'ipv4', 'ipv6', 'fd00:251:0', 20),
] as const satisfies readonly Way[];

/** What both families have a field for. */
export interface Header {
  readonly ecn?: Ecn;
  readonly dscp?: number;
  readonly ttl?: number;
}

/** A node that takes all of them. */
export function everyWay(node: NodeName, changes: Partial<Config> = {}, mtu?: number): Dut {
  const dut = new Dut(node, { ip6ip: 1, ...changes }, mtu);
  fill(dut.tables, node, beyondCalico);
  return dut;
}

/** The address of a workload in a node's block. */
export function workload({ inside, pool }: Way, node: NodeName, host: number): string {
  const { third } = nodes[node];
  return inside === 'ipv4'
    ? `${pool}.${third}.${host}`
    : `${pool}:${third}::${host.toString(16)}`.replace(/::0$/, '::');
}

/** From a workload on A to one on B, as the pool route hands it over. */
export function leaving(way: Way, header: Header = {}): Packet {
  const ends = [workload(way, 'a', 5), workload(way, 'b', 9)] as const;
  return ip(eth(nodes.a.uplinkMac, nobody), way.inside, ends, header);
}

/** What a packet between nodes is when it is not what it should be. */
export interface Arrival {
  readonly outer?: Header;
  readonly inner?: Header;
  /** In place of B. */
  readonly node?: string;
  /** In place of the workloads on B and A. */
  readonly from?: string;
  readonly to?: string;
}

/** From a workload on B to one on A, between the nodes. */
export function arrivingBy(way: Way, given: Arrival = {}): Packet {
  const { a, b } = nodes;
  const address = way.over === 'ipv4' ? 'underlay' : 'underlay6';
  const { node = b[address], from = workload(way, 'b', 9), to = workload(way, 'a', 5) } = given;
  const { outer = {}, inner = {} } = given;
  const frame = ip(eth(b.uplinkMac, a.uplinkMac), way.over, [node, a[address]], outer);
  const ends = [from, to] as const;
  if (way.encap !== 'vxlan') return ip(frame, way.inside, ends, inner);
  const checksum = way.over === 'ipv4' ? { checksum: 'zero' as const } : {};
  const vxlan = frame.udp(50000, 4789, checksum).vxlan(4096).eth(b.vtepMac, a.vtepMac);
  return ip(vxlan, way.inside, ends, inner);
}

function ip(
  before: Packet,
  family: Family,
  [source, destination]: readonly [string, string],
  { ttl, ...header }: Header,
): Packet {
  if (family === 'ipv4')
    return before.ipv4(source, destination, ttl === undefined ? header : { ...header, ttl });
  const hopLimit = ttl === undefined ? {} : { hopLimit: ttl };
  return before.ipv6(source, destination, { ...header, ...hopLimit });
}

function way(
  title: string,
  encap: EncapName,
  over: Family,
  inside: Family,
  pool: string,
  bytes: number,
): Way {
  return { title, encap, over, inside, pool, bytes };
}
