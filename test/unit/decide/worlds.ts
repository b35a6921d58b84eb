import type { Block } from '../../../src/model/block.js';
import type { Inventory } from '../../../src/model/inventory.js';
import type { InterfaceAddress, Node, NodeFamily, NodeName } from '../../../src/model/node.js';
import type { Mode, Pool } from '../../../src/model/pool.js';
import type { Settings } from '../../../src/model/settings.js';
import { parseAddress, type Address } from '../../../src/net/address.js';
import { addressAt, parseCidr } from '../../../src/net/cidr.js';
import type { Mac } from '../../../src/net/mac.js';

export type ModeWord = 'Never' | 'Always' | 'CrossSubnet';

export interface PoolOptions {
  readonly vxlan?: ModeWord;
  readonly ipip?: ModeWord;
  readonly disabled?: boolean;
  readonly loadBalancerOnly?: boolean;
}

/**
 * An IPPool as sources yield it: both modes set is VXLAN, and crosses subnets where either says so. IPIP of an IPv6 pool is
 * what carries IPv6.
 */
export function pool(name: string, cidr: string, options: PoolOptions = {}): Pool {
  const { vxlan = 'Never', ipip = 'Never', disabled = false, loadBalancerOnly = false } = options;
  return {
    name,
    cidr: parseCidr(cidr),
    mode: modeOf(vxlan, ipip, cidr.includes(':') ? 'ip6ip' : 'ipip'),
    natOutgoing: false,
    loadBalancerOnly,
    disabled,
    blockSize: cidr.includes(':') ? 122 : 26,
  };
}

function modeOf(vxlan: ModeWord, ipip: ModeWord, byIp: 'ipip' | 'ip6ip'): Mode {
  if (vxlan === 'Never' && ipip === 'Never') return { when: 'never' };
  const when = vxlan === 'CrossSubnet' || ipip === 'CrossSubnet' ? 'cross-subnet' : 'always';
  return { when, encap: vxlan === 'Never' ? byIp : 'vxlan' };
}

export interface NodeOptions {
  readonly bgp?: string;
  readonly bgp6?: string;
  /** spec.bgp is there, and has nothing in it. */
  readonly emptyBgp?: boolean;
  readonly internal?: string;
  readonly internal6?: string;
  readonly external?: string;
  readonly external6?: string;
  readonly vxlan?: string;
  readonly vxlan6?: string;
  readonly mac?: string;
  readonly mac6?: string;
  readonly ipip?: string;
  /** More of spec.addresses. */
  readonly more?: readonly string[];
}

export function node(name: string, options: NodeOptions = {}): Node {
  const { bgp, bgp6, internal, internal6, external, external6, vxlan, vxlan6, mac, mac6, ipip } =
    options;
  const written = [bgp, bgp6, internal, internal6, external, external6, ...(options.more ?? [])];
  const set = bgp !== undefined || bgp6 !== undefined || ipip !== undefined;
  return {
    name: name as NodeName,
    ipv4: familyOf({ bgp, fallback: internal ?? external, tunnel: vxlan, mac, ipip }),
    ipv6: familyOf({ bgp: bgp6, fallback: internal6 ?? external6, tunnel: vxlan6, mac: mac6 }),
    bgpSection: set ? 'set' : options.emptyBgp === true ? 'empty' : 'absent',
    addresses: [
      ...new Set(written.flatMap((text) => (text === undefined ? [] : [written1(text).address]))),
    ],
    podCidrs: [],
  };
}

interface FamilyTexts {
  readonly bgp: string | undefined;
  readonly fallback: string | undefined;
  readonly tunnel: string | undefined;
  readonly mac: string | undefined;
  readonly ipip?: string | undefined;
}

function familyOf({ bgp, fallback, tunnel, mac, ipip }: FamilyTexts): NodeFamily {
  return {
    bgp: bgp === undefined ? undefined : written1(bgp),
    fallback: fallback === undefined ? undefined : written1(fallback),
    vxlanTunnelAddress: tunnel === undefined ? undefined : parseAddress(tunnel),
    vxlanTunnelMac: mac as Mac | undefined,
    ipipTunnelAddress: ipip === undefined ? undefined : parseAddress(ipip),
  };
}

function written1(text: string): InterfaceAddress & { hasPrefix: boolean } {
  const [address = '', length] = text.split('/');
  const bits = address.includes(':') ? 128 : 32;
  return {
    address: parseAddress(address),
    prefixLength: length === undefined ? bits : Number(length),
    hasPrefix: length !== undefined,
  };
}

/** A block, and by ordinal who has an address of it (null: allocated, but to no node that is known). */
export function block(
  cidr: string,
  owner: string | undefined,
  allocations: Readonly<Record<number, string | null>> = {},
): Block {
  const parsed = parseCidr(cidr);
  return {
    cidr: parsed,
    node: owner as NodeName | undefined,
    allocations: new Map(
      Object.entries(allocations).map(([ordinal, holder]) => [
        addressAt(parsed, Number(ordinal)),
        (holder ?? undefined) as NodeName | undefined,
      ]),
    ),
  };
}

export const defaults: Settings = {
  vxlanEnabled: undefined,
  ipipEnabled: undefined,
  vxlanPort: 4789,
  vxlanVni: 4096,
  mtu: { vxlan: 0, vxlanV6: 0, ipip: 0 },
  ipv6Support: true,
  externalNodes: [],
  allowVxlanFromWorkloads: false,
  allowIpipFromWorkloads: false,
  routeSource: 'CalicoIPAM',
  underlay: { interface: undefined, mtu: 0 },
  checks: {
    source: 'strict',
    destination: 'strict',
    vxlanReservedBits: 'strict',
    outerOptions: 'drop',
  },
  dscp: 'inherit',
  outerTtl: 64,
  sharedVxlanPort: true,
  receiveMerging: 'auto',
  kernelTunnels: 'leave',
  fastPath: 'never',
  beyondCalico: { ipv6PoolsOver: 'ipv6', ipv4PoolsOver: 'ipv4', ip6ip: false },
  zeroUdpChecksum: 'never',
  metrics: { listen: 'off', perPeer: true },
  health: { listen: 'off' },
  log: { level: 'info' },
  programClusterRoutes: 'EnabledIPIPOnly',
};

export interface World {
  readonly pools?: readonly Pool[];
  readonly nodes?: readonly Node[];
  readonly blocks?: readonly Block[];
  /** address → node */
  readonly workloads?: Readonly<Record<string, string>>;
  readonly settings?: Partial<Settings>;
}

export function world({ pools = [], nodes = [], blocks = [], ...rest }: World): Inventory {
  return {
    pools,
    blocks,
    nodes: new Map(nodes.map((one) => [one.name, one])),
    workloads:
      rest.workloads === undefined
        ? undefined
        : new Map<Address, NodeName>(
            Object.entries(rest.workloads).map(([text, name]) => [
              parseAddress(text),
              name as NodeName,
            ]),
          ),
    settings: { ...defaults, ...rest.settings },
  };
}
