import { indexField, integerField, macField, objectField } from './field.js';
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
  /** Index of the bridge, bond or VRF that it is a port of. */
  readonly master: number | undefined;
  /** Index of the interface below it, or of a veth's other end; of another namespace where `parentNamespace` is given. */
  readonly parent: number | undefined;
  /** The kernel's id for the namespace that `parent` is in, where it is not this one. */
  readonly parentNamespace: number | undefined;
  /** ARPHRD_: 1 is Ethernet, 772 loopback. */
  readonly type: number;
}

/** What of an interface is to change; the rest stays. */
export interface LinkChange {
  readonly index: number;
  /** Most kinds take another only while they are down. */
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
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
const IFF_LOWER_UP = 1 << 16;

export function linkState({ flags, operState, ...link }: RawLink): LinkState {
  return {
    ...link,
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
  };
}

export function describeLink({ index, mac, mtu }: RawLinkChange): string {
  const parts = [
    ...(mac === undefined ? [] : [`MAC ${mac}`]),
    ...(mtu === undefined ? [] : [`MTU ${mtu}`]),
  ];
  return `${parts.join(' and ')} of interface ${index}`;
}
