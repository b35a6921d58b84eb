import type { LinkState } from 'libbpf-ts';
import { firstPeer } from '../datapath/entry.js';
import { isKernelTunnel } from '../datapath/kernel-tunnel.js';
import { mergerName } from '../datapath/merger.js';
import { nobody, nobodyMac, routeProtocol } from '../datapath/nexthop.js';
import type { Family } from '../net/address.js';
import { familyOf } from '../net/address.js';
import { contains, type Cidr } from '../net/cidr.js';
import { datapathOf, peerName, type Facts } from './facts.js';
import { finding, type Check, type Finding } from './finding.js';
import { firewallFindings } from './firewall.js';

/** Pure: what packets meet on their way from and to the programs. */
export function networkChecks(facts: Facts): readonly Check[] {
  if (facts.state === undefined) return [];
  return [
    uplinkCheck(facts),
    switchCheck(facts),
    routeCheck(facts),
    neighbourCheck(facts),
    besideCheck(facts),
  ];
}

function uplinkCheck({ network: { links }, state }: Facts): Check {
  const { name = '', index } = state?.uplink ?? {};
  const link = links.find((one) => one.index === index && one.name === name);
  const down = (seen: string, cure: string): Check => ({
    subject: 'uplink',
    seen: name,
    findings: [finding('uplink-down', { seen, cure })],
  });
  if (link === undefined)
    return down(`the uplink ${name} is gone`, 'bring it back: a running agent takes it up again');
  if (!link.up) return down(`${name} is down`, `ip link set ${name} up`);
  if (!link.lowerUp)
    return down(`${name} has no carrier`, 'see the cable, the switch, the host’s virtual switch');
  return {
    subject: 'uplink',
    seen: `${name} is up, MTU ${link.mtu}, ${link.mac ?? 'no MAC'}`,
    findings: [],
  };
}

function switchCheck(facts: Facts): Check {
  const { network, state } = facts;
  const { sysctls } = network;
  const uplink = state?.uplink.name ?? '';
  const used = new Set((datapathOf(facts)?.pools ?? []).map((pool) => familyOf(pool)));
  // The kernel passes the first on to the second only when it changes.
  const ipv4 = network.ipForward ? `net/ipv4/conf/${uplink}/forwarding` : 'net/ipv4/ip_forward';
  const findings: Finding[] = [];
  if (used.has('ipv4') && sysctls?.forwards.ipv4 === false)
    findings.push(
      finding('forwarding-off', {
        seen: `this node forwards no IPv4 (${ipv4.replaceAll('/', '.')})`,
        cure: `sysctl -w ${ipv4}=1, and in /etc/sysctl.d: another package may have set it to 0`,
        fix: { sysctl: ipv4, value: '1' },
      }),
    );
  if (used.has('ipv6') && sysctls?.forwards.ipv6 === false)
    findings.push(
      finding('forwarding-off', {
        seen: 'this node forwards no IPv6 (net.ipv6.conf.all.forwarding)',
        cure:
          sysctls.routers === 'as a host'
            ? `sysctl -w net/ipv6/conf/${uplink}/accept_ra=2 net.ipv6.conf.all.forwarding=1: without the first it loses its default route`
            : 'sysctl -w net.ipv6.conf.all.forwarding=1',
        ...(sysctls.routers === 'as a host'
          ? {}
          : { fix: { sysctl: 'net/ipv6/conf/all/forwarding', value: '1' } }),
      }),
    );
  const filter = sysctls?.reversePath ?? 'off';
  const elsewhere = foreignRoutes(facts);
  if (filter === 'strict' && elsewhere.length > 0)
    findings.push(
      finding('rp-filter', {
        seen: `rp_filter is strict on ${uplink}, and ${elsewhere.map(({ destination }) => destination).join(', ')} is to be reached by another interface`,
        cure: 'take the route away (see route-elsewhere): rp_filter is right, the route is not',
      }),
    );
  const own = sysctls?.forwards;
  return {
    subject: 'switches',
    seen: `ip_forward ${own?.ipv4 === true ? 1 : 0}, ipv6 forwarding ${own?.ipv6 === true ? 1 : 0}, rp_filter ${filter} (the larger of all and ${uplink})`,
    findings,
  };
}

/** Routes of others that lead packets for remote blocks past the programs. */
function foreignRoutes(
  facts: Facts,
): readonly { readonly destination: string; readonly device: string; readonly peer: string }[] {
  const datapath = datapathOf(facts);
  if (datapath === undefined) return [];
  const { blocks, pools, policies, status } = datapath;
  const { links, routes } = facts.network;
  const peers = new Map(status.peers.map((peer) => [peer.index, peer]));
  const remote = blocks.filter(([, { peer, policy }]) => {
    const [to, way] = [peers.get(peer), policies.get(policy)];
    if (peer < firstPeer || to === undefined || way === undefined) return false;
    return (to.sameSubnet ? way.sameSubnet : way.otherSubnet) !== 'none';
  });
  return routes
    .filter(({ type, protocol }) => type === 'unicast' && protocol !== routeProtocol)
    .flatMap((route) => {
      const destination = route.destination as Cidr;
      if (!pools.some((pool) => pool !== destination && contains(pool, destination))) return [];
      const link = links.find(({ index }) => index === route.index);
      if (link !== undefined && isKernelTunnel(link)) return []; // said of the device, once
      const [block] = remote.filter(
        ([cidr]) => contains(cidr, destination) || contains(destination, cidr),
      );
      const peer = block === undefined ? undefined : peers.get(block[1].peer);
      return peer === undefined
        ? []
        : [{ destination, device: link?.name ?? 'several next hops', peer: peerName(peer) }];
    });
}

function routeCheck(facts: Facts): Check {
  const { network, state } = facts;
  const pools = datapathOf(facts)?.pools ?? [];
  const isLed = (pool: Cidr): boolean =>
    network.ownRoutes.some(({ type, destination }) => type === 'unicast' && destination === pool);
  const missing = pools.filter((pool) => !(pool in (state?.notCarried ?? {})) && !isLed(pool));
  const used = new Set(pools.map((pool) => familyOf(pool)));
  const agent = 'a running agent puts it back within a second: systemctl start encap';
  const unknown = [...used].filter(
    (family: Family) => !network.ownNeighbours.includes(nobody[family]),
  );
  return {
    subject: 'routes',
    seen: `${pools.length - missing.length} of ${pools.length} pools are led to the programs`,
    findings: [
      ...missing.map((pool) =>
        finding('pool-route-missing', {
          seen: `there is no route for the pool ${pool}`,
          cure: agent,
        }),
      ),
      ...unknown.map((family) =>
        finding('nobody-missing', {
          seen: `the neighbour ${nobody[family]}, to which pool routes lead, is not there`,
          cure: agent,
        }),
      ),
      ...foreignRoutes(facts).map(({ destination, device, peer }) =>
        finding('route-elsewhere', {
          seen: `${destination} is of ${peer}, and a route of others leads to it by ${device}`,
          cure: `ip route delete ${destination}${device.includes(' ') ? '' : ` dev ${device}`}, and stop who makes it`,
        }),
      ),
    ],
  };
}

function neighbourCheck(facts: Facts): Check {
  const { network, state } = facts;
  const { name = '', index } = state?.uplink ?? {};
  const peers = datapathOf(facts)?.status.peers ?? [];
  const gateways = network.routes.flatMap((route) =>
    route.index === index && route.gateway !== undefined ? [route.gateway] : [],
  );
  const wanted = new Set<string>([
    ...peers.filter(({ sameSubnet }) => sameSubnet).map(({ underlay }) => underlay),
    ...gateways,
  ]);
  const here = network.neighbours.filter(
    (one) => one.index === index && !one.proxy && one.mac !== nobodyMac && wanted.has(one.address),
  );
  return {
    subject: 'neighbours',
    seen: `${here.length} next hops known on ${name}`,
    findings: here.flatMap(({ address, state: reachability, mac }) => {
      if (reachability === 'permanent')
        return [
          finding('neighbour-permanent', {
            seen: `${address} has the MAC ${mac ?? 'none'} for good on ${name}: somebody made the entry`,
            cure: `ip neighbour delete ${address} dev ${name}: the kernel asks by itself`,
          }),
        ];
      if (reachability !== 'failed' && reachability !== 'incomplete') return [];
      return [
        finding('neighbour-unresolved', {
          seen: `nobody answers for ${address} on ${name} (${reachability})`,
          cure: `see whether it is up and in the same network: arping -I ${name} ${address}`,
        }),
      ];
    }),
  };
}

/** Whether what leaves by the uplink crosses an interface too: a bond's port, the parent of a VLAN. */
function isBelow({ index, master }: LinkState, uplink: LinkState | undefined): boolean {
  return uplink !== undefined && (master === uplink.index || index === uplink.parent);
}

/** Who else has to do with tunnels here. */
function besideCheck({ network: { links, rules }, state }: Facts): Check {
  const uplink = links.find(({ index }) => index === state?.uplink.index);
  const carriers = (state?.kernelTunnels ?? []).filter(({ how }) => how === 'carries');
  const devices = links.filter(
    (link) =>
      !isKernelTunnel(link) &&
      link.name !== mergerName &&
      link.up &&
      link.vxlan?.port === state?.vxlan.port,
  );
  return {
    subject: 'beside us',
    seen: `${carriers.length + devices.length} other tunnel devices in use, ${rules === undefined ? 'no nft to ask for rules' : `${rules.length} rules that drop tunnels`}`,
    findings: [
      ...carriers.map(({ name, routes }) =>
        finding('kernel-tunnel', {
          seen: `${name} carries what ${routes} routes lead to`,
          cure: 'take over: encap run --replace-kernel-tunnels; or mean it so: kernelTunnels: coexist in the NodeConfig',
        }),
      ),
      ...devices.map(({ name, vxlan }) =>
        finding('vxlan-device', {
          severity: vxlan?.vni === state?.vxlan.vni ? 'warn' : 'note',
          seen: `${name} is a vxlan device on our port ${vxlan?.port ?? ''}, VNI ${vxlan?.external === true ? 'any' : (vxlan?.vni ?? 'unknown')}`,
          cure: `ip -d link show ${name}: see whose it is; give one of the two another port (vxlanPort)`,
        }),
      ),
      ...firewallFindings(rules ?? [], ({ family, devices }) =>
        family === 'bridge'
          ? uplink?.kind === 'bridge'
          : devices.some((name) =>
              links.some((link) => link.name === name && isBelow(link, uplink)),
            ),
      ),
    ],
  };
}
