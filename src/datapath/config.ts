import { features } from 'libbpf-ts';
import type { Settings } from '../model/settings.js';
import type { config } from './abi.js';
import { nobodyMac } from './nexthop.js';
import { probeSkb, unknownSkb, type SkbLayout } from './skb.js';
import type { Crossing } from './underlay.js';

/** struct config: what the programs take as constants. */
export type Config = ReturnType<(typeof config)['decode']>;

/** What this kernel accepts beyond the oldest one: probed, never guessed from its version. */
export interface Probes {
  readonly adjustRoomPush: number;
  readonly adjustRoomPopVxlan: number;
  readonly adjustRoomPopIpxip4: number;
  readonly adjustRoomPopIpxip6: number;
  readonly adjustRoomToIpv4: number;
  readonly adjustRoomToIpv6: number;
  readonly checkMtu: boolean;
  readonly skb: SkbLayout;
}

/** What the oldest kernel has. */
export const noProbes: Probes = {
  adjustRoomPush: 0,
  adjustRoomPopVxlan: 0,
  adjustRoomPopIpxip4: 0,
  adjustRoomPopIpxip6: 0,
  adjustRoomToIpv4: 0,
  adjustRoomToIpv6: 0,
  checkMtu: false,
  skb: unknownSkb,
};

/** BPF_F_ADJ_ROOM_* of <linux/bpf.h>, as far as kernels differ. */
const encapL2Eth = 1 << 6; // since 5.13
const decapL4Udp = 1 << 10; // after 6.18
const decapIpxip4 = 1 << 11; // after 6.18
const decapIpxip6 = 1 << 12; // after 6.18
const decapL3Ipv4 = 1 << 7; // since 6.3
const decapL3Ipv6 = 1 << 8; // since 6.3

/**
 * Says that a packet was sent on by us. Outside the masks that share the mark with us on a Calico node:
 * Calico's own 0xffff0000, kube-proxy's 0xc000.
 */
const ownMark = 0x1000;

/** struct config outer_ttl: the inner packet's. */
const inheritTtl = 0;

/** As the kernel's net.ipv4.route.mtu_expires; RFC 1191 section 6.3 wants five minutes at least. */
const pathMtuSeconds = 600;

/** What the programs are told of the settings. */
export type ProgramSettings = Pick<
  Settings,
  | 'vxlanVni'
  | 'vxlanPort'
  | 'allowVxlanFromWorkloads'
  | 'allowIpipFromWorkloads'
  | 'checks'
  | 'dscp'
  | 'outerTtl'
  | 'sharedVxlanPort'
  | 'fastPath'
  | 'beyondCalico'
>;

/** The programs' constants, from FelixConfiguration and this kernel. */
export function configOf(settings: ProgramSettings, probes: Probes): Config {
  const { checks, dscp, outerTtl } = settings;
  return {
    vni: settings.vxlanVni,
    vxlanPort: settings.vxlanPort,
    nobodyMac,
    ownMark,
    adjustRoomPush: probes.adjustRoomPush,
    adjustRoomPopVxlan: probes.adjustRoomPopVxlan,
    adjustRoomPopIpxip4: probes.adjustRoomPopIpxip4,
    adjustRoomPopIpxip6: probes.adjustRoomPopIpxip6,
    adjustRoomToIpv4: probes.adjustRoomToIpv4,
    adjustRoomToIpv6: probes.adjustRoomToIpv6,
    sourceCheck: checks.source,
    destinationCheck: checks.destination,
    dscp: typeof dscp === 'string' ? dscp : 'pipe',
    fast: settings.fastPath,
    pathMtuSeconds,
    skb: probes.skb,
    outerTtl: outerTtl === 'inherit' ? inheritTtl : outerTtl,
    outerDscp: typeof dscp === 'string' ? 0 : dscp.pipe,
    allowVxlanFromWorkloads: settings.allowVxlanFromWorkloads ? 1 : 0,
    allowIpipFromWorkloads: settings.allowIpipFromWorkloads ? 1 : 0,
    checkMtu: probes.checkMtu ? 1 : 0,
    ip6ip: settings.beyondCalico.ip6ip ? 1 : 0,
    reservedBits: checks.vxlanReservedBits === 'ignore' ? 1 : 0,
    sharedPort: settings.sharedVxlanPort ? 1 : 0,
    outerOptions: checks.outerOptions === 'accept' ? 1 : 0,
    tell: 0,
  };
}

/** Runs the probes on this kernel. */
export function probe(): Probes {
  const accepted = (flag: number): number => (features.adjustRoomFlag(flag) ? flag : 0);
  return {
    adjustRoomPush: accepted(encapL2Eth),
    adjustRoomPopVxlan: accepted(decapL4Udp),
    adjustRoomPopIpxip4: accepted(decapIpxip4),
    adjustRoomPopIpxip6: accepted(decapIpxip6),
    adjustRoomToIpv4: accepted(decapL3Ipv4),
    adjustRoomToIpv6: accepted(decapL3Ipv6),
    checkMtu: features.helper('sched_cls', 'bpf_check_mtu'),
    skb: probeSkb(),
  };
}

/** What the probes say of packets that leave headers of the other family. */
export function crossingOf({ adjustRoomToIpv4, adjustRoomToIpv6 }: Probes): Crossing {
  return adjustRoomToIpv4 !== 0 && adjustRoomToIpv6 !== 0 ? 'crosses families' : 'one family';
}
