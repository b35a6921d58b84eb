import type { PlanDocument, PlannedPool } from '../decide/plan.js';
import { familyOf, type Family } from '../net/address.js';
import type { Session } from './session.js';
import { table } from './table.js';

/** A plan for people: the node, then pools, peers and blocks. */
export function planText(session: Session, plan: PlanDocument): string {
  const { pools, peers, blocks } = plan;
  return [
    nodeText(session, plan),
    table(
      session,
      [
        { title: 'POOL', of: ({ name }) => name },
        { title: 'CIDR', of: ({ cidr }) => cidr },
        { title: 'OVER', of: ({ underlay }) => underlay, wide: !pools.some(crosses) },
        { title: 'SAME SUBNET', of: ({ sameSubnet }) => howText(sameSubnet) },
        { title: 'OTHER SUBNET', of: ({ otherSubnet }) => howText(otherSubnet) },
        { title: 'ROUTED', of: ({ routed, why }) => (routed ? 'yes' : `no: ${why ?? ''}`) },
      ],
      pools,
    ),
    table(
      session,
      [
        { title: 'PEER', of: ({ name }) => name },
        { title: 'ADDRESS', of: ({ address }) => address },
        { title: 'SUBNET', of: ({ sameSubnet }) => (sameSubnet ? 'same' : 'other') },
        { title: 'TUNNEL ADDRESS', of: ({ tunnelAddress }) => tunnelAddress ?? undefined },
        { title: 'VTEP MAC', of: ({ vtepMac }) => vtepMac ?? undefined },
      ],
      peers,
    ),
    table(
      session,
      [
        { title: 'BLOCK', of: ({ cidr }) => cidr },
        { title: 'NODE', of: (block) => block.node },
        { title: 'HOW', of: ({ action }) => action },
        { title: 'VIA', of: ({ via }) => via ?? undefined },
        { title: 'POOL', of: ({ pool }) => pool ?? undefined },
      ],
      blocks,
    ),
    session.paint.dim('Nothing was done; `encap run` does it.'),
  ].join('\n\n');
}

/** Both families of the node, as far as it has them; without any, that it has no IPv4 address. */
function nodeText({ paint: { bold } }: Session, { node, pools }: PlanDocument): string {
  const { name, ipv6 } = node;
  const ipv4 = { ...node, tunnelAddress: node.tunnelAddress ?? node.ipipTunnelAddress };
  const shown = [ipv4, ipv6].filter(({ address }) => address !== null);
  const addresses = shown.map(
    ({ address, subnet }) => `${String(address)}${subnet === null ? '' : ` in ${subnet}`}`,
  );
  const families = shown.length === 0 ? [ipv4] : shown;
  // Packets of a family that the node has no address of may travel over the other.
  const others = [ipv4, ipv6].filter(
    (family) => !families.includes(family) && family.tunnelAddress !== null,
  );
  const margin = ' '.repeat(name.length);
  return [
    ...(addresses.length === 0 ? ['no IPv4 address'] : addresses).map(
      (text, place) => `${place === 0 ? bold(name) : margin}   ${text}`,
    ),
    ...families.map(
      ({ tunnelAddress, vtepMac }) =>
        `tunnel address ${tunnelAddress ?? 'none'}   VTEP MAC ${vtepMac}`,
    ),
    ...others.map(({ tunnelAddress }) => `tunnel address ${String(tunnelAddress)}`),
    mtuText(node, pools),
  ].join('\n');
}

function mtuText({ mtu }: PlanDocument['node'], pools: readonly PlannedPool[]): string {
  const crossing = (family: Family): boolean =>
    pools.some((pool) => familyOf(pool.cidr) === family && crosses(pool));
  const sizes = [
    `vxlan ${crossing('ipv4') ? 'of IPv4 over IPv6 ' : ''}${mtu.vxlan}`,
    `ipip ${mtu.ipip}`,
    `vxlan ${crossing('ipv6') ? 'of IPv6 over IPv4' : 'over IPv6'} ${mtu.vxlanV6}`,
    ...(pools.some(({ otherSubnet }) => otherSubnet === 'ip6ip') ? [`ip6ip ${mtu.ip6ip}`] : []),
  ];
  return `mtu ${mtu.underlay}: ${sizes.join(', ')}`;
}

/** Outer headers of the other family. */
function crosses({ cidr, underlay }: PlannedPool): boolean {
  return familyOf(cidr) !== underlay;
}

function howText(how: string): string {
  return how === 'none' ? 'direct' : how;
}
