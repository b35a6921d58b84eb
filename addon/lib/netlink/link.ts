import {
  booleanField,
  indexField,
  integerField,
  macField,
  nameField,
  objectField,
  textField,
} from './field.js';
import type { RawLink, RawLinkChange } from './native.js';

/** A network interface. */
export interface LinkState {
  readonly index: number;
  readonly name: string;
  readonly mtu: number;
  /** Missing where the interface has no six-byte address. */
  readonly mac: string | undefined;
  /** Set up by an administrator (IFF_UP). */
  readonly up: boolean;
  /** The carrier is there (IFF_LOWER_UP). */
  readonly lowerUp: boolean;
  readonly operState: OperState;
  /** `veth`, `vxlan`, `bridge`…; missing for hardware and loopback. */
  readonly kind: string | undefined;
  /** Of the kind `vxlan` alone. */
  readonly vxlan: VxlanState | undefined;
  /** Index of the bridge, bond or VRF that it is a port of. */
  readonly master: number | undefined;
  /** Index of the interface below it, or of a veth's other end; of another namespace where `parentNamespace` is given. */
  readonly parent: number | undefined;
  /** The kernel's id for the namespace that `parent` is in, where it is not this one. */
  readonly parentNamespace: number | undefined;
  /** ARPHRD_: 1 is Ethernet, 772 loopback. */
  readonly type: number;
  /** Neighbours are asked for (not IFF_NOARP). */
  readonly arp: boolean;
  /** How IPv6 addresses make their interface identifier; undefined where IPv6 is missing. */
  readonly addressGeneration: AddressGeneration | undefined;
}

/** none: no link-local address comes by itself; stable-secret: RFC 7217. In the kernel's order. */
export type AddressGeneration = (typeof addressGenerations)[number];

const addressGenerations = ['eui64', 'none', 'stable-secret', 'random'] as const;

/** What of an interface is to change; the rest stays. */
export interface LinkChange {
  readonly index: number;
  /** Most kinds take another only while they are down. */
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
  readonly up?: boolean | undefined;
  readonly arp?: boolean | undefined;
  readonly addressGeneration?: AddressGeneration | undefined;
}

export interface VxlanState {
  /** UDP port that it listens on. */
  readonly port: number;
  /** Routes tell it where to (collect metadata), and it takes packets of every VNI. */
  readonly external: boolean;
  /** Of those VNIs only that it was told (Linux 5.18). */
  readonly vniFilter: boolean;
}

/** An external vxlan device. Kernels before 5.18 make one without a filter: read it back before it is set up. */
export interface VxlanPut {
  readonly name: string;
  /** UDP port. */
  readonly port: number;
  readonly vniFilter: boolean;
}

/** Names of the two ends of a veth pair. */
export interface VethPut {
  readonly name: string;
  readonly peer: string;
}

/** RFC 2863 section 3.1.14, in the kernel's order. */
export type OperState = (typeof operStates)[number];

const operStates = [
  'unknown',
  'notpresent',
  'down',
  'lowerlayerdown',
  'testing',
  'dormant',
  'up',
] as const;

const IFF_UP = 1 << 0;
const IFF_NOARP = 1 << 7;
const IFF_LOWER_UP = 1 << 16;
const IFNAMSIZ = 16;

export function linkState({ flags, operState, addressGeneration, ...link }: RawLink): LinkState {
  return {
    ...link,
    arp: (flags & IFF_NOARP) === 0,
    addressGeneration: addressGenerations[addressGeneration ?? NaN],
    up: (flags & IFF_UP) !== 0,
    lowerUp: (flags & IFF_LOWER_UP) !== 0,
    operState: operStates[operState ?? 0] ?? 'unknown',
  };
}

/** Checked fields for the kernel; TypeError or RangeError names the wrong one. */
export function linkFields(change: LinkChange): RawLinkChange {
  objectField(change, 'link');
  return {
    index: indexField(change.index, 'link.index'),
    mac: change.mac === undefined ? undefined : macField(change.mac, 'link.mac'),
    mtu: change.mtu === undefined ? undefined : integerField(change.mtu, 'link.mtu', 1, 0x7fffffff),
    ...flagsOf(change),
    addressGeneration:
      change.addressGeneration === undefined
        ? undefined
        : addressGenerations.indexOf(
            nameField(change.addressGeneration, 'link.addressGeneration', addressGenerations),
          ),
  };
}

function flagsOf({ up, arp }: LinkChange): Pick<RawLinkChange, 'flags' | 'flagMask'> {
  let [flags, flagMask] = [0, 0];
  if (up !== undefined) {
    flagMask |= IFF_UP;
    if (booleanField(up, 'link.up')) flags |= IFF_UP;
  }
  if (arp !== undefined) {
    flagMask |= IFF_NOARP;
    if (!booleanField(arp, 'link.arp')) flags |= IFF_NOARP;
  }
  return flagMask === 0 ? { flags: undefined, flagMask: undefined } : { flags, flagMask };
}

/** Checked names, as rtnetlink takes them. */
export function vethFields(put: VethPut): VethPut {
  objectField(put, 'veth');
  return {
    name: textField(put.name, 'veth.name', IFNAMSIZ - 1),
    peer: textField(put.peer, 'veth.peer', IFNAMSIZ - 1),
  };
}

/** Checked fields, as rtnetlink takes them. */
export function vxlanFields(put: VxlanPut): VxlanPut {
  objectField(put, 'vxlan');
  return {
    name: textField(put.name, 'vxlan.name', IFNAMSIZ - 1),
    port: integerField(put.port, 'vxlan.port', 1, 0xffff),
    vniFilter: booleanField(put.vniFilter, 'vxlan.vniFilter'),
  };
}

export function describeLink({
  index,
  mac,
  mtu,
  flagMask,
  addressGeneration,
}: RawLinkChange): string {
  const parts = [
    ...(mac === undefined ? [] : [`MAC ${mac}`]),
    ...(mtu === undefined ? [] : [`MTU ${mtu}`]),
    ...(flagMask === undefined ? [] : ['flags']),
    ...(addressGeneration === undefined ? [] : ['IPv6 address generation']),
  ];
  return `${parts.join(' and ')} of interface ${index}`;
}
