import { familyName, familyNumbers, type Family } from './family.js';
import {
  addressField,
  booleanField,
  indexField,
  macField,
  nameField,
  objectField,
} from './field.js';
import type { RawNeighbour } from './native.js';

/** Who has an address on a link (ARP, RFC 826; neighbour discovery, RFC 4861). */
export interface NeighbourState {
  readonly index: number;
  readonly family: Family;
  readonly address: string;
  /** Missing while it is not known, and for proxies. */
  readonly mac: string | undefined;
  readonly state: NeighbourReachability;
  /** This node answers for the address; `state` means nothing then. */
  readonly proxy: boolean;
}

/** RFC 4861 section 7.3.2, and the kernel's own: noarp, permanent. */
export type NeighbourReachability = keyof typeof states;

/** Which MAC an address has. A NeighbourState is one, too. */
export interface NeighbourPut {
  readonly index: number;
  readonly address: string;
  /** Needed but for proxies and for removal. */
  readonly mac?: string | undefined;
  /** permanent: never asked for, never forgotten, but flushed when the link goes down or changes its MAC. */
  readonly state?: NeighbourReachability | undefined;
  readonly proxy?: boolean | undefined;
}

const states = {
  none: 0x00,
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
} as const;
const stateNames = Object.keys(states) as NeighbourReachability[];

const NTF_PROXY = 0x08;

export function neighbourState({
  family,
  state,
  flags,
  ...neighbour
}: RawNeighbour): NeighbourState {
  return {
    ...neighbour,
    family: familyName(family),
    state: stateNames.find((name) => states[name] === state) ?? 'none',
    proxy: (flags & NTF_PROXY) !== 0,
  };
}

/** Checked fields for the kernel; TypeError or RangeError names the wrong one. */
export function neighbourFields(put: NeighbourPut): RawNeighbour {
  objectField(put, 'neighbour');
  const { family, text } = addressField(put.address, 'neighbour.address');
  const proxy = put.proxy !== undefined && booleanField(put.proxy, 'neighbour.proxy');
  return {
    index: indexField(put.index, 'neighbour.index'),
    family: familyNumbers[family],
    address: text,
    mac: proxy || put.mac === undefined ? undefined : macField(put.mac, 'neighbour.mac'),
    state: states[nameField(put.state ?? 'permanent', 'neighbour.state', stateNames)],
    flags: proxy ? NTF_PROXY : 0,
  };
}

export function describeNeighbour({ address, mac, index, flags }: RawNeighbour): string {
  const what = (flags & NTF_PROXY) === 0 ? 'neighbour' : 'proxy neighbour';
  return `${what} ${address}${mac === undefined ? '' : ` at ${mac}`} of interface ${index}`;
}
