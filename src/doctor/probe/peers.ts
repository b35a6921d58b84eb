import { BpfMap } from 'libbpf-ts';
import { firstPeer } from '../../datapath/entry.js';
import type { Folders } from '../../datapath/folders.js';
import { Generation } from '../../datapath/generation.js';
import { addressAlias, addressMetric } from '../../datapath/nexthop.js';
import type { RawMap } from '../../datapath/maps.js';
import type { State } from '../../datapath/state.js';
import type { PeerStatus } from '../../datapath/status.js';
import { readVerdicts } from '../../datapath/traffic.js';
import type { EncapName } from '../../encap/index.js';
import { EncapError } from '../../errors.js';
import type { Node, NodeName } from '../../model/node.js';
import { familyOf, type Address } from '../../net/address.js';
import { contains, prefixLengthOf, type Cidr } from '../../net/cidr.js';
import { datapathOf, peerName, totalOf, type Datapath, type Facts } from '../facts.js';
import { finding, type Check, type Finding } from '../finding.js';
import { outerName, outers } from '../outer.js';
import { probePath, type PathProbe } from './path.js';
import { ping } from './ping.js';
import { tcpAnswer } from './tcp.js';

/** More are not tried at once: a cluster is not to notice. */
export const mostPeers = 16;

/** Another node, and what of it can be reached. */
export interface Target {
  readonly name: string;
  readonly address: Address;
  /** One of each encapsulation and family between it and us, where the resources say which its tunnel addresses are. */
  readonly tunnels: readonly Tunnel[];
}

interface Tunnel {
  readonly encap: EncapName;
  /** Its tunnel address. */
  readonly to: Address;
  /** Ours of the same pool, so that the answer travels in the same way; else of that family. */
  readonly from: Address | undefined;
}

/** Peers of this node; those of these names only, where there are any. */
export function targetsOf(facts: Facts, names: readonly string[] = []): readonly Target[] {
  const datapath = datapathOf(facts);
  const world = facts.cluster?.world;
  const nodes =
    world === undefined || world instanceof EncapError ? undefined : world.inventory.nodes;
  return (datapath?.status.peers ?? [])
    .filter(
      (peer) =>
        names.length === 0 || names.includes(peerName(peer)) || names.includes(peer.underlay),
    )
    .map((peer) => {
      const name = peerName(peer);
      const found = datapath && tunnelsTo(peer, nodes?.get(name as NodeName), datapath);
      const tunnels = (found ?? []).map((tunnel) => ({
        ...tunnel,
        from: ownTunnel(facts, tunnel.to),
      }));
      return { name, address: peer.underlay, tunnels };
    });
}

function tunnelsTo(
  { index, sameSubnet }: Pick<PeerStatus, 'index' | 'sameSubnet'>,
  node: Node | undefined,
  { blocks, policies }: Datapath,
): readonly Pick<Tunnel, 'encap' | 'to'>[] {
  const found = new Map<string, Pick<Tunnel, 'encap' | 'to'>>();
  const candidates = [node?.ipv4, node?.ipv6].flatMap((one) => [
    one?.vxlanTunnelAddress,
    one?.ipipTunnelAddress,
  ]);
  for (const to of candidates) {
    if (to === undefined || index < firstPeer) continue;
    const [block] = blocks
      .filter(([cidr]) => contains(cidr, to))
      .sort(([a], [b]) => prefixLengthOf(b) - prefixLengthOf(a));
    if (block?.[1].peer !== index) continue;
    const policy = policies.get(block[1].policy);
    const encap = (sameSubnet ? policy?.sameSubnet : policy?.otherSubnet) ?? 'none';
    const kind = `${encap} ${familyOf(to)}`;
    if (encap !== 'none' && !found.has(kind)) found.set(kind, { encap, to });
  }
  return [...found.values()];
}

/** The address that this node's own packets have in the overlay: known by its label, or its metric. */
function ownTunnel({ network, datapath }: Facts, to: Address): Address | undefined {
  const family = familyOf(to);
  const own = network.addresses
    .filter(
      (one) =>
        one.family === family &&
        (family === 'ipv4'
          ? one.label?.endsWith(addressAlias) === true
          : one.metric === addressMetric),
    )
    .map(({ address }) => address as Address);
  const pool = poolOf(to, datapathOf({ datapath })?.pools ?? []);
  return own.find((address) => pool !== undefined && contains(pool, address)) ?? own[0];
}

/** The narrowest. */
function poolOf(address: Address, pools: readonly Cidr[]): Cidr | undefined {
  return pools
    .filter((pool) => contains(pool, address))
    .sort((a, b) => prefixLengthOf(b) - prefixLengthOf(a))[0];
}

/** What came of trying them. */
export interface Probe {
  readonly check: Check;
  readonly paths: readonly PathProbe[];
}

/** Without a datapath there is nobody to probe: that is said elsewhere. */
const untried: Probe = {
  check: { subject: 'probe', seen: 'no peers are known', findings: [] },
  paths: [],
};

/** Sends real packets to the peers, by the underlay and by the overlay. */
export async function probePeers(facts: Facts, folders: Folders): Promise<Probe> {
  const uplink = facts.state?.uplink;
  if (uplink === undefined) return untried;
  const all = targetsOf(facts);
  const targets = all.slice(0, mostPeers);
  const tried = await Promise.all(targets.map((target) => probeOne(target, uplink)));
  const findings: Finding[] = [];
  for (const { target, silent, findings: found } of tried) {
    findings.push(...found);
    // One after the other: the counters are everybody's.
    for (const tunnel of silent)
      findings.push(await whyNoTunnel(target.name, target.address, tunnel, { facts, folders }));
  }
  const unknown = targets.filter(({ tunnels }) => tunnels.length === 0).length;
  if (facts.cluster === undefined && unknown > 0)
    findings.push(
      finding('probe-impossible', {
        seen: 'tunnels were not tried: tunnel addresses are in the resources, and none were named',
        cure: 'encap doctor --probe -c /etc/encap/node.yaml, or -f PATH',
      }),
    );
  if (all.length > targets.length)
    findings.push(
      finding('probe-impossible', {
        seen: `${all.length - targets.length} of ${all.length} peers were not tried`,
        cure: 'run it on other nodes too, or one by one: encap mtu --probe NODE',
      }),
    );
  const inside = targets.length - unknown;
  return {
    check: {
      subject: 'probe',
      seen: `${targets.length} peers on the underlay, ${inside} of them by their tunnel`,
      findings,
    },
    paths: tried.flatMap(({ path }) => path ?? []),
  };
}

interface Tried {
  readonly target: Target;
  /** undefined: not to be told from here. */
  readonly path: PathProbe | undefined;
  /** Tunnels of a peer that answers otherwise, and not in these. */
  readonly silent: readonly Tunnel[];
  readonly findings: readonly Finding[];
}

const burst = { count: 20, intervalMs: 20, waitMs: 600 } as const;

type Uplink = Pick<State['uplink'], 'name' | 'mtu'>;

async function probeOne(target: Target, uplink: Uplink): Promise<Tried> {
  const { name, address, tunnels } = target;
  const [path, outside, within] = await Promise.all([
    probePath(target, uplink.mtu),
    ping({ ...burst, to: address }),
    Promise.all(tunnels.map(({ to, from }) => ping({ ...burst, to, ...(from && { from }) }))),
  ]);
  const lost = [outside, ...within].flatMap(({ received }) =>
    received > 0 && received < burst.count ? burst.count - received : [],
  );
  const findings: Finding[] =
    lost.length === 0
      ? []
      : [
          finding('path-loss', {
            seen: `of ${burst.count} echo requests to ${name} ${Math.max(...lost)} were not answered`,
            cure: 'ip -s link and ethtool -S on both ends: look for errors below the overlay; then for what is between',
          }),
        ];
  const answering = tunnels.filter((_, place) => (within[place]?.received ?? 0) > 0);
  const silent = tunnels.filter((tunnel) => !answering.includes(tunnel));
  if (answering.length === 0)
    return { target, path, silent: outside.received > 0 ? silent : [], findings };
  if (lost.length === 0)
    for (const tunnel of answering)
      findings.push(...(await checksumFinding(name, address, tunnel, uplink.name)));
  return { target, silent, ...withoutFiltered(path, findings) };
}

/** What arrives by the tunnel crosses the underlay: where nothing else answers there, ping is filtered. */
function withoutFiltered(
  path: PathProbe,
  findings: readonly Finding[],
): Pick<Tried, 'path' | 'findings'> {
  if (path.result.how !== 'unreachable') return { path, findings };
  const filtered = finding('probe-impossible', {
    seen: `${path.peer} answers in the tunnel, and no ping on the underlay: its path was not tried`,
    cure: 'let ICMP through between the nodes: path MTU discovery needs it',
  });
  return { path: undefined, findings: [...findings, filtered] };
}

/**
 * ICMP comes through, and TCP? No NIC computes ICMP's checksum. Where the peer refuses TCP connections beside the tunnel,
 * and is silent inside, the segment was thrown away on the way.
 */
async function checksumFinding(
  name: string,
  address: Address,
  { encap, to, from }: Tunnel,
  uplink: string,
): Promise<readonly Finding[]> {
  if (from === undefined || familyOf(from) !== familyOf(address)) return [];
  if ((await tcpAnswer(to, from)) !== 'silent') return [];
  // A filter for TCP would be silent here too: the SYN in clear, its answer by the tunnel.
  if ((await tcpAnswer(address, from)) !== 'answered') return [];
  return [
    finding('checksum-offload', {
      seen: `${name} answers ping in the ${outers[encap].title} tunnel and TCP beside it, and does not answer TCP in the tunnel: it has a wrong checksum there`,
      cure: `ethtool -K ${uplink} tx-checksum-ip-generic off (Calico: ChecksumOffloadBroken), and a newer driver; nstat TcpInCsumErrors on ${name} grows`,
      fix: { command: ['ethtool', '-K', uplink, 'tx-checksum-ip-generic', 'off'] },
    }),
  ];
}

/** A request in clear from our tunnel address: its answer comes by the tunnel, so that one direction is tried alone. */
async function whyNoTunnel(
  name: string,
  address: Address,
  { encap, from }: Tunnel,
  { facts, folders }: { readonly facts: Facts; readonly folders: Folders },
): Promise<Finding> {
  const { vni = 0, port = 0 } = facts.state?.vxlan ?? {};
  const before = foreign(facts, folders);
  const back =
    from === undefined || familyOf(from) !== familyOf(address)
      ? 0
      : (await ping({ ...burst, count: 5, to: address, from })).received;
  if (encap === 'vxlan' && foreign(facts, folders) > before)
    return finding('vni-mismatch', {
      seen: `${name} answers in VXLAN with another VNI than ours, ${vni}`,
      cure: `encap status on ${name} and here says which VNI each has; FELIX_VXLANVNI of an agent goes before FelixConfiguration`,
    });
  return finding('tunnel-blocked', {
    seen:
      back > 0
        ? `what this node sends to ${name} in ${outers[encap].title} does not arrive; what comes from there does`
        : `${name} answers without a tunnel, and not in ${outers[encap].title}`,
    cure: `let ${outerName(encap, port)} through between all nodes (security group, switch, firewall); encap doctor on ${name} sees the other side`,
  });
}

/** How often packets of another VNI came. */
function foreign(facts: Facts, { pins }: Folders): number {
  const datapath = datapathOf(facts);
  if (datapath === undefined) return 0;
  const generation = new Generation(pins, datapath.status.generation);
  using map: RawMap = BpfMap.open(generation.map('verdicts'));
  return readVerdicts(map, facts.state?.verdicts ?? {})
    .filter(({ verdict }) => verdict === 'foreign_vni' || verdict === 'vni_mismatch')
    .reduce((sum, count) => sum + totalOf(count), 0);
}
