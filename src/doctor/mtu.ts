import { firstPeer } from '../datapath/entry.js';
import { isWorkloadRoute } from '../datapath/workloads.js';
import { encapsulations, encapNames, type EncapName, travelsOver } from '../encap/index.js';
import type { Policy } from '../model/desired.js';
import { families, type Family } from '../net/address.js';
import { contains, networkOf, type Cidr } from '../net/cidr.js';
import { datapathOf, peerName, type Datapath, type Facts } from './facts.js';
import { finding, type Finding } from './finding.js';
import type { PathProbe } from './probe/path.js';

/** What packets may measure on this node, and what they should. Bytes, from the IP header on. */
export interface Mtus {
  readonly uplink: {
    readonly name: string;
    /** The interface's own. */
    readonly mtu: number;
    /** What the agent reckons with: the interface's, or mtu.underlay of the NodeConfig. */
    readonly used: number;
  };
  readonly encapsulations: readonly {
    readonly encap: EncapName;
    readonly over: Family;
    readonly overheadBytes: number;
    /** What the uplink leaves. */
    readonly mtu: number;
  }[];
  readonly pools: readonly PoolMtu[];
  /** The host's ends of workloads' interfaces; where they are none, their own is not to be seen from here. */
  readonly workloads: readonly {
    readonly interface: string;
    readonly mtu: number;
    readonly most: number;
  }[];
  readonly paths: readonly {
    readonly peer: string;
    readonly address: string;
    /** The largest packet that arrives; null: not known. */
    readonly mtu: number | null;
    /**
     * learned: a router's ICMP about a tunnel packet; told: one about a probe; remembered: one that the kernel
     * holds on to, so that nothing larger was tried; silent: larger ones are lost without a word.
     */
    readonly how: 'learned' | 'full' | 'told' | 'remembered' | 'silent' | 'unreachable';
    /** The router that said so. */
    readonly by: string | null;
  }[];
}

interface PoolMtu {
  readonly cidr: Cidr;
  readonly encaps: readonly EncapName[];
  readonly over: Family;
  /** Of its route; null: it has none, or says nothing. */
  readonly mtu: number | null;
  /** What the uplink leaves beside the largest of its outer headers. */
  readonly most: number;
}

/** Pure: what is, without judgement. `probes`: of `--probe`. */
export function mtusOf(facts: Facts, probes: readonly PathProbe[] = []): Mtus | undefined {
  const { state, network } = facts;
  if (state === undefined) return undefined;
  const datapath = datapathOf(facts);
  const { name, index, mtu: used } = state.uplink;
  const mtu = network.links.find((link) => link.index === index)?.mtu ?? used;
  const room = Math.min(mtu, used);
  const pools = (datapath?.pools ?? []).flatMap((cidr): PoolMtu[] => {
    const policy = datapath === undefined ? undefined : policyOf(cidr, datapath);
    if (policy === undefined) return [];
    const encaps = [...new Set([policy.sameSubnet, policy.otherSubnet])].filter(
      (one) => one !== 'none',
    );
    const overhead = Math.max(
      0,
      ...encaps.map((one) => encapsulations[one].overheadBytes[policy.underlay]),
    );
    const route = network.ownRoutes.find(
      (one) => one.type === 'unicast' && one.destination === cidr,
    );
    const routeMtu = route?.type === 'unicast' ? (route.mtu ?? null) : null;
    return [{ cidr, encaps, over: policy.underlay, mtu: routeMtu, most: room - overhead }];
  });
  return {
    uplink: { name, mtu, used },
    encapsulations: encapNames.flatMap((encap) =>
      families
        .filter((over) => travelsOver(encap, over))
        .map((over) => {
          const overheadBytes = encapsulations[encap].overheadBytes[over];
          return { encap, over, overheadBytes, mtu: room - overheadBytes };
        }),
    ),
    pools,
    workloads: network.routes.filter(isWorkloadRoute).flatMap((toWorkload) => {
      const address = networkOf(toWorkload.destination as Cidr);
      const pool = pools.find(({ cidr }) => contains(cidr, address));
      const link = network.links.find((one) => one.index === toWorkload.index);
      const most = pool?.mtu ?? pool?.most;
      return link === undefined || most === undefined
        ? []
        : [{ interface: link.name, mtu: link.mtu, most }];
    }),
    paths: [...learned(datapath, probes), ...probes.map(probed)],
  };
}

function policyOf(pool: Cidr, { blocks, policies }: Datapath): Policy | undefined {
  return blocks
    .filter(([block]) => contains(pool, block))
    .map(([, { policy }]) => policies.get(policy))
    .find((policy) => policy !== undefined);
}

/** What was tried just now is better than what was said before. */
function learned(datapath: Datapath | undefined, probes: readonly PathProbe[]): Mtus['paths'] {
  return (datapath?.paths ?? []).flatMap(({ index, mtu }) => {
    const peer = datapath?.status.peers.find((one) => one.index === index);
    if (index < firstPeer || peer === undefined) return [];
    if (probes.some(({ address }) => address === peer.underlay)) return [];
    return [
      { peer: peerName(peer), address: peer.underlay, mtu, how: 'learned' as const, by: null },
    ];
  });
}

function probed({ peer, address, result }: PathProbe): Mtus['paths'][number] {
  return {
    peer,
    address,
    mtu: result.mtu ?? null,
    how: result.how,
    by: result.how === 'told' ? result.by : null,
  };
}

/** Pure: what is wrong with them. */
export function mtuFindings({ uplink, pools, workloads, paths }: Mtus): readonly Finding[] {
  const large = workloads.filter(({ mtu, most }) => mtu > most);
  const least = Math.min(...large.map(({ most }) => most));
  return [
    ...pools
      .filter(({ mtu, most }) => mtu !== null && mtu > most)
      .map(({ cidr, mtu, most, encaps }) =>
        finding('mtu-setting', {
          seen: `packets of the pool ${cidr} may have ${mtu ?? ''} bytes, and ${uplink.name} leaves ${most} beside ${encaps.join(' and ')}`,
          cure: `set the MTU in FelixConfiguration to 0 (auto) or ${most} (vxlanMTU, vxlanMTUV6, ipipMTU), or give ${uplink.name} a larger one`,
        }),
      ),
    ...(large.length === 0
      ? []
      : [
          finding('workload-mtu', {
            seen: `${large.length} workload interfaces have a larger MTU than their pool’s ${least}: ${large
              .slice(0, 3)
              .map((one) => `${one.interface} ${one.mtu}`)
              .join(', ')}`,
            cure: `set mtu: ${least} in the CNI configuration (Installation: calicoNetwork.mtu), and start these workloads anew`,
          }),
        ]),
    ...paths.flatMap((path) => pathFinding(path, uplink)),
  ];
}

function pathFinding(
  { peer, mtu, how, by }: Mtus['paths'][number],
  { used }: Mtus['uplink'],
): readonly Finding[] {
  const lower = `mtu: {underlay: ${mtu ?? 'BYTES'}} in the NodeConfig (encap run -c), or a link with the full MTU`;
  switch (how) {
    case 'full':
      return [];
    case 'learned':
      return [
        finding('path-mtu', {
          severity: 'note',
          seen: `routers on the way to ${peer} said that it takes ${mtu ?? ''} bytes, not ${used}`,
          cure: `nothing at once: senders are told. For good: ${lower}`,
        }),
      ];
    case 'remembered':
      return [
        finding('path-mtu', {
          severity: 'note',
          seen: `this node’s kernel remembers that the path to ${peer} takes ${mtu ?? ''} bytes, and tries no more for ten minutes`,
          cure: 'ip route flush cache, and try again',
        }),
      ];
    case 'told':
      return [
        finding('path-mtu', {
          seen: `the path to ${peer} takes ${mtu ?? ''} bytes, not ${used}: ${by ?? 'a router'} says so`,
          cure: `nothing at once: senders are told. For good: ${lower}`,
        }),
      ];
    case 'silent':
      return [
        finding('mtu-blackhole', {
          seen: `packets to ${peer} of more than ${mtu ?? ''} bytes (of ${used}) are lost, and nobody says so`,
          cure: `let ICMP “fragmentation needed” (ICMPv6 “packet too big”) through; meanwhile ${lower}`,
        }),
      ];
    case 'unreachable':
      return [
        finding('underlay-unreachable', {
          seen: `${peer} does not answer a ping on the underlay`,
          cure: `see whether it is up, and whether something filters ICMP: ping ${peer}`,
        }),
      ];
  }
}
