import { familyNumbers } from './family.js';
import {
  addressField,
  booleanField,
  indexField,
  integerField,
  macField,
  nameField,
  objectField,
  textField,
} from './field.js';
import type { RawForwarding, RawLink, RawLinkChange, RawVtep } from './native.js';

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
  /** What rules and ip(8) call interfaces together by; 0 unless someone set it. */
  readonly group: number;
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
  /** Its own rp_filter: 0 off, 1 strict, 2 loose; conf/all counts too, the larger one wins. undefined where IPv4 is missing. */
  readonly reversePathFilter: number | undefined;
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
  readonly group?: number | undefined;
  readonly reversePathFilter?: number | undefined;
  readonly addressGeneration?: AddressGeneration | undefined;
}

export interface VxlanState {
  /** UDP port that it listens on. */
  readonly port: number;
  /** 0 where it is external. */
  readonly vni: number | undefined;
  /** Address that it sends from, where it was told. */
  readonly local: string | undefined;
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

/** A vxlan device of one VNI that learns nothing: neighbours and `putForwarding` say where its packets go. */
export interface VtepPut {
  readonly name: string;
  readonly vni: number;
  /** UDP port. */
  readonly port: number;
  /** Source of the outer headers. */
  readonly local: string;
  /** Index of the interface that it sends by; without it routes decide. */
  readonly parent?: number | undefined;
  /** Random without it. */
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
}

/** To which host a vxlan device sends frames for a MAC: permanent, until it is replaced or removed. */
export interface ForwardingPut {
  /** Of the vxlan device. */
  readonly index: number;
  readonly mac: string;
  readonly to: string;
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
    group:
      change.group === undefined
        ? undefined
        : integerField(change.group, 'link.group', 0, 0x7fffffff),
    reversePathFilter:
      change.reversePathFilter === undefined
        ? undefined
        : integerField(change.reversePathFilter, 'link.reversePathFilter', 0, 2),
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

/** Checked fields, as rtnetlink takes them. */
export function vtepFields(put: VtepPut): RawVtep {
  objectField(put, 'vtep');
  const { family, text } = addressField(put.local, 'vtep.local');
  return {
    name: textField(put.name, 'vtep.name', IFNAMSIZ - 1),
    vni: integerField(put.vni, 'vtep.vni', 0, 0xffffff),
    port: integerField(put.port, 'vtep.port', 1, 0xffff),
    family: familyNumbers[family],
    local: text,
    parent: put.parent === undefined ? undefined : indexField(put.parent, 'vtep.parent'),
    mac: put.mac === undefined ? undefined : macField(put.mac, 'vtep.mac'),
    mtu: put.mtu === undefined ? undefined : integerField(put.mtu, 'vtep.mtu', 1, 0x7fffffff),
  };
}

/** Checked fields, as rtnetlink takes them. */
export function forwardingFields(put: ForwardingPut): RawForwarding {
  objectField(put, 'forwarding');
  const { family, text } = addressField(put.to, 'forwarding.to');
  return {
    index: indexField(put.index, 'forwarding.index'),
    mac: macField(put.mac, 'forwarding.mac'),
    family: familyNumbers[family],
    to: text,
  };
}

export function describeLink({
  index,
  mac,
  mtu,
  flagMask,
  group,
  reversePathFilter,
  addressGeneration,
}: RawLinkChange): string {
  const parts = [
    ...(mac === undefined ? [] : [`MAC ${mac}`]),
    ...(mtu === undefined ? [] : [`MTU ${mtu}`]),
    ...(flagMask === undefined ? [] : ['flags']),
    ...(group === undefined ? [] : [`group ${group}`]),
    ...(reversePathFilter === undefined ? [] : ['reverse path filter']),
    ...(addressGeneration === undefined ? [] : ['IPv6 address generation']),
  ];
  return `${parts.join(' and ')} of interface ${index}`;
}
