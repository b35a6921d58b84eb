import type { ForeseenTakeover } from '../datapath/foreseen.js';
import type { PlanDocument, PlannedPool } from '../decide/plan.js';
import { familyOf, type Family } from '../net/address.js';
import type { Session } from './session.js';
import { table } from './table.js';

/** A plan for people: the node, then pools, peers, Calico's own tunnel devices where something becomes of them, and blocks. */
export function planText(
  session: Session,
  plan: PlanDocument,
  kernelTunnels: ForeseenTakeover | undefined,
): string {
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
    ...(kernelTunnels === undefined ? [] : [takeoverText(session, kernelTunnels)]),
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

/** Devices, then what the kernel is told so that they are led past, as ip(8) has it. */
function takeoverText(
  session: Session,
  { tunnels, group, rules, table: number, routes, addresses }: ForeseenTakeover,
): string {
  if (tunnels.length === 0) return 'no kernel tunnel of Calico’s would carry anything here';
  const devices = table(
    session,
    [
      { title: 'KERNEL TUNNEL', of: ({ name }) => name },
      { title: 'BLOCKS', of: ({ routes: count }) => count },
      { title: 'TUNNEL ADDRESS', of: ({ tunnelAddress }) => tunnelAddress ?? undefined },
      { title: 'VTEP MAC', of: ({ vtepMac }) => vtepMac ?? undefined },
      {
        title: 'THEN',
        of: ({ how }) =>
          how === 'taken over'
            ? `taken over: stays in group ${group}, carries nothing, can go`
            : 'carries on',
      },
    ],
    tunnels,
  );
  return [
    devices,
    ...rules.map(
      ({ family, priority, table: asked, protocol, suppressGroup }) =>
        `ip ${family === 'ipv6' ? '-6 ' : ''}rule     ${priority}: from all lookup ${asked}` +
        `${suppressGroup === undefined ? '' : ` suppress_ifgroup ${suppressGroup}`} proto ${protocol}`,
    ),
    ...routes.map(
      ({ destination, mtu }) => `table ${number}   ${destination} by the uplink, mtu ${mtu}`,
    ),
    `addresses     ${addresses.map(({ address, on }) => `${address} on ${on === 'lo' ? on : 'the uplink'}`).join(', ')}; the devices keep theirs`,
    'rp_filter     loose (2) on the uplink and on the devices, where it is strict',
  ].join('\n');
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
