import { familyName, familyNumbers, type Family } from './family.js';
import {
  addressField,
  booleanField,
  cidrField,
  indexField,
  integerField,
  nameField,
  objectField,
} from './field.js';
import type { RawNextHop, RawRoute } from './native.js';
import { scopeField, scopeName, type Scope } from './scope.js';

/** A route of any table. Table, destination, priority and (IPv4) type of service are its place. */
export interface RouteState {
  readonly family: Family;
  /** Canonical CIDR; 0.0.0.0/0 or ::/0 is the default route. */
  readonly destination: string;
  /** IPv6 source-specific routes: the CIDR that a packet must come from. */
  readonly from: string | undefined;
  readonly tos: number;
  readonly table: number;
  /** Who made it: see `routeProtocols`. */
  readonly protocol: number;
  readonly scope: Scope;
  readonly type: RouteType;
  /** The lowest wins; also known as metric. */
  readonly priority: number;
  /** May be an IPv6 address in an IPv4 route (RFC 5549). */
  readonly gateway: string | undefined;
  readonly index: number | undefined;
  /** Preferred source of this node's own packets. */
  readonly source: string | undefined;
  readonly mtu: number | undefined;
  /** The gateway is taken to be on the link, whatever the addresses say. */
  readonly onlink: boolean;
  /** Of a multipath route; then it has no gateway and index of its own. */
  readonly nextHops: readonly NextHop[] | undefined;
  /** Of a nexthop object (ip nexthop) that the route uses. */
  readonly nextHopId: number | undefined;
}

export interface NextHop {
  readonly index: number;
  readonly gateway?: string | undefined;
  /** 1 to 256; 1 by default. */
  readonly weight?: number | undefined;
  readonly onlink?: boolean | undefined;
}

/** A place, and what to do with packets there. A RouteState is one, too. */
export interface RoutePut {
  readonly destination: string;
  readonly from?: string | undefined;
  readonly tos?: number | undefined;
  /** main (254) by default. */
  readonly table?: number | undefined;
  /** static (4) by default. Routes of other protocols are never replaced and never removed. */
  readonly protocol?: number | undefined;
  /** IPv4: link without a gateway, else global, as ip(8) does; IPv6 has none. */
  readonly scope?: Scope | undefined;
  /** unicast by default; for a removal: any. */
  readonly type?: RouteType | undefined;
  /** 0 by default; 1024 for IPv6, which has no 0. */
  readonly priority?: number | undefined;
  readonly gateway?: string | undefined;
  readonly index?: number | undefined;
  readonly source?: string | undefined;
  readonly mtu?: number | undefined;
  readonly onlink?: boolean | undefined;
  readonly nextHops?: readonly NextHop[] | undefined;
  readonly nextHopId?: number | undefined;
}

/** rtnetlink(7); the kernel's order. */
export type RouteType = (typeof types)[number];

const types = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
] as const;

/** Tables that every namespace has. */
export const routeTables = { default: 253, main: 254, local: 255 } as const;

/** Makers of routes with a number of their own (/etc/iproute2/rt_protos); a program may choose another one. */
export const routeProtocols = {
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  ra: 9,
  bird: 12,
} as const;

const RTNH_F_ONLINK = 4;
const IP6_RT_PRIO_USER = 1024;
const U32 = 0xffffffff;
const scopes = { global: 0, link: 253, host: 254, nowhere: 255 } as const;

export function routeState(raw: RawRoute): RouteState {
  const any = raw.family === familyNumbers.ipv4 ? '0.0.0.0' : '::';
  return {
    family: familyName(raw.family),
    destination: `${raw.destination ?? any}/${raw.prefixLength}`,
    from: raw.fromLength === 0 ? undefined : `${raw.from ?? any}/${raw.fromLength}`,
    tos: raw.tos,
    table: raw.table,
    protocol: raw.protocol,
    scope: scopeName(raw.scope),
    type: types[raw.type] ?? 'unspec',
    priority: raw.priority,
    gateway: raw.gateway,
    index: raw.index,
    source: raw.source,
    mtu: raw.mtu,
    onlink: (raw.flags & RTNH_F_ONLINK) !== 0,
    nextHops: raw.nextHops?.map(({ flags, ...hop }) => ({
      ...hop,
      onlink: (flags & RTNH_F_ONLINK) !== 0,
    })),
    nextHopId: raw.nextHopId,
  };
}

/** Checked fields for the kernel; TypeError or RangeError names the wrong one. */
export function routeFields(put: RoutePut): RawRoute {
  objectField(put, 'route');
  const { family, text, prefixLength } = cidrField(put.destination, 'route.destination');
  const from = put.from === undefined ? undefined : cidrField(put.from, 'route.from');
  if (from !== undefined && (from.family !== family || family === 'ipv4'))
    throw new TypeError('route.from is for IPv6 routes and must be an IPv6 CIDR');
  const type = nameField(put.type ?? 'unicast', 'route.type', types);
  const gateway = optional(put.gateway, (value) => gatewayField(value, 'route.gateway', family));
  const nextHops = optional(put.nextHops, (value) => nextHopsField(value, family));
  const nextHopId = optional(put.nextHopId, (value) =>
    integerField(value, 'route.nextHopId', 1, U32),
  );
  const index = optional(put.index, (value) => indexField(value, 'route.index'));
  const onlink = optional(put.onlink, (value) => booleanField(value, 'route.onlink')) ?? false;
  const own = nextHopId === undefined; // a nexthop object says all of these itself
  return {
    family: familyNumbers[family],
    destination: text,
    prefixLength,
    from: from?.text,
    fromLength: from?.prefixLength ?? 0,
    tos: integerField(put.tos ?? 0, 'route.tos', 0, family === 'ipv4' ? 255 : 0),
    table: integerField(put.table ?? routeTables.main, 'route.table', 1, U32),
    protocol: integerField(put.protocol ?? routeProtocols.static, 'route.protocol', 1, 255),
    scope: scopeOf(put, family, type, gateway ?? nextHops?.[0]?.gateway),
    type: types.indexOf(type),
    flags: own && onlink ? RTNH_F_ONLINK : 0,
    gateway: own ? gateway : undefined,
    index: own ? index : undefined,
    priority: priorityOf(put, family),
    source: optional(put.source, (value) => addressField(value, 'route.source', family).text),
    mtu: optional(put.mtu, (value) => integerField(value, 'route.mtu', 1, U32)),
    nextHops: own ? nextHops : undefined,
    nextHopId,
  };
}

/** The same, for a removal: what is not given is not compared. */
export function routeRemoval(put: RoutePut): RawRoute {
  return {
    ...routeFields(put),
    scope: scopes.nowhere, // any
    type: put.type === undefined ? 0 : types.indexOf(put.type),
    source: undefined,
    mtu: undefined,
  };
}

/** The kernel's own key: two routes of one place replace each other. */
export function isSamePlace(a: RawRoute, b: RawRoute): boolean {
  return (
    a.family === b.family &&
    a.table === b.table &&
    a.prefixLength === b.prefixLength &&
    (a.prefixLength === 0 || a.destination === b.destination) &&
    a.fromLength === b.fromLength &&
    (a.fromLength === 0 || a.from === b.from) &&
    a.priority === b.priority &&
    a.tos === b.tos
  );
}

export function describeRoute(raw: RawRoute): string {
  const { destination, gateway, index, table, priority } = routeState(raw);
  return [
    `route ${destination}`,
    ...(gateway === undefined ? [] : [`via ${gateway}`]),
    ...(index === undefined ? [] : [`of interface ${index}`]),
    `in table ${table}`,
    ...(priority === 0 ? [] : [`with priority ${priority}`]),
  ].join(' ');
}

function optional<A, B>(value: A | undefined, check: (value: A) => B): B | undefined {
  return value === undefined ? undefined : check(value);
}

function gatewayField(value: string, what: string, family: Family): string {
  return addressField(value, what, family === 'ipv6' ? 'ipv6' : undefined).text;
}

function nextHopsField(value: unknown, family: Family): RawNextHop[] {
  if (!Array.isArray(value)) throw new TypeError('route.nextHops must be an array');
  if (value.length === 0) throw new RangeError('route.nextHops must not be empty');
  return value.map((hop: NextHop, place) => {
    const what = `route.nextHops[${place}]`;
    objectField(hop, what);
    const gateway = optional(hop.gateway, (text) => gatewayField(text, `${what}.gateway`, family));
    return {
      index: indexField(hop.index, `${what}.index`),
      gateway,
      weight: integerField(hop.weight ?? 1, `${what}.weight`, 1, 256),
      flags:
        hop.onlink !== undefined && booleanField(hop.onlink, `${what}.onlink`) ? RTNH_F_ONLINK : 0,
    };
  });
}

/** IPv6 takes 0 for its default, so that a route put with 0 would come back with 1024. */
function priorityOf({ priority }: RoutePut, family: Family): number {
  const given = integerField(priority ?? 0, 'route.priority', 0, U32);
  return given === 0 && family === 'ipv6' ? IP6_RT_PRIO_USER : given;
}

/** The defaults of ip(8); the kernel refuses a gateway that is not nearer than its route (fib_check_nh). */
function scopeOf(
  put: RoutePut,
  family: Family,
  type: RouteType,
  gateway: string | undefined,
): number {
  if (put.scope !== undefined) return scopeField(put.scope, 'route.scope');
  if (family === 'ipv6') return scopes.global;
  if (type === 'local' || type === 'nat') return scopes.host;
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return scopes.link;
  const direct = type === 'unicast' && gateway === undefined && put.nextHopId === undefined;
  return direct ? scopes.link : scopes.global;
}
