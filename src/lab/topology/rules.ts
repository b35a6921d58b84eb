import type { Complaint } from '../../model/resources/kind.js';
import { didYouMean } from '../../model/nearest.js';
import type { Path } from '../../model/problem.js';
import { addressBits, familyOf, type Address } from '../../net/address.js';
import { contains, readCidr, type Cidr } from '../../net/cidr.js';
import { wayBetween } from '../routes.js';
import { routersOf } from '../topology.js';
import type { TopologyFile, WrittenNode, WrittenPool } from './file.js';
import { layOut } from './lay-out.js';

/** What a schema can't say of a topology: names that must be there, room, families, what the kernel can't do. */
export function complaintsAbout(file: TopologyFile): readonly Complaint[] {
  const found = [
    ...(file.pools.some(({ cidr }) => !cidr.includes(':'))
      ? []
      : [{ path: ['pools'], message: 'a lab has at least one IPv4 pool' }]),
    ...cidrRules(file),
    ...file.pools.flatMap((pool, index) => poolRules(pool, ['pools', index])),
    ...file.subnets.flatMap((_, index) => subnetRules(file, index)),
    ...routerRules(file),
    ...file.nodes.flatMap((node, index) => nodeRules(file, node, ['nodes', index])),
  ];
  // Only what is right so far can be laid out: then its names and addresses are looked at.
  return found.length > 0 ? found : laidOutRules(file);
}

function cidrRules({ subnets, pools }: TopologyFile): Complaint[] {
  const members: readonly (readonly [Path, string, 'ipv4' | 'ipv6' | undefined])[] = [
    ...subnets.flatMap(({ cidr, cidr6 }, index) => [
      [['subnets', index, 'cidr'], cidr, 'ipv4'] as const,
      ...(cidr6 === undefined ? [] : [[['subnets', index, 'cidr6'], cidr6, 'ipv6'] as const]),
    ]),
    ...pools.map(({ cidr }, index) => [['pools', index, 'cidr'], cidr, undefined] as const),
  ];
  const wrong = members.flatMap(([path, text, family]): Complaint[] => {
    const read = readCidr(text);
    if (read === undefined) return [{ path, message: 'this is missing' }];
    if (family !== undefined && familyOf(read.cidr) !== family)
      return [{ path, message: `${text} is not ${family === 'ipv4' ? 'IPv4' : 'IPv6'}` }];
    return read.cidr === `${read.address}/${read.prefixLength}`
      ? []
      : [{ path, message: `${text} has bits set behind the prefix; write ${read.cidr}` }];
  });
  const overlaps = members.flatMap(([path, text], index): Complaint[] => {
    const other = members
      .slice(0, index)
      .find(
        ([, one]) => contains(text as Cidr, one as Cidr) || contains(one as Cidr, text as Cidr),
      );
    return other === undefined ? [] : [{ path, message: `${text} overlaps with ${other[1]}` }];
  });
  return wrong.length > 0 ? wrong : overlaps;
}

function poolRules({ cidr, blockSize, vxlanMode, ipipMode }: WrittenPool, path: Path): Complaint[] {
  const is = (mode: string | undefined): boolean => mode !== undefined && mode !== 'Never';
  const read = readCidr(cidr);
  if (read === undefined) return [];
  const family = familyOf(read.cidr);
  return [
    ...(is(vxlanMode) && is(ipipMode)
      ? [{ path: [...path, 'ipipMode'], message: 'only one of vxlanMode and ipipMode may be on' }]
      : []),
    ...(family === 'ipv6' && is(ipipMode)
      ? [{ path: [...path, 'ipipMode'], message: 'an IPv6 pool has no ipipMode: use vxlanMode' }]
      : []),
    ...(blockSize === undefined ||
    (blockSize >= read.prefixLength && blockSize <= addressBits[family] - 4)
      ? []
      : [
          {
            path: [...path, 'blockSize'],
            message: `${blockSize} does not fit ${cidr}: ${read.prefixLength} to ${addressBits[family] - 4}`,
          },
        ]),
  ];
}

function subnetRules({ subnets, nodes }: TopologyFile, index: number): Complaint[] {
  const subnet = subnets[index];
  if (subnet === undefined) return [];
  const path = ['subnets', index] as const;
  const here = nodes
    .filter((node) => node.subnet === subnet.name)
    .reduce((sum, { count = 1 }) => sum + count, 0);
  return [
    ...(subnet.router === false && here !== 2
      ? [
          {
            path: [...path, 'router'],
            message: `a subnet without a router is a cable between two nodes; here are ${here}`,
          },
        ]
      : []),
    ...(subnet.router === false && subnet.loss !== undefined
      ? [{ path: [...path, 'loss'], message: 'a cable loses nothing: give its subnet a router' }]
      : []),
    ...(subnets.findIndex(({ name }) => name === subnet.name) < index
      ? [{ path: [...path, 'name'], message: `there is a subnet ${subnet.name} already` }]
      : []),
  ];
}

function routerRules({ routers = [], subnets }: TopologyFile): readonly Complaint[] {
  const names = subnets.filter(({ router = true }) => router).map(({ name }) => name);
  return routers.flatMap(({ name, subnets: wanted }, index) => {
    const path = ['routers', index] as const;
    return [
      ...(index === 0 && name !== 'router'
        ? [
            {
              path: [...path, 'name'],
              message: `the first router is called router, not ${name}: captures and faults know it so`,
            },
          ]
        : []),
      ...wanted.flatMap((subnet, place) =>
        names.includes(subnet) && wanted.indexOf(subnet) === place
          ? []
          : [
              {
                path: [...path, 'subnets', place],
                message: names.includes(subnet)
                  ? `${subnet} is there twice`
                  : `there is no subnet ${subnet} with a router${didYouMean(subnet, names)} (${names.join(', ')})`,
              },
            ],
      ),
    ];
  });
}

function nodeRules(
  { subnets, pools }: TopologyFile,
  node: WrittenNode,
  path: Path,
): readonly Complaint[] {
  const names = subnets.map(({ name }) => name);
  const subnet = subnets.find(({ name }) => name === node.subnet);
  if (subnet === undefined)
    return [
      {
        path: [...path, 'subnet'],
        message: `there is no subnet ${node.subnet}${didYouMean(node.subnet, names)} (${names.join(', ')})`,
      },
    ];
  const encapsulations = new Set(
    pools.map(({ vxlanMode = 'Never', ipipMode = 'Never' }) =>
      vxlanMode !== 'Never' ? 'vxlan' : ipipMode !== 'Never' ? 'ipip' : 'none',
    ),
  );
  const isDual = pools.some(({ cidr }) => cidr.includes(':'));
  const workloads = typeof node.workloads === 'object' ? node.workloads : [];
  return [
    ...outside(node.address, subnet.cidr, [...path, 'address']),
    ...outside(node.address6, subnet.cidr6, [...path, 'address6']),
    ...((node.count ?? 1) > 1 && (node.address ?? node.address6) !== undefined
      ? [{ path: [...path, 'address'], message: 'one address for several nodes: leave it out' }]
      : []),
    ...(isDual && subnet.cidr6 === undefined
      ? [
          {
            path: [...path, 'subnet'],
            message: `${subnet.name} has no cidr6, which the IPv6 pool needs`,
          },
        ]
      : []),
    ...(node.carrier === 'kernel' && encapsulations.size > 1
      ? [
          {
            path: [...path, 'carrier'],
            message: 'the kernel’s device of a lab carries pools of one encapsulation',
          },
        ]
      : []),
    ...(node.carrier === 'kernel' && node.agent !== undefined
      ? [{ path: [...path, 'agent'], message: 'a node with the kernel’s device has no agent' }]
      : []),
    ...workloads.flatMap(({ pool }, index) =>
      pool === undefined || pools.some(({ name, cidr }) => name === pool && !cidr.includes(':'))
        ? []
        : [
            {
              path: [...path, 'workloads', index, 'pool'],
              message: `there is no IPv4 pool ${pool}${didYouMean(
                pool,
                pools.map(({ name }) => name),
              )}`,
            },
          ],
    ),
  ];
}

function outside(
  address: string | undefined,
  cidr: string | undefined,
  path: Path,
): readonly Complaint[] {
  if (address === undefined) return [];
  if (cidr === undefined) return [{ path, message: 'its subnet has no cidr6' }];
  return contains(cidr as Cidr, address as Address)
    ? []
    : [{ path, message: `${address} is not in ${cidr}` }];
}

/** Names and addresses that somebody has already, and those for which there is no room. */
function laidOutRules(file: TopologyFile): readonly Complaint[] {
  const seen = new Map<string, string>();
  const topology = layOut(file, '.');
  const { segments, nodes } = topology;
  const routed = segments.filter((_, index) => file.subnets[index]?.router !== false);
  const apart = routed.flatMap(({ name }): Complaint[] =>
    wayBetween(topology, routed[0]?.name ?? '', name) === undefined
      ? [{ path: ['routers'], message: `no router leads from ${routed[0]?.name ?? ''} to ${name}` }]
      : [],
  );
  if (apart.length > 0) return apart;
  const taken = (what: string, by: string): string | undefined => {
    const before = seen.get(what);
    if (before === undefined) seen.set(what, by);
    return before;
  };
  for (const { name } of segments) taken(name, name);
  for (const { name, ports } of routersOf(topology)) {
    if (taken(name, `the router ${name}`) !== undefined)
      return [{ path: ['routers'], message: `${name} is there twice` }];
    for (const [index, { segment, address, address6 }] of ports.entries())
      for (const one of [`${name}-${index}`, address, address6])
        if (one !== undefined) taken(one, segment); // the first is its interface at the first router
  }
  let first = 0;
  return file.nodes.flatMap(({ count = 1 }, index) => {
    const here = nodes.slice(first, (first += count));
    return here.flatMap((node): Complaint[] => {
      const path = ['nodes', index];
      const names = [
        node.name,
        node.address,
        ...(node.address6 === undefined ? [] : [node.address6]),
        ...node.workloads.flatMap(({ name, address }) => [name, address]),
      ];
      const cidr = file.subnets.find(({ name }) => name === node.segment)?.cidr ?? '';
      const lacks = [
        ...(contains(cidr as Cidr, node.address as Address) ? [] : [cidr]),
        ...node.blocks.flatMap(({ pool, cidr: block }) => {
          const of = file.pools.find(({ name }) => name === pool)?.cidr ?? '';
          return contains(of as Cidr, block as Cidr) ? [] : [of];
        }),
        ...node.workloads.flatMap(({ address }) =>
          node.blocks.some((block) => contains(block.cidr as Cidr, address as Address))
            ? []
            : [`a block of ${node.name}`],
        ),
      ];
      return [
        ...names.flatMap((name) => {
          const by = taken(name, node.name);
          return by === undefined ? [] : [{ path, message: `${name} is there twice (${by})` }];
        }),
        ...(node.name.length > 15
          ? [{ path: [...path, 'name'], message: `${node.name} is longer than 15 characters` }]
          : []),
        ...[...new Set(lacks)].map((room) => ({
          path,
          message: `there is no room for ${node.name} in ${room}`,
        })),
      ];
    });
  });
}
