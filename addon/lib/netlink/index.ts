export type { AddressPut, AddressState } from './address.js';
export type { Family } from './family.js';
export type { LinkFeature } from './features.js';
export type {
  AddressGeneration,
  ForwardingPut,
  LinkChange,
  LinkState,
  OperState,
  VethPut,
  VtepPut,
  VxlanPut,
  VxlanState,
} from './link.js';
export { netfilterRules } from './netfilter.js';
export type { NeighbourPut, NeighbourReachability, NeighbourState } from './neighbour.js';
export { routeProtocols, routeTables } from './route.js';
export type { NextHop, RoutePut, RouteState, RouteType } from './route.js';
export type { RulePut, RuleState } from './rule.js';
export type { Scope } from './scope.js';
export { Netlink } from './socket.js';
export type { NetlinkEvent, NetlinkGroup } from './watch.js';
