import { constants } from 'node:os';
import { NetlinkError } from '../error.js';
import { native } from '../native.js';
import {
  addressFields,
  addressState,
  describeAddress,
  isSameAddress,
  keepsAsAsked,
  type AddressPut,
  type AddressState,
} from './address.js';
import { families, familyNumbers, type Family } from './family.js';
import { indexField, integerField, nameField, textField } from './field.js';
import { featureFields, featuresOf, unlike, type LinkFeature } from './features.js';
import {
  describeLink,
  forwardingFields,
  linkFields,
  linkState,
  vethFields,
  vtepFields,
  vxlanFields,
  type ForwardingPut,
  type LinkChange,
  type LinkState,
  type VethPut,
  type VtepPut,
  type VxlanPut,
} from './link.js';
import type { Answer, Dump, NativeNetlinkSocket, RawRoute } from './native.js';
import {
  describeNeighbour,
  neighbourFields,
  neighbourState,
  type NeighbourPut,
  type NeighbourState,
} from './neighbour.js';
import {
  describeRoute,
  isSamePlace,
  routeFields,
  routeRemoval,
  routeState,
  type RoutePut,
  type RouteState,
} from './route.js';
import { describeRule, ruleFields, ruleState, type RulePut, type RuleState } from './rule.js';
import { netlinkGroups, Watch, type NetlinkEvent, type NetlinkGroup } from './watch.js';

const { EEXIST, ESRCH, ENOENT, ENODEV, EADDRNOTAVAIL, EOPNOTSUPP, EAFNOSUPPORT, EBUSY } =
  constants.errno;

/** What a removal is told where there is nothing to remove; ENODEV: the interface is gone, and all on it. */
const absent: ReadonlySet<number> = new Set([ESRCH, ENOENT, ENODEV, EADDRNOTAVAIL]);
/** What a dump is told where there is no such table, or no IPv6. */
const nothing: ReadonlySet<number> = new Set([ENOENT, EOPNOTSUPP, EAFNOSUPPORT]);
/** How often a dump is begun again because the table changed meanwhile. */
const attempts = 16;

/** An rtnetlink socket: reads and changes the network of the namespace that it was opened in, by interface index. */
export class Netlink implements Disposable {
  readonly #socket: NativeNetlinkSocket;
  readonly #watches = new Set<Watch>();

  private constructor(namespace: string | undefined) {
    this.#socket = new native.NetlinkSocket(namespace);
  }

  /** `namespace` is a path such as /run/netns/blue; without it, the one that this thread is in. */
  static open({ namespace }: { readonly namespace?: string | undefined } = {}): Netlink {
    return new Netlink(namespace);
  }

  links(): readonly LinkState[] {
    return dump('links', () => this.#socket.links()).map(linkState);
  }

  addresses(): readonly AddressState[] {
    return this.#addresses().map(addressState);
  }

  /** Of all tables and both families; multicast routes and cached exceptions are not among them. */
  routes(
    filter: { readonly table?: number; readonly protocol?: number } = {},
  ): readonly RouteState[] {
    const { table, protocol } = filter;
    if (table !== undefined) integerField(table, 'filter.table', 1, 0xffffffff);
    if (protocol !== undefined) integerField(protocol, 'filter.protocol', 1, 255);
    return families.flatMap((family) => this.#routes(family, table, protocol).map(routeState));
  }

  neighbours(): readonly NeighbourState[] {
    return families.flatMap((family) =>
      [false, true].flatMap((proxy) =>
        dump(`${family} neighbours`, () => this.#socket.neighbours(familyNumbers[family], proxy))
          .filter((neighbour) => neighbour.family === familyNumbers[family])
          .map(neighbourState),
      ),
    );
  }

  /** Of both families, in the order in which they count. */
  rules(): readonly RuleState[] {
    return families.flatMap((family) =>
      dump(`${family} rules`, () => this.#socket.rules(familyNumbers[family]))
        .filter((rule) => rule.family === familyNumbers[family])
        .map(ruleState),
    );
  }

  /** Makes a rule, behind all others of its priority; one that is there already stays where it is. */
  putRule(rule: RulePut): void {
    const fields = ruleFields(rule);
    const created = this.#socket.rule('create', fields);
    if (created.errno !== EEXIST) succeed('put', describeRule(fields), created);
  }

  /** False: it was not there. */
  removeRule(rule: RulePut): boolean {
    const fields = ruleFields(rule);
    return removed(describeRule(fields), this.#socket.rule('remove', fields));
  }

  /**
   * Makes a route, or replaces the one in its place (table, destination, priority, type of service) where that has the
   * same protocol. A route of another protocol is left alone: EEXIST.
   */
  putRoute(route: RoutePut): void {
    const fields = routeFields(route);
    const object = describeRoute(fields);
    const created = this.#socket.route('create', fields);
    if (created.errno !== EEXIST) return succeed('put', object, created);
    const foreign = this.#holders(fields).find(({ protocol }) => protocol !== fields.protocol);
    if (foreign !== undefined)
      throw new NetlinkError({
        operation: 'put',
        object,
        errno: EEXIST,
        cause: `a route of protocol ${foreign.protocol} is in its place, not one of protocol ${fields.protocol}`,
        hint: 'give the route another priority, or remove the other one first',
      });
    succeed('put', object, this.#socket.route('replace', fields));
  }

  /** Of this place and protocol only; gateway, index and type narrow it where they are given. False: it was not there. */
  removeRoute(route: RoutePut): boolean {
    const fields = routeRemoval(route);
    // In a removal the kernel takes priority 0 for any (fib_nh_match).
    const vague = fields.priority === 0;
    if (vague && !this.#holders(fields).some(({ protocol }) => protocol === fields.protocol))
      return false;
    return removed(describeRoute(fields), this.#socket.route('remove', fields));
  }

  /** Makes a neighbour entry, or replaces the one of that address, whatever state it is in. */
  putNeighbour(neighbour: NeighbourPut): void {
    const fields = neighbourFields(neighbour);
    if (fields.mac === undefined && neighbour.proxy !== true)
      throw new TypeError('neighbour.mac must be given');
    succeed('put', describeNeighbour(fields), this.#socket.neighbour('replace', fields));
  }

  /** False: it was not there. */
  removeNeighbour(neighbour: NeighbourPut): boolean {
    const fields = { ...neighbourFields(neighbour), mac: undefined, state: 0 };
    return removed(describeNeighbour(fields), this.#socket.neighbour('remove', fields));
  }

  /** Changes an interface that is there. */
  changeLink(change: LinkChange): void {
    const fields = linkFields(change);
    succeed('set', describeLink(fields), this.#socket.link(fields));
  }

  /** Makes a veth pair, both ends in this namespace and down. */
  makeVeth(veth: VethPut): void {
    const { name, peer } = vethFields(veth);
    succeed('make', `veth pair ${name} and ${peer}`, this.#socket.veth(name, peer));
  }

  /** Makes an external vxlan device, down. */
  makeVxlan(vxlan: VxlanPut): void {
    const { name, port, vniFilter } = vxlanFields(vxlan);
    succeed('make', `vxlan ${name} on port ${port}`, this.#socket.vxlan(name, port, vniFilter));
  }

  /** Makes a vxlan device of one VNI that learns nothing, down. */
  makeVtep(vtep: VtepPut): void {
    const fields = vtepFields(vtep);
    const object = `vxlan ${fields.name} of VNI ${fields.vni} on port ${fields.port}`;
    succeed('make', object, this.#socket.vtep(fields));
  }

  /** Makes an IP-in-IP device of any remote end, down: the next hop of a route says where its packets go. */
  makeIpip(name: string): void {
    const checked = textField(name, 'name', 15);
    succeed('make', `ipip ${checked}`, this.#socket.ipip(checked));
  }

  /** Says to which host a vxlan device sends frames for a MAC, in place of whatever was said before. */
  putForwarding(forwarding: ForwardingPut): void {
    const fields = forwardingFields(forwarding);
    const object = `forwarding of ${fields.mac} by interface ${fields.index} to ${fields.to}`;
    succeed('put', object, this.#socket.forwarding('replace', fields));
  }

  /** A veth takes its other end along. False: it was not there. */
  removeLink(index: number): boolean {
    indexField(index, 'index');
    return removed(`interface ${index}`, this.#socket.removeLink(index));
  }

  /** What an interface does by itself for the kernel (ethtool -k), by the kernel's names: tx-tcp-segmentation, rx-gro… */
  features(index: number): ReadonlyMap<string, LinkFeature> {
    indexField(index, 'index');
    return featuresOf(dump(`features of interface ${index}`, () => this.#socket.features(index)));
  }

  /** Switches features on or off; NetlinkError when one is not as wanted afterwards. */
  setFeatures(index: number, wanted: ReadonlyMap<string, boolean>): void {
    indexField(index, 'index');
    const fields = featureFields(wanted);
    const object = `features of interface ${index}`;
    succeed('set', object, this.#socket.setFeatures(index, fields));
    const left = unlike(this.features(index), fields);
    if (left.length > 0)
      throw new NetlinkError({
        operation: 'set',
        object,
        errno: EOPNOTSUPP,
        cause: `this interface does not take ${left.join(', ')}`,
        hint: 'see which ones are fixed: features(index)',
      });
  }

  /** Makes an address, or brings its flags up to date where it is there. */
  putAddress(address: AddressPut): void {
    const fields = addressFields(address);
    const object = describeAddress(fields);
    const created = this.#socket.address('create', fields);
    if (created.errno !== EEXIST) return succeed('put', object, created);
    const held = this.#addresses().find((candidate) => isSameAddress(candidate, fields));
    if (fields.family === familyNumbers.ipv4 && held !== undefined && !keepsAsAsked(held, fields))
      throw new NetlinkError({
        operation: 'put',
        object,
        errno: EEXIST,
        cause: 'it is there with another scope, label, broadcast address or prefix route',
        hint: 'the kernel changes none of these in place: remove the address first',
      });
    succeed('put', object, this.#socket.address('replace', fields));
  }

  /** False: it was not there. With an IPv4 address go the secondary ones of its prefix, unless promote_secondaries is set. */
  removeAddress(address: AddressPut): boolean {
    const fields = addressFields(address);
    return removed(describeAddress(fields), this.#socket.address('remove', fields));
  }

  /**
   * Changes from now on, until the signal fires, the iterator returns or the socket closes; it keeps the process alive.
   * The kernel does not tell of IPv4 routes that go with their interface or their preferred source: dump them again after its event.
   */
  watch(
    groups: readonly NetlinkGroup[],
    signal?: AbortSignal,
  ): AsyncIterableIterator<NetlinkEvent> {
    if (!Array.isArray(groups) || groups.length === 0)
      throw new TypeError('groups must be an array of at least one group');
    const checked = groups.map((group: unknown, place) =>
      nameField(group, `groups[${place}]`, netlinkGroups),
    );
    const abort = () => watch.end();
    const watch = this.#socket.inside(
      () =>
        new Watch(checked, () => {
          this.#watches.delete(watch);
          signal?.removeEventListener('abort', abort);
        }),
    );
    this.#watches.add(watch);
    if (signal?.aborted === true) watch.end();
    else signal?.addEventListener('abort', abort, { once: true });
    return watch;
  }

  /** Closes the socket and ends its watches. */
  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch.end();
    this.#socket.close();
  }

  #addresses() {
    return families.flatMap((family) =>
      dump(`${family} addresses`, () => this.#socket.addresses(familyNumbers[family])).filter(
        (address) => address.family === familyNumbers[family],
      ),
    );
  }

  /** Filtered once more: kernels before 4.20 ignore the filter, and one without IPv6 answers with IPv4. */
  #routes(family: Family, table = 0, protocol = 0): readonly RawRoute[] {
    const number = familyNumbers[family];
    return dump(`${family} routes`, () => this.#socket.routes(number, table, protocol)).filter(
      (route) =>
        route.family === number &&
        (table === 0 || route.table === table) &&
        (protocol === 0 || route.protocol === protocol),
    );
  }

  #holders(fields: RawRoute): readonly RawRoute[] {
    const family = fields.family === familyNumbers.ipv4 ? 'ipv4' : 'ipv6';
    return this.#routes(family, fields.table).filter((route) => isSamePlace(route, fields));
  }
}

function dump<T>(object: string, ask: () => Dump<T>): readonly T[] {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { errno, cause, interrupted, items } = ask();
    if (nothing.has(errno)) return [];
    if (errno !== 0) throw new NetlinkError({ operation: 'read', object, errno, cause });
    if (!interrupted) return items;
  }
  throw new NetlinkError({
    operation: 'read',
    object,
    errno: EBUSY,
    cause: `they changed during each of ${attempts} dumps`,
    hint: 'something changes them without pause: ip monitor shows what',
  });
}

function succeed(operation: string, object: string, { errno, cause }: Answer): void {
  if (errno !== 0) throw new NetlinkError({ operation, object, errno, cause });
}

function removed(object: string, answer: Answer): boolean {
  if (absent.has(answer.errno)) return false;
  succeed('remove', object, answer);
  return true;
}
