import type { VxlanState } from './link.js';
import '../native.js';

/** One dump; `interrupted`: the table changed meanwhile, so the items are incomplete. */
export interface Dump<T> extends Answer {
  readonly items: readonly T[];
  readonly interrupted: boolean;
}

/** What the kernel said: errno 0, or the refusal in its own words. */
export interface Answer {
  readonly errno: number;
  readonly cause: string;
}

/** create: fails where it exists (EEXIST). */
export type Verb = 'create' | 'replace' | 'remove';

export interface RawLink {
  readonly index: number;
  readonly type: number;
  readonly flags: number;
  readonly name: string;
  readonly mtu: number;
  readonly mac: string | undefined;
  readonly kind: string | undefined;
  readonly group: number;
  readonly master: number | undefined;
  readonly parent: number | undefined;
  readonly parentNamespace: number | undefined;
  readonly vxlan: VxlanState | undefined;
  readonly operState: number | undefined;
  readonly reversePathFilter: number | undefined;
  readonly addressGeneration: number | undefined;
}

/** What is undefined stays as it is. */
export interface RawLinkChange {
  readonly index: number;
  readonly mac: string | undefined;
  readonly mtu: number | undefined;
  /** Those of the mask only. */
  readonly flags: number | undefined;
  readonly flagMask: number | undefined;
  readonly group: number | undefined;
  readonly reversePathFilter: number | undefined;
  readonly addressGeneration: number | undefined;
}

export interface RawVtep {
  readonly name: string;
  readonly mac: string | undefined;
  readonly mtu: number | undefined;
  readonly vni: number;
  readonly port: number;
  readonly parent: number | undefined;
  readonly family: number;
  readonly local: string;
}

export interface RawFeature {
  readonly name: string;
  readonly active: boolean;
  readonly changeable: boolean;
}

export interface RawAddress {
  readonly index: number;
  readonly family: number;
  readonly address: string;
  readonly prefixLength: number;
  readonly scope: number;
  readonly flags: number;
  readonly metric: number;
  readonly label: string | undefined;
  readonly peer: string | undefined;
  readonly broadcast: string | undefined;
}

export interface RawNextHop {
  readonly index: number;
  readonly gateway: string | undefined;
  readonly weight: number;
  readonly flags: number;
}

export interface RawRoute {
  readonly family: number;
  /** Missing where the prefix length is 0. */
  readonly destination: string | undefined;
  readonly prefixLength: number;
  readonly from: string | undefined;
  readonly fromLength: number;
  readonly tos: number;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
  readonly flags: number;
  readonly gateway: string | undefined;
  readonly index: number | undefined;
  readonly priority: number;
  readonly source: string | undefined;
  readonly mtu: number | undefined;
  readonly nextHops: readonly RawNextHop[] | undefined;
  readonly nextHopId: number | undefined;
}

export interface RawNeighbour {
  readonly index: number;
  readonly family: number;
  readonly address: string;
  readonly mac: string | undefined;
  readonly state: number;
  readonly flags: number;
}

export interface RawRule {
  readonly family: number;
  readonly priority: number;
  readonly action: number;
  readonly table: number;
  readonly protocol: number;
  readonly suppressGroup: number | undefined;
}

export interface RawForwarding {
  readonly index: number;
  readonly mac: string;
  readonly family: number;
  readonly to: string;
}

export interface NativeNetlinkSocket {
  links(): Dump<RawLink>;
  addresses(family: number): Dump<RawAddress>;
  /** table and protocol: 0 is any. */
  routes(family: number, table: number, protocol: number): Dump<RawRoute>;
  neighbours(family: number, proxy: boolean): Dump<RawNeighbour>;
  rules(family: number): Dump<RawRule>;
  link(fields: RawLinkChange): Answer;
  veth(name: string, peer: string): Answer;
  vxlan(name: string, port: number, vniFilter: boolean): Answer;
  vtep(fields: RawVtep): Answer;
  ipip(name: string): Answer;
  removeLink(index: number): Answer;
  features(index: number): Dump<RawFeature>;
  setFeatures(index: number, wanted: readonly (readonly [string, boolean])[]): Answer;
  address(verb: Verb, fields: RawAddress): Answer;
  route(verb: Verb, fields: RawRoute): Answer;
  neighbour(verb: Verb, fields: RawNeighbour): Answer;
  rule(verb: Verb, fields: RawRule): Answer;
  forwarding(verb: Verb, fields: RawForwarding): Answer;
  inside<T>(run: () => T): T;
  close(): void;
}

export interface NativeNamespace {
  path(): string;
  close(): void;
}

/** `message` is the RTM_ type; 0: the kernel dropped some. */
export interface RawEvent {
  readonly message: number;
  readonly state: unknown;
}

export interface NativeNetlinkWatch {
  /** Calls back once when there is something to read. */
  wait(callback: () => void): void;
  read(): readonly RawEvent[];
  close(): void;
}

declare module '../native.js' {
  interface Native {
    inNamespace<T>(path: string, run: () => T): T;
    readonly Namespace: new () => NativeNamespace;
    netfilterRules(): { readonly errno: number; readonly rules: number };
    readonly NetlinkSocket: new (namespace: string | undefined) => NativeNetlinkSocket;
    readonly NetlinkWatch: new (groups: readonly number[]) => NativeNetlinkWatch;
  }
}
