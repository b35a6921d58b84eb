import type { NodeName } from '../model/node.js';
import type { Settings } from '../model/settings.js';
import type { PlanDocument, PlannedBlock, PlannedPool } from './plan.js';

/** One thing that is another after a change of resources. */
export interface Difference {
  readonly kind: 'setting' | 'node' | 'pool' | 'peer' | 'block' | 'route' | 'source';
  readonly name: string;
  /** In words; null: it was not there, or is not there any more. */
  readonly before: string | null;
  readonly after: string | null;
  /** Other nodes whose packets go another way by it. */
  readonly peers: readonly NodeName[];
  /** What running connections notice; absent where they notice nothing. */
  readonly notice?: string;
}

/** A world, as one node sees it. */
export interface Side {
  readonly plan: PlanDocument;
  readonly settings: Settings;
}

/** Pure: what changes for a node when the resources of one world become those of another. */
export function differences(before: Side, after: Side): readonly Difference[] {
  return [
    ...settingDifferences(before.settings, after.settings),
    ...nodeDifferences(before.plan, after.plan),
    ...poolDifferences(before.plan, after.plan),
    ...peerDifferences(before.plan, after.plan),
    ...blockDifferences(before.plan, after.plan),
    ...routeDifferences(before.plan, after.plan),
    ...sourceDifferences(before.plan, after.plan),
  ];
}

function settingDifferences(before: Settings, after: Settings): Difference[] {
  const names = Object.keys(after) as (keyof Settings)[];
  return names.flatMap((name) => {
    const [old, now] = [wordsOfSetting(before[name]), wordsOfSetting(after[name])];
    if (old === now) return [];
    return [
      {
        kind: 'setting' as const,
        name,
        before: old,
        after: now,
        peers: [],
        ...(name === 'vxlanVni' || name === 'vxlanPort'
          ? { notice: 'VXLAN between nodes that have it and nodes that do not have it yet is lost' }
          : {}),
      },
    ];
  });
}

function wordsOfSetting(value: Settings[keyof Settings]): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function nodeDifferences({ node: before }: PlanDocument, { node: after }: PlanDocument) {
  const moved = 'other nodes take packets from it once they have heard of it, until then not';
  const ended = 'connections of the node itself from the old address end';
  const facts = [
    ['address', before.address, after.address, moved],
    ['subnet', before.subnet, after.subnet, undefined],
    ['VXLAN tunnel address', before.tunnelAddress, after.tunnelAddress, ended],
    ['IPIP tunnel address', before.ipipTunnelAddress, after.ipipTunnelAddress, ended],
    ['VTEP MAC', before.vtepMac, after.vtepMac, undefined],
    ['IPv6 address', before.ipv6.address, after.ipv6.address, moved],
    ['IPv6 subnet', before.ipv6.subnet, after.ipv6.subnet, undefined],
    ['IPv6 tunnel address', before.ipv6.tunnelAddress, after.ipv6.tunnelAddress, ended],
    ['IPv6 VTEP MAC', before.ipv6.vtepMac, after.ipv6.vtepMac, undefined],
    ['underlay MTU', String(before.mtu.underlay), String(after.mtu.underlay), undefined],
  ] as const;
  return facts.flatMap(([name, old, now, notice]): Difference[] =>
    old === now
      ? []
      : [
          {
            kind: 'node',
            name,
            before: old,
            after: now,
            peers: [],
            ...(notice === undefined || old === null ? {} : { notice }),
          },
        ],
  );
}

function poolDifferences(before: PlanDocument, after: PlanDocument): Difference[] {
  return pairsOf(before.pools, after.pools, ({ cidr }) => cidr).flatMap(
    ([old, now, { name, cidr }]) => {
      const [was, is] = [wordsOfPool(old), wordsOfPool(now)];
      if (was === is) return [];
      const notice = poolNotice(old, now);
      return [
        {
          kind: 'pool' as const,
          name: `${name} (${cidr})`,
          before: was,
          after: is,
          peers: rerouted(before, after, name),
          ...(notice === undefined ? {} : { notice }),
        },
      ];
    },
  );
}

function wordsOfPool(pool: PlannedPool | undefined): string | null {
  if (pool === undefined) return null;
  const { sameSubnet, otherSubnet, underlay, routed, why } = pool;
  const how = (mode: string): string => (mode === 'none' ? 'direct' : mode);
  const over = otherSubnet === 'none' ? '' : ` over ${underlay === 'ipv4' ? 'IPv4' : 'IPv6'}`;
  const near = sameSubnet === otherSubnet ? '' : `, in the same subnet ${how(sameSubnet)}`;
  return `${how(otherSubnet)}${over}${near}${routed ? '' : `, no route: ${why ?? 'not ours'}`}`;
}

function poolNotice(old: PlannedPool | undefined, now: PlannedPool | undefined) {
  if (old?.routed !== true) return undefined;
  if (now?.routed !== true)
    return 'encapd lets go of it at once: its packets need a route of somebody else’s, and what other nodes still encapsulate to it is dropped';
  if (old.underlay !== now.underlay)
    return 'switched at once: packets are lost until all nodes have heard of it';
  if (old.sameSubnet !== now.sameSubnet || old.otherSubnet !== now.otherSubnet)
    return 'switched in two steps, the new mode accepted first and sent later: no packet is lost where all nodes hear of it within five seconds';
  return undefined;
}

/** Nodes to which packets of a pool go another way. */
function rerouted(before: PlanDocument, after: PlanDocument, pool: string): readonly NodeName[] {
  const ways = (plan: PlanDocument): ReadonlyMap<string, NodeName> =>
    new Map(
      plan.blocks
        .filter((block) => block.pool === pool && block.action !== 'local')
        .map(({ node, action, via }) => [`${node} ${action} ${via ?? ''}`, node]),
    );
  const [old, now] = [ways(before), ways(after)];
  const changed = [
    ...[...old].filter(([way]) => !now.has(way)),
    ...[...now].filter(([way]) => !old.has(way)),
  ];
  return [...new Set(changed.map(([, node]) => node))].sort();
}

function peerDifferences(before: PlanDocument, after: PlanDocument): Difference[] {
  const key = ({ name, family }: PlanDocument['peers'][number]): string => `${family} ${name}`;
  return pairsOf(before.peers, after.peers, key).flatMap(([old, now, { name }]): Difference[] => {
    const words = (peer: typeof now): string | null =>
      peer === undefined
        ? null
        : `${peer.address} in ${peer.sameSubnet ? 'the same subnet' : 'another subnet'}, VTEP MAC ${peer.vtepMac ?? 'none'}${peer.zeroChecksum ? ', without UDP checksum' : ''}`;
    const [was, is] = [words(old), words(now)];
    if (was === is) return [];
    const notice = peerNotice(old?.address, now?.address);
    return [
      {
        kind: 'peer',
        name,
        before: was,
        after: is,
        peers: [name],
        ...(notice === undefined ? {} : { notice }),
      },
    ];
  });
}

function peerNotice(old: string | undefined, now: string | undefined): string | undefined {
  if (old === undefined || old === now) return undefined;
  return now === undefined
    ? 'connections with its workloads end: nothing is sent to it, and what it encapsulates is dropped'
    : 'its packets go to the new address with the next write; what is on its way to the old one may be lost';
}

function blockDifferences(before: PlanDocument, after: PlanDocument): Difference[] {
  return pairsOf(before.blocks, after.blocks, ({ cidr }) => cidr).flatMap(
    ([old, now, { cidr }]): Difference[] => {
      if (old?.node === now?.node && old?.pool === now?.pool) return [];
      const words = (block: PlannedBlock | undefined): string | null =>
        block === undefined ? null : wordsOfBlock(block);
      const notice = blockNotice(old, now);
      const nodes = [old, now].flatMap((block) =>
        block === undefined || block.action === 'local' ? [] : [block.node],
      );
      return [
        {
          kind: 'block',
          name: cidr,
          before: words(old),
          after: words(now),
          peers: [...new Set(nodes)],
          ...(notice === undefined ? {} : { notice }),
        },
      ];
    },
  );
}

function wordsOfBlock({ node, action, via }: PlannedBlock): string {
  return action === 'local' || via === null ? `${node}, ${action}` : `${node}, ${action} at ${via}`;
}

function blockNotice(old: PlannedBlock | undefined, now: PlannedBlock | undefined) {
  if (old === undefined || old.node === now?.node) return undefined;
  return now === undefined
    ? 'connections with its addresses end, unless they are part of another block'
    : `its packets go to ${now.node} from the next write on: connections of workloads that stay on ${old.node} break`;
}

function routeDifferences(before: PlanDocument, after: PlanDocument): Difference[] {
  return pairsOf(before.routes, after.routes, ({ destination }) => destination).flatMap(
    ([old, now, { destination }]): Difference[] => {
      const words = (route: typeof now): string | null =>
        route === undefined
          ? null
          : `mtu ${route.mtu}${route.source === null ? '' : ` from ${route.source}`}`;
      const [was, is] = [words(old), words(now)];
      if (was === is) return [];
      const notice = mtuNotice(old?.mtu, now?.mtu);
      return [
        {
          kind: 'route',
          name: destination,
          before: was,
          after: is,
          peers: [],
          ...(notice === undefined ? {} : { notice }),
        },
      ];
    },
  );
}

function mtuNotice(old: number | undefined, now: number | undefined): string | undefined {
  if (old === undefined || now === undefined || old === now) return undefined;
  return now < old
    ? `packets may be ${old - now} bytes smaller: a larger one is answered with ICMP, and TCP goes on with smaller ones; who ignores ICMP stalls`
    : `packets may be ${now - old} bytes larger, once workloads’ interfaces are; running connections go on as they are`;
}

/** Who may send us what, but for peers: they are told of already. */
function sourceDifferences(before: PlanDocument, after: PlanDocument): Difference[] {
  const peers = new Set<string>(
    [...before.peers, ...after.peers].map(({ address }) => String(address)),
  );
  const accepted = ({ acceptedSources }: PlanDocument): readonly string[] =>
    Object.entries(acceptedSources).flatMap(([encap, sources]) =>
      sources.filter((source) => !peers.has(source)).map((source) => `${encap} from ${source}`),
    );
  return pairsOf(accepted(before), accepted(after), (source) => source).flatMap(
    ([old, now, source]): Difference[] =>
      old === now
        ? []
        : [
            {
              kind: 'source',
              name: source,
              before: old === undefined ? null : 'accepted',
              after: now === undefined ? null : 'accepted',
              peers: [],
            },
          ],
  );
}

/** What is on either side, with its counterpart; those that are gone come last. */
function pairsOf<T>(
  before: readonly T[],
  after: readonly T[],
  key: (one: T) => string,
): readonly (readonly [before: T | undefined, after: T | undefined, either: T])[] {
  const old = new Map(before.map((one) => [key(one), one]));
  const now = new Set(after.map(key));
  return [
    ...after.map((one) => [old.get(key(one)), one, one] as const),
    ...before.filter((one) => !now.has(key(one))).map((one) => [one, undefined, one] as const),
  ];
}
