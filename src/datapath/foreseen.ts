import { routeTables, type RulePut } from 'libbpf-ts';
import type { Desired } from '../model/desired.js';
import type { KernelTunnels } from '../model/settings.js';
import type { TunnelEnds } from '../model/tunnel-ends.js';
import { familyOf, type Address, type Family } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import type { Mac } from '../net/mac.js';
import { kernelTunnelFor, type KernelTunnel, type KernelTunnelName } from './kernel-tunnel.js';
import { detourTable, loopback, tunnelGroup } from './nexthop.js';
import { rulesOf } from './tables/rules.js';
import { reportOf, takeoverOf, type TunnelReport } from './takeover.js';
import { underlayOf } from './underlay.js';
import type { Uplink } from './uplink.js';

/** A tunnel device that Calico would have on a node. */
export interface ForeseenTunnel extends TunnelReport {
  /** null: Calico's resources give the node none. */
  readonly tunnelAddress: Address | null;
  /** null: IP-in-IP has none. */
  readonly vtepMac: Mac | null;
}

/** One that is looked up before main: of all packets of its family. */
export type ForeseenRule = Omit<RulePut, 'table'> & { readonly table: number | 'main' };

/** What becomes of Calico's own tunnel devices on a node, and what the kernel is told for it. */
export interface ForeseenTakeover {
  readonly way: KernelTunnels;
  readonly tunnels: readonly ForeseenTunnel[];
  /** Interface group of those that are led past; null: none is. */
  readonly group: number | null;
  readonly rules: readonly ForeseenRule[];
  /** Table that the last rule of each family asks, and its routes by the uplink; null: there are no rules. */
  readonly table: number | null;
  readonly routes: readonly { readonly destination: Cidr; readonly mtu: number }[];
  /** Tunnel addresses, and where they are put; the devices keep theirs. */
  readonly addresses: readonly { readonly address: Address; readonly on: 'uplink' | 'lo' }[];
}

/** What a foresight is made from, beside what is desired. */
export interface Foresight {
  readonly way: KernelTunnels;
  readonly ends: TunnelEnds;
  /** Bytes. */
  readonly underlayMtu: number;
}

/** Pure, and of a node that may be elsewhere: there Felix has a route for each block of another node, as its pool travels. */
export function foresee(desired: Desired, { way, ends, underlayMtu }: Foresight): ForeseenTakeover {
  const tunnels = tunnelsOf(desired);
  const underlay = underlayOf(
    desired,
    { ...anyUplink, mtu: underlayMtu },
    () => 'crosses families',
  );
  const { groups, detours, rules } = takeoverOf(tunnels, way, underlay);
  return {
    way,
    tunnels: reportOf(tunnels, way).map((report) => ({ ...report, ...endOf(report.name, ends) })),
    group: groups.size === 0 ? null : tunnelGroup,
    rules: [...rules.keys()].flatMap(rulesOf).map(({ table, ...rule }) => ({
      ...rule,
      table: table === routeTables.main ? 'main' : table,
    })),
    table: rules.size === 0 ? null : detourTable,
    routes: [...detours.values()].flatMap((route) =>
      route.type === 'unicast' && route.mtu !== undefined
        ? [{ destination: route.destination, mtu: route.mtu }]
        : [],
    ),
    addresses: [...underlay.addresses].map(([address, { index }]) => ({
      address,
      on: index === loopback ? 'lo' : 'uplink',
    })),
  };
}

/** By the blocks that Felix would lead there; a borrowed address has a route of its own, too. */
function tunnelsOf({ blocks, peers, policies }: Desired): readonly KernelTunnel[] {
  const found = new Map<KernelTunnelName, { routes: number; families: Set<Family> }>();
  for (const [cidr, { peer: name, policy: policyName }] of blocks) {
    const peer = name === 'self' ? undefined : peers.get(name);
    const policy = policies.get(policyName);
    if (peer === undefined || policy === undefined) continue;
    const encap = peer.sameSubnet ? policy.sameSubnet : policy.otherSubnet;
    const family = familyOf(cidr);
    if (encap === 'none' || policy.underlay !== family) continue;
    const device = kernelTunnelFor(encap, family);
    if (device === undefined) continue;
    const tunnel = found.get(device) ?? { routes: 0, families: new Set() };
    found.set(device, { routes: tunnel.routes + 1, families: tunnel.families.add(family) });
  }
  return [...found].map(([name, tunnel]) => ({ name, index: noIndex, ...tunnel }));
}

function endOf(
  name: KernelTunnelName,
  { own }: TunnelEnds,
): Pick<ForeseenTunnel, 'tunnelAddress' | 'vtepMac'> {
  if (name === 'tunl0') return { tunnelAddress: own.ipip?.tunnelAddress ?? null, vtepMac: null };
  const vtep = name === 'vxlan.calico' ? own.vxlan : own.vxlanV6;
  return { tunnelAddress: vtep?.tunnelAddress ?? null, vtepMac: vtep?.mac ?? null };
}

/** No interface has it. */
const noIndex = 0;

/** That of a node where all pools can be carried. */
const anyUplink: Omit<Uplink, 'mtu'> = {
  name: 'uplink',
  index: noIndex,
  sysctls: {
    ipv6: { is: 'on', mtu: Infinity },
    forwards: { ipv4: true, ipv6: true },
    reversePath: 'loose',
    routers: 'never',
  },
  faults: [],
};
