import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { addressBits, familyOf, type Family } from '../../net/address.js';
import { addressAt, cidrOf, prefixLengthOf, type Cidr } from '../../net/cidr.js';
import type {
  LabBlock,
  LabNode,
  LabPool,
  LabRouter,
  Segment,
  Topology,
  Workload,
} from '../topology.js';
import type { TopologyFile, WrittenNode, WrittenPool, WrittenSubnet } from './file.js';

/**
 * Pure: a topology as written, with names and addresses for all that it leaves open. `folder` is what its `resources`
 * count from. Nodes have `.11` and up of their subnet, the routers `.1` and up; the n-th node has the n-th block of each pool,
 * counted in steps that are easy to read (a /24, a /64), and its workloads `.5` and up of it.
 */
export function layOut(file: TopologyFile, folder: string): Topology {
  const pools = file.pools.map(poolOf);
  const routers = routersOf(file);
  const written = file.nodes.flatMap(several);
  return {
    segments: file.subnets.map((subnet) => segmentOf(subnet, routers)),
    ...(routers === undefined ? {} : { routers }),
    pools,
    nodes: written.map((node, index) => {
      const before = written.slice(0, index).filter(({ subnet }) => subnet === node.subnet);
      const subnet = file.subnets.find(({ name }) => name === node.subnet);
      if (subnet === undefined) throw new TypeError(`no subnet ${node.subnet}`);
      return nodeOf(node, { pools, subnet, place: before.length + 1, number: index + 1 });
    }),
    ...(file.workloadMtu === undefined ? {} : { workloadMtu: file.workloadMtu }),
    ...(file.resources === undefined ? {} : { resources: resolve(folder, file.resources) }),
  };
}

const firstNode: Readonly<Record<Family, number>> = { ipv4: 10, ipv6: 0x10 };
const firstWorkload = 5;
/** Prefix length of the steps in which blocks lie. */
const step: Readonly<Record<Family, number>> = { ipv4: 24, ipv6: 64 };
const usualBlockSize: Readonly<Record<Family, number>> = { ipv4: 26, ipv6: 122 };

/** In each subnet the first router has the first address, the second the second. */
function routersOf({ routers, subnets }: TopologyFile): readonly LabRouter[] | undefined {
  return routers?.map(({ name, subnets: names }, index) => ({
    name,
    ports: subnets
      .filter((subnet) => names.includes(subnet.name))
      .map(({ name: segment, cidr, cidr6 }) => {
        const before = routers.slice(0, index).filter((one) => one.subnets.includes(segment));
        const place = before.length + 1;
        return {
          segment,
          address: addressAt(cidr as Cidr, place),
          ...(cidr6 === undefined ? {} : { address6: addressAt(cidr6 as Cidr, place) }),
        };
      }),
  }));
}

function segmentOf(
  { name, cidr, cidr6, router: wanted = true, mtu, loss }: WrittenSubnet,
  routers: readonly LabRouter[] | undefined,
): Segment {
  const router =
    wanted && (routers?.some(({ ports }) => ports.some(({ segment }) => segment === name)) ?? true);
  return {
    name,
    prefixLength: prefixLengthOf(cidr as Cidr),
    ...(router ? { router: addressAt(cidr as Cidr, 1) } : {}),
    ...(cidr6 === undefined ? {} : { prefixLength6: prefixLengthOf(cidr6 as Cidr) }),
    ...(cidr6 === undefined || !router ? {} : { router6: addressAt(cidr6 as Cidr, 1) }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(loss === undefined || loss === 0 ? {} : { loss }),
  };
}

function poolOf(pool: WrittenPool): LabPool {
  const { name, cidr, vxlanMode = 'Never', ipipMode = 'Never' } = pool;
  const blockSize = pool.blockSize ?? usualBlockSize[familyOf(cidr)];
  return { name, cidr, blockSize, vxlanMode, ipipMode };
}

/** `count: 25` of n is n01 to n25. */
function several(node: WrittenNode): readonly WrittenNode[] {
  const { name, count } = node;
  if (count === undefined) return [node];
  const width = String(count).length;
  return Array.from({ length: count }, (_, index) => ({
    ...node,
    name: `${name}${String(index + 1).padStart(width, '0')}`,
  }));
}

interface Where {
  readonly pools: readonly LabPool[];
  readonly subnet: WrittenSubnet;
  /** In its subnet, from 1 on. */
  readonly place: number;
  /** In the lab, from 1 on. */
  readonly number: number;
}

function nodeOf(node: WrittenNode, { pools, subnet, place, number }: Where): LabNode {
  const blocks = blocksOf(pools, number);
  const { name, carrier = 'encapd', agent, mtu, workloads = 0 } = node;
  const written = typeof workloads === 'number' ? named(name, workloads) : workloads;
  const isIpip = pools.some(({ ipipMode }) => ipipMode !== 'Never');
  const address6 =
    subnet.cidr6 === undefined
      ? undefined
      : (node.address6 ?? addressAt(subnet.cidr6 as Cidr, firstNode.ipv6 + place));
  return {
    name,
    segment: subnet.name,
    address: node.address ?? addressAt(subnet.cidr as Cidr, firstNode.ipv4 + place),
    ...(address6 === undefined ? {} : { address6 }),
    blocks,
    vtepMac: vtepMacOf(name),
    ...(address6 === undefined ? {} : { vtepMac6: vtepMacOf(`${name}-v6`) }),
    carrier: carrier === 'encapd' ? 'encap' : isIpip ? 'kernel-ipip' : 'kernel-vxlan',
    ...(agent === 'once' ? { agent } : {}),
    ...(mtu === undefined ? {} : { mtu }),
    workloads: written.map((workload, index) => workloadOf(workload, blocks, index)),
  };
}

function named(node: string, count: number): readonly { readonly name: string }[] {
  const short = node.replace(/^node-/, '');
  const stem = /[a-z]$/.test(short) ? short : `${short}-`;
  return Array.from({ length: count }, (_, index) => ({ name: `${stem}${index + 1}` }));
}

function blocksOf(pools: readonly LabPool[], number: number): readonly LabBlock[] {
  const tunnels = new Set<string>();
  return pools.map(({ name, cidr, blockSize, vxlanMode, ipipMode }) => {
    const family = familyOf(cidr);
    const apart = BigInt(addressBits[family] - Math.min(step[family], blockSize));
    const first = addressAt(cidr as Cidr, Number(BigInt(number) << apart));
    const encapsulation = vxlanMode !== 'Never' ? 'vxlan' : ipipMode !== 'Never' ? 'ipip' : 'none';
    const key = `${family} ${encapsulation}`;
    const isFirst = encapsulation !== 'none' && !tunnels.has(key);
    tunnels.add(key);
    return {
      pool: name,
      cidr: cidrOf(first, blockSize),
      ...(isFirst ? { tunnelAddress: first } : {}),
    };
  });
}

function workloadOf(
  { name, pool }: { readonly name: string; readonly pool?: string | undefined },
  blocks: readonly LabBlock[],
  index: number,
): Workload {
  const at = (family: Family): string | undefined => {
    const own = blocks.filter(({ cidr }) => familyOf(cidr) === family);
    const block = own.find((one) => family === 'ipv4' && one.pool === pool) ?? own[0];
    return block === undefined ? undefined : addressAt(block.cidr as Cidr, firstWorkload + index);
  };
  const [address, address6] = [at('ipv4'), at('ipv6')];
  if (address === undefined) throw new TypeError(`${name} has no IPv4 pool`);
  return { name, address, ...(address6 === undefined ? {} : { address6 }) };
}

function vtepMacOf(node: string): string {
  const sha1 = createHash('sha1').update(node).digest('hex').slice(0, 10);
  return ['66', ...(sha1.match(/../g) ?? [])].join(':');
}
