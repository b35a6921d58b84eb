import { familyName, familyNumbers, type Family } from './family.js';
import {
  addressField,
  booleanField,
  indexField,
  integerField,
  objectField,
  textField,
} from './field.js';
import type { RawAddress } from './native.js';
import { scopeField, scopeName, type Scope } from './scope.js';

/** An address of an interface. */
export interface AddressState {
  readonly index: number;
  readonly family: Family;
  readonly address: string;
  readonly prefixLength: number;
  readonly scope: Scope;
  /** IPv4 only: the interface's name, or name:alias. */
  readonly label: string | undefined;
  /** The other end of a point-to-point link; then the prefix is its. */
  readonly peer: string | undefined;
  readonly broadcast: string | undefined;
  /** Priority of its prefix route, since 4.18; 0: the kernel's default. */
  readonly metric: number;
  /** The kernel made no route for its prefix. */
  readonly noPrefixRoute: boolean;
  /** Duplicate address detection has not finished: not usable yet (RFC 4862). */
  readonly tentative: boolean;
  /** Another node has it. */
  readonly duplicate: boolean;
}

/** Which address of which interface. An AddressState is one, too. */
export interface AddressPut {
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
  /** IPv4: global; IPv6 derives it from the address. */
  readonly scope?: Scope | undefined;
  readonly label?: string | undefined;
  readonly peer?: string | undefined;
  readonly broadcast?: string | undefined;
  /** 0 by default. */
  readonly metric?: number | undefined;
  readonly noPrefixRoute?: boolean | undefined;
  /** IPv6: usable at once, without duplicate address detection. */
  readonly noDad?: boolean | undefined;
}

const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_NOPREFIXROUTE = 0x200;
const IFNAMSIZ = 16;

export function addressState({ family, scope, flags, ...address }: RawAddress): AddressState {
  return {
    ...address,
    family: familyName(family),
    scope: scopeName(scope),
    noPrefixRoute: (flags & IFA_F_NOPREFIXROUTE) !== 0,
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
    duplicate: (flags & IFA_F_DADFAILED) !== 0,
  };
}

/** Checked fields for the kernel; TypeError or RangeError names the wrong one. */
export function addressFields(put: AddressPut): RawAddress {
  objectField(put, 'address');
  const { family, text } = addressField(put.address, 'address.address');
  const other = (value: string | undefined, what: string) =>
    value === undefined ? undefined : addressField(value, what, family).text;
  const flag = (value: boolean | undefined, what: string, bit: number) =>
    value !== undefined && booleanField(value, what) ? bit : 0;
  return {
    index: indexField(put.index, 'address.index'),
    family: familyNumbers[family],
    address: text,
    prefixLength: integerField(
      put.prefixLength,
      'address.prefixLength',
      0,
      family === 'ipv4' ? 32 : 128,
    ),
    scope: put.scope === undefined ? 0 : scopeField(put.scope, 'address.scope'),
    label:
      put.label === undefined ? undefined : textField(put.label, 'address.label', IFNAMSIZ - 1),
    metric: integerField(put.metric ?? 0, 'address.metric', 0, 0xffffffff),
    peer: other(put.peer, 'address.peer'),
    broadcast: other(put.broadcast, 'address.broadcast'),
    flags:
      flag(put.noPrefixRoute, 'address.noPrefixRoute', IFA_F_NOPREFIXROUTE) |
      flag(put.noDad, 'address.noDad', IFA_F_NODAD),
  };
}

/** The same address of the same interface, whatever else differs. */
export function isSameAddress(a: RawAddress, b: RawAddress): boolean {
  return (
    a.index === b.index &&
    a.address === b.address &&
    a.prefixLength === b.prefixLength &&
    a.peer === b.peer
  );
}

/** What a replacement leaves as it is on IPv4 (inet_rtm_newaddr), so that it must be equal already. */
export function keepsAsAsked(held: RawAddress, asked: RawAddress): boolean {
  return (
    held.scope === asked.scope &&
    (held.flags & IFA_F_NOPREFIXROUTE) === (asked.flags & IFA_F_NOPREFIXROUTE) &&
    (asked.label === undefined || held.label === asked.label) &&
    (asked.broadcast === undefined || held.broadcast === asked.broadcast)
  );
}

export function describeAddress({ address, prefixLength, index }: RawAddress): string {
  return `address ${address}/${prefixLength} of interface ${index}`;
}
