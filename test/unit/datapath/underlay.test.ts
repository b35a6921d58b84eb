import test from 'ava';
import { underlayOf, type Crossing } from '../../../src/datapath/underlay.js';
import type { Uplink } from '../../../src/datapath/uplink.js';
import type { Desired, PolicyName, Route } from '../../../src/model/desired.js';
import type { Address, Family } from '../../../src/net/address.js';
import type { Cidr } from '../../../src/net/cidr.js';
import type { Mac } from '../../../src/net/mac.js';
import { switchedOn, uplinkWith } from './uplinks.js';
import { desiredOf } from './worlds.js';

const world = desiredOf({
  pools: [{ encap: 'vxlan', crossSubnet: false, owners: [0, 1] }],
  nodes: [1],
});
const crosses = (): Crossing => 'crosses families';
const uplink = uplinkWith();

test('a pool gets one route by nobody, with the MTU that the outer headers leave', (t) => {
  t.deepEqual(underlayOf(world, uplink, crosses).routes.get('unicast 10.0.0.0/16 metric 0'), {
    type: 'unicast',
    destination: '10.0.0.0/16' as Cidr,
    gateway: '169.254.47.89' as Address,
    index: 7,
    source: undefined,
    mtu: 1450,
    priority: 0,
  });
});

test("the setting of FelixConfiguration wins over the underlay's MTU", (t) => {
  const routes = new Map([...world.routes].map(([cidr, route]) => [cidr, { ...route, mtu: 1400 }]));
  const route = underlayOf({ ...world, routes }, uplink, crosses).routes.get(
    'unicast 10.0.0.0/16 metric 0',
  );
  t.is(route?.type === 'unicast' ? route.mtu : undefined, 1400);
});

test('unused addresses of a local block go nowhere; other blocks get no route of their own', (t) => {
  const { routes } = underlayOf(world, uplink, crosses);
  t.is(routes.get('blackhole 10.0.0.0/26 metric 14747')?.type, 'blackhole');
  t.false([...routes.values()].some(({ destination }) => destination === '10.0.1.0/26'));
});

test('a borrowed address of ours gets no blackhole: its workload has a route', (t) => {
  const blocks = new Map(world.blocks).set('10.0.1.9/32' as Cidr, {
    peer: 'self',
    policy: [...world.policies.keys()][0] ?? ('' as never),
  });
  t.false(
    underlayOf({ ...world, blocks }, uplink, crosses).routes.has(
      'blackhole 10.0.1.9/32 metric 14747',
    ),
  );
});

test('while the pool route is gone, nothing of the pool leaves by a default route', (t) => {
  t.deepEqual(
    underlayOf(world, uplink, crosses).routes.get('unreachable 10.0.0.0/16 metric 2147483647'),
    {
      type: 'unreachable',
      destination: '10.0.0.0/16' as Cidr,
      priority: 0x7fffffff,
    },
  );
});

test('an IPv6 pool gets the same, by a next hop of its family and metrics that IPv6 keeps', (t) => {
  const cidr = 'fd00::/64' as Cidr;
  const routes = new Map([[cidr, { source: undefined, mtu: 0, overheadBytes: 70 }]]);
  const underlay = underlayOf({ ...world, routes }, uplink, crosses);
  t.like(underlay.routes.get('unicast fd00::/64 metric 1'), {
    gateway: 'fe80::fefe' as Address,
    mtu: 1430,
  });
  t.true(underlay.routes.has('unreachable fd00::/64 metric 2147483647'));
  t.deepEqual([...underlay.neighbours.keys()], ['fe80::fefe dev 7']);
});

/** A desired state with one IPv6 pool more, which travels over a family. */
function withIpv6Pool(over: Family, more: Partial<Route> = {}): Desired {
  const policy = { sameSubnet: 'vxlan', otherSubnet: 'vxlan', accepted: ['vxlan'] } as const;
  return {
    ...world,
    self: {
      ...world.self,
      ipv6: {
        address: 'fd00:1::1' as Address,
        prefixLength: 64,
        vtepMac: '66:00:00:00:00:01' as Mac,
        tunnelAddresses: ['fd00::1' as Address],
      },
    },
    routes: new Map([
      ...world.routes,
      [cidr6, { source: undefined, mtu: 0, overheadBytes: over === 'ipv6' ? 70 : 50, ...more }],
    ]),
    policies: new Map([
      ...world.policies,
      [cidr6 as string as PolicyName, { ...policy, underlay: over }],
    ]),
  };
}

const cidr6 = 'fd00::/64' as Cidr;

/** Both families as the kernel has them: keys of all routes. */
function keys(desired: Desired, more: Partial<Uplink>, crossing = crosses): readonly string[] {
  return [...underlayOf(desired, uplinkWith(more), crossing).routes.keys()];
}

const guard6 = 'unreachable fd00::/64 metric 2147483647';
const ipv4Routes = [
  'blackhole 10.0.0.0/26 metric 14747',
  'unreachable 10.0.0.0/16 metric 2147483647',
  'unicast 10.0.0.0/16 metric 0',
];

test('a pool over the other family is carried where the kernel can; else its packets are refused', (t) => {
  const over4 = withIpv6Pool('ipv4');
  t.is(underlayOf(over4, uplink, crosses).notCarried.size, 0);
  const underlay = underlayOf(over4, uplink, () => 'one family');
  t.regex(underlay.notCarried.get(cidr6)?.message ?? '', /takes Linux 6\.3/);
  t.deepEqual([...underlay.routes.keys()], [...ipv4Routes, guard6]);
});

test('the first IPv4 tunnel address is NOBODY’s other end on the uplink, those of IPv6 are on lo', (t) => {
  const tunnelAddresses = ['fd00::1', '10.0.0.1', '10.0.0.2'] as Address[];
  const { ipv6 } = withIpv6Pool('ipv6').self;
  if (ipv6 === undefined) return t.fail();
  // An IPv4 pool may travel over IPv6, of a node without an IPv4 address.
  const self = { ipv4: undefined, ipv6: { ...ipv6, tunnelAddresses } };
  const { addresses } = underlayOf({ ...world, self }, uplink, crosses);
  t.deepEqual(Object.fromEntries(addresses), {
    'fd00::1': { index: 1, peer: undefined, isFirst: false },
    '10.0.0.1': { index: 7, peer: '169.254.47.89' as Address, isFirst: false },
    '10.0.0.2': { index: 7, peer: undefined, isFirst: false },
  });
});

test('where IPv6 is off, its pools are refused with the reason, and IPv4 goes on', (t) => {
  const off = { is: 'off', why: 'IPv6 is off on eth0', hint: 'sysctl' } as const;
  const sysctls = { ...switchedOn, ipv6: off };
  for (const over of ['ipv4', 'ipv6'] as const) {
    const underlay = underlayOf(withIpv6Pool(over), uplinkWith({ sysctls }), crosses);
    t.deepEqual([...underlay.routes.keys()], [...ipv4Routes, guard6]);
    t.deepEqual([...underlay.neighbours.keys()], ['169.254.47.89 dev 7']);
    t.is(underlay.addresses.size, 0);
    t.deepEqual(underlay.notCarried.get(cidr6), {
      short: 'fd00::/64 not carried',
      message: 'the pool fd00::/64 is not carried: IPv6 is off on eth0',
      hint: 'sysctl',
    });
  }
});

test('an IPv4 pool over IPv6 needs it, too', (t) => {
  const sysctls = { ...switchedOn, ipv6: { is: 'off', why: 'off', hint: 'on' } as const };
  const over6 = new Map(
    [...world.policies].map(([name, policy]) => [name, { ...policy, underlay: 'ipv6' } as const]),
  );
  const underlay = underlayOf({ ...world, policies: over6 }, uplinkWith({ sysctls }), crosses);
  t.deepEqual([...underlay.notCarried.keys()], ['10.0.0.0/16']);
});

test('a kernel without IPv6 takes no routes of it, not even guards', (t) => {
  const sysctls = { ...switchedOn, ipv6: { is: 'absent', why: 'none', hint: 'boot' } as const };
  t.deepEqual(keys(withIpv6Pool('ipv6'), { sysctls }), ipv4Routes);
});

test('where routers advertise a smaller MTU for IPv6, only what travels over it is smaller', (t) => {
  const sysctls = { ...switchedOn, ipv6: { is: 'on', mtu: 1400 } as const };
  const mtu = (over: Family): unknown => {
    const { routes } = underlayOf(withIpv6Pool(over), uplinkWith({ sysctls }), crosses);
    const route = routes.get('unicast fd00::/64 metric 1');
    return route?.type === 'unicast' && route.mtu;
  };
  t.is(mtu('ipv6'), 1330);
  t.is(mtu('ipv4'), 1450);
});

test('an underlay too small for the smallest packets of IPv6 is said so (RFC 8200 section 5)', (t) => {
  const at = (mtu: number): string | undefined =>
    underlayOf(withIpv6Pool('ipv6'), uplinkWith({ mtu }), crosses).notCarried.get(cidr6)?.message;
  t.is(at(1350), undefined);
  t.is(
    at(1349),
    'the pool fd00::/64 is not carried: its packets may have 1279 bytes, and IPv6 needs 1280',
  );
  t.deepEqual(keys(withIpv6Pool('ipv6'), { mtu: 1349 }), [...ipv4Routes, guard6]);
  const hint = (pool: Partial<Route>): string | undefined =>
    underlayOf(withIpv6Pool('ipv6', pool), uplinkWith({ mtu: 1300 }), crosses).notCarried.get(cidr6)
      ?.hint;
  t.is(hint({}), 'give eth0 an MTU of 1350 or more');
  t.regex(hint({ mtu: 1200 }) ?? '', /FelixConfiguration/);
});

test('without pools to carry there is no next hop either', (t) => {
  t.is(underlayOf({ ...world, routes: new Map() }, uplink, crosses).neighbours.size, 0);
});
