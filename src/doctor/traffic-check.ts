import { datapathOf, peerName, totalOf, type Facts } from './facts.js';
import { finding, type Check, type Finding } from './finding.js';

/** A stranger that was seen so lately is there now. */
const latelySeconds = 10;

/** Verdicts that have a finding of their own. */
const named: ReadonlySet<string> = new Set([
  'src_spoof',
  'foreign_vni',
  'vni_mismatch',
  'unknown_peer',
]);

/** Pure: who the peers are, and what becomes of packets just now. */
export function trafficChecks(facts: Facts): readonly Check[] {
  const datapath = datapathOf(facts);
  if (datapath === undefined) return [];
  const { status, growth } = datapath;
  const drops = status.verdicts.filter(({ kind }) => kind === 'drop');
  const grown = (verdict: string): number => growth.get(verdict) ?? 0;
  const before = drops.filter((count) => totalOf(count) > 0 && grown(count.verdict) === 0);
  return [
    {
      subject: 'peers',
      seen: `${status.peers.length}, each with its own address and MAC`,
      findings: duplicates(facts),
    },
    {
      subject: 'traffic',
      seen: `${drops.filter(({ verdict }) => grown(verdict) > 0).length} kinds of drops just now, ${status.strangers.length} strangers`,
      findings: [
        ...strangers(facts),
        ...vniFindings(grown('foreign_vni') + grown('vni_mismatch'), facts),
        ...(grown('src_spoof') > 0
          ? [
              finding('spoofed-source', {
                seen: `${grown('src_spoof')} packets of workloads, from addresses of other nodes or none, dropped just now`,
                cure: 'find the workload: tcpdump -ni any src net POOL; reverse path filtering at its interface stops it there (Felix sets it)',
              }),
            ]
          : []),
        ...drops
          .filter(({ verdict }) => grown(verdict) > 0 && !named.has(verdict))
          .map(({ verdict }) =>
            finding('dropping', {
              seen: `${grown(verdict)} packets dropped just now: ${verdict}`,
              cure: 'docs/datapath.md says what each verdict means; encap status what to do about it',
            }),
          ),
        ...(before.length === 0
          ? []
          : [
              finding('dropped', {
                seen: `since the programs were loaded: ${before.map((count) => `${count.verdict} ${totalOf(count)}`).join(', ')}`,
                cure: 'nothing, unless it grows: encap map dump verdicts',
              }),
            ]),
      ],
    },
  ];
}

function strangers(facts: Facts): readonly Finding[] {
  const { strangers: all = [], peers = [] } = datapathOf(facts)?.status ?? {};
  const known = new Set(peers.map(({ underlay }) => underlay)); // dropped before this node heard of it
  const unknown = all.filter(({ address }) => !known.has(address));
  return unknown.slice(0, 5).map(({ address, packets, secondsAgo }) =>
    finding('stranger', {
      severity: secondsAgo <= latelySeconds ? 'warn' : 'note',
      seen: `${address} sent ${packets} tunnel packets and is no node, the last one ${Math.round(secondsAgo)} s ago`,
      cure: 'find out who it is: a node whose Node has another address (NAT), or one of another cluster; who is meant to belongs to externalNodesList',
    }),
  );
}

function vniFindings(packets: number, { state }: Facts): readonly Finding[] {
  if (packets === 0) return [];
  const { vni = 0, port = 0 } = state?.vxlan ?? {};
  return [
    finding('foreign-vni', {
      seen: `${packets} VXLAN packets with another VNI than ${vni} just now, on port ${port}`,
      cure: `tcpdump -ni ${state?.uplink.name ?? 'any'} udp port ${port}: who sends which VNI; encap status on each node says its own`,
    }),
  ];
}

function duplicates(facts: Facts): readonly Finding[] {
  const peers = datapathOf(facts)?.status.peers ?? [];
  const shared = (key: (peer: (typeof peers)[number]) => string | undefined): string[] => {
    const holders = new Map<string, Map<number, string>>();
    for (const peer of peers) {
      const value = key(peer);
      if (value === undefined) continue;
      const names = holders.get(value) ?? new Map<number, string>();
      holders.set(value, names.set(peer.node, peerName(peer)));
    }
    return [...holders]
      .filter(([, names]) => names.size > 1)
      .map(([value, names]) => `${value} is of ${[...names.values()].join(' and ')}`);
  };
  return [
    ...shared(({ vtepMac, family }) =>
      vtepMac === undefined ? undefined : `${family} ${vtepMac}`,
    ).map((seen) =>
      finding('vtep-mac-duplicate', {
        seen: `the VTEP MAC ${seen}`,
        cure: 'correct spec.vxlanTunnelMACAddr of one of the two Nodes, or remove it: then it comes from the name',
      }),
    ),
    ...shared(({ underlay }) => underlay).map((seen) =>
      finding('address-duplicate', {
        seen: `the address ${seen}`,
        cure: 'correct spec.bgp of one of the two Nodes, or remove the one that is no more',
      }),
    ),
  ];
}
