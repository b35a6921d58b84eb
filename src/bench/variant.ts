import type { Carrier } from '../lab/topology.js';

/** What carries the packets from one workload to the other. */
export interface Variant {
  readonly title: string;
  readonly carrier: Carrier;
  /** How the pool of the agents' nodes travels: members of an IPPool's spec. */
  readonly pool?: Readonly<Record<'vxlanMode' | 'ipipMode', 'Always' | 'Never'>>;
  /** What the agents' NodeConfig says besides its defaults. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

const vxlan = { vxlanMode: 'Always', ipipMode: 'Never' } as const;
const ipip = { vxlanMode: 'Never', ipipMode: 'Always' } as const;

/** A mode of ours that is to be measured is a line here. */
export const variants = {
  direct: { title: 'plain routing, no encapsulation', carrier: 'kernel-direct' },
  'kernel-vxlan': {
    title: 'the kernel’s vxlan device, as Calico wires it',
    carrier: 'kernel-vxlan',
  },
  'kernel-vxlan-external': {
    title: 'the kernel’s vxlan device, told by each route where to (collect metadata)',
    carrier: 'kernel-vxlan-external',
  },
  'kernel-ipip': { title: 'the kernel’s ipip device, as Calico wires it', carrier: 'kernel-ipip' },
  'encapd-vxlan': { title: 'encapd, VXLAN', carrier: 'encap', pool: vxlan },
  'encapd-vxlan-unmerged': {
    title: 'encapd, VXLAN, receiveMerging: off',
    carrier: 'encap',
    pool: vxlan,
    settings: { receiveMerging: 'off' },
  },
  'encapd-vxlan-guarded': {
    title: 'encapd, VXLAN, fastPath: guarded',
    carrier: 'encap',
    pool: vxlan,
    settings: { fastPath: 'guarded' },
  },
  'encapd-vxlan-always': {
    title: 'encapd, VXLAN, fastPath: always',
    carrier: 'encap',
    pool: vxlan,
    settings: { fastPath: 'always' },
  },
  'encapd-ipip': { title: 'encapd, IP-in-IP', carrier: 'encap', pool: ipip },
  'encapd-ipip-guarded': {
    title: 'encapd, IP-in-IP, fastPath: guarded',
    carrier: 'encap',
    pool: ipip,
    settings: { fastPath: 'guarded' },
  },
  'encapd-ipip-always': {
    title: 'encapd, IP-in-IP, fastPath: always',
    carrier: 'encap',
    pool: ipip,
    settings: { fastPath: 'always' },
  },
} as const satisfies Readonly<Record<string, Variant>>;

export type VariantName = keyof typeof variants;

export const variantNames = Object.keys(variants) as readonly VariantName[];

/** What all others are divided by, if nothing else is asked for. */
export const usualBase: VariantName = 'kernel-vxlan';
