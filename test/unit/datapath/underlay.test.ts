import test from 'ava';
import { underlayOf, type Crossing } from '../../../src/datapath/underlay.js';
import type { PolicyName } from '../../../src/model/desired.js';
import type { Address } from '../../../src/net/address.js';
import type { Cidr } from '../../../src/net/cidr.js';
import { desiredOf } from './worlds.js';

const world = desiredOf({
  pools: [{ encap: 'vxlan', crossSubnet: false, owners: [0, 1] }],
  nodes: [1],
});
const crosses = (): Crossing => 'crosses families';
const uplink = { name: 'eth0', index: 7, mtu: 1500 };

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

test('a pool over the other family is carried where the kernel can, else it is said', (t) => {
  const cidr = 'fd00::/64' as Cidr;
  const routes = new Map([[cidr, { source: undefined, mtu: 0, overheadBytes: 50 }]]);
  const policies = new Map(
    [...world.policies.values()].map((policy) => [cidr as string as PolicyName, policy] as const),
  );
  const over4 = { ...world, routes, policies };
  t.deepEqual(underlayOf(over4, uplink, crosses).notCarried, []);
  const underlay = underlayOf(over4, uplink, () => 'one family');
  t.deepEqual(underlay.notCarried, [cidr]);
  t.false([...underlay.routes.values()].some(({ destination }) => destination === cidr));
});

test('without pools to carry there is no next hop either', (t) => {
  t.is(underlayOf({ ...world, routes: new Map() }, uplink, crosses).neighbours.size, 0);
});
