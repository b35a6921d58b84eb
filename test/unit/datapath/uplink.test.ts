import test from 'ava';
import type { AddressState, LinkState } from 'libbpf-ts';
import { networkFaults } from '../../../src/datapath/fault.js';
import type { Fault } from '../../../src/model/fault.js';
import { underlayMtu, uplinkOf, type Uplink } from '../../../src/datapath/uplink.js';
import { EncapError } from '../../../src/errors.js';
import type { Desired, PolicyName } from '../../../src/model/desired.js';
import type { Address } from '../../../src/net/address.js';
import type { Mac } from '../../../src/net/mac.js';
import type { Settings } from '../../../src/model/settings.js';
import { switchedOn } from './uplinks.js';
import { desiredOf } from './worlds.js';

const world = desiredOf({ pools: [], nodes: [] });
const { self } = world;

function link(index: number, name: string): LinkState {
  return {
    index,
    name,
    mtu: 1500,
    mac: '02:00:00:00:00:01',
    up: true,
    lowerUp: true,
    operState: 'up',
    kind: undefined,
    group: 0,
    reversePathFilter: 0,
    master: undefined,
    parent: undefined,
    parentNamespace: undefined,
    vxlan: undefined,
    type: 1,
    arp: true,
    addressGeneration: undefined,
  };
}

function address(index: number, text: string): AddressState {
  return {
    index,
    family: 'ipv4',
    address: text,
    prefixLength: 24,
    scope: 'global',
    metric: 0,
    label: undefined,
    peer: undefined,
    broadcast: undefined,
    noPrefixRoute: false,
    tentative: false,
    duplicate: false,
  };
}

const links = [link(2, 'eth0'), link(3, 'eth1')];
const addresses = [address(2, '10.0.0.1'), address(3, '192.168.1.254')];

const found = { interface: undefined, mtu: 0 };

function uplinkWith(
  desired: Pick<Desired, 'self' | 'policies'>,
  there: readonly AddressState[],
  settings: Settings['underlay'],
  sysctls = switchedOn,
): Uplink {
  return uplinkOf(desired, { links, addresses: there, sysctls: () => sysctls }, settings);
}

test("the uplink is the interface that has the node's address", (t) => {
  t.deepEqual(uplinkWith(world, addresses, found), {
    name: 'eth1',
    index: 3,
    mtu: 1500,
    sysctls: switchedOn,
    faults: [],
  });
});

test('an interface that the user names wins', (t) => {
  t.is(uplinkWith(world, addresses, { ...found, interface: 'eth0' }).index, 2);
});

test('a smaller MTU may be set for the underlay: what lies behind the interface may carry less', (t) => {
  t.is(uplinkWith(world, addresses, { ...found, mtu: 1400 }).mtu, 1400);
});

test('a larger MTU than the interface has is refused', (t) => {
  const error = t.throws(() => uplinkWith(world, addresses, { ...found, mtu: 9000 }), {
    instanceOf: EncapError,
    message: 'cannot use an underlay MTU of 9000: eth1 has 1500',
  });
  t.is(error.code, 'CONFIG_INVALID');
});

const refuses = test.macro({
  title: (_, what: string) => `no uplink: ${what}`,
  exec: (t, what: string, of: Desired['self'], name: string | undefined) => {
    const error = t.throws(
      () =>
        uplinkWith({ ...world, self: of }, addresses.slice(0, 1), {
          ...found,
          interface: name,
        }),
      {
        instanceOf: EncapError,
        message: `cannot find the uplink: ${what}`,
      },
    );
    t.is(error.code, 'UPLINK_UNKNOWN');
  },
});

test(refuses, "no interface has the node's address 192.168.1.254", self, undefined);
test(refuses, 'there is no interface eth9', self, 'eth9');
test(refuses, 'the node has no address', { ipv4: undefined, ipv6: undefined }, undefined);

const dualStack = {
  self: {
    ...self,
    ipv6: {
      address: 'fd00:1::1' as Address,
      prefixLength: 64,
      vtepMac: '66:00:00:00:00:01' as Mac,
      tunnelAddresses: [],
    },
  },
  policies: new Map(
    (['ipv4', 'ipv6'] as const).map((underlay) => [
      underlay as string as PolicyName,
      { sameSubnet: 'vxlan', otherSubnet: 'vxlan', accepted: ['vxlan'], underlay } as const,
    ]),
  ),
};

test('a dual-stack node has both addresses on its uplink', (t) => {
  const both = [...addresses, { ...address(3, 'fd00:1::1'), family: 'ipv6' } as const];
  t.is(uplinkWith(dualStack, both, found).name, 'eth1');
});

test('a node with IPv6 alone is found by that', (t) => {
  const ipv6Only = { ...dualStack, self: { ...dualStack.self, ipv4: undefined } };
  t.is(uplinkWith(ipv6Only, [address(2, 'fd00:1::1')], found).name, 'eth0');
});

test('two families on two interfaces are refused where pools travel over both', (t) => {
  const apart = [...addresses, address(2, 'fd00:1::1')];
  const error = t.throws(() => uplinkWith(dualStack, apart, found), {
    instanceOf: EncapError,
  });
  t.regex(error.message, /192\.168\.1\.254 is on eth1, fd00:1::1 is on eth0/);
  const [[name, policy] = []] = dualStack.policies;
  const ipv4Alone = new Map(name && policy ? [[name, policy] as const] : []);
  t.is(uplinkWith({ ...dualStack, policies: ipv4Alone }, apart, found).name, 'eth1');
});

test('an address that is on lo as well does not make lo the uplink', (t) => {
  const onLoopback = [address(1, '192.168.1.254'), ...addresses];
  const loopback = { ...link(1, 'lo'), type: 772 };
  const uplink = uplinkOf(
    world,
    { links: [loopback, ...links], addresses: onLoopback, sysctls: () => switchedOn },
    found,
  );
  t.is(uplink.name, 'eth1');
});

test('with one of the two addresses gone, the other family goes on and the fault is named', (t) => {
  const { name, faults } = uplinkWith(dualStack, addresses, found);
  t.is(name, 'eth1');
  t.deepEqual(
    faults.map(({ message }) => message),
    ["no interface has the node's address fd00:1::1: pools over IPv6 carry nothing"],
  );
  const off = { is: 'off', why: 'IPv6 is off', hint: 'sysctl' } as const;
  const { faults: none } = uplinkWith(dualStack, addresses, found, { ...switchedOn, ipv6: off });
  t.deepEqual(none, [], 'where IPv6 is off, that is what is said, for each pool');
});

test('with both gone there is no uplink', (t) => {
  t.throws(() => uplinkWith(dualStack, [], found), {
    message:
      "cannot find the uplink: no interface has the node's address 192.168.1.254 or fd00:1::1",
  });
});

test('an address that another machine has is a fault (RFC 4862 section 5.4)', (t) => {
  const duplicate = { ...address(3, 'fd00:1::1'), family: 'ipv6', duplicate: true } as const;
  const { faults } = uplinkWith(dualStack, [...addresses, duplicate], found);
  t.deepEqual(
    faults.map(({ short }) => short),
    ['duplicate fd00:1::1'],
  );
});

test('a smaller MTU that routers advertise counts for IPv6 alone', (t) => {
  const uplink = uplinkWith(world, addresses, found, {
    ...switchedOn,
    ipv6: { is: 'on', mtu: 1280 },
  });
  t.is(underlayMtu(uplink, 'ipv4'), 1500);
  t.is(underlayMtu(uplink, 'ipv6'), 1280);
});

test('a node that does not forward a family of its pools is told so', (t) => {
  const faults = (ipv4: boolean, ipv6: boolean, routers = switchedOn.routers): readonly Fault[] =>
    networkFaults(new Set(ipv4 ? ['ipv6'] : ['ipv4']), {
      name: 'eth0',
      faults: [],
      sysctls: { ...switchedOn, forwards: { ipv4, ipv6 }, routers },
    });
  t.deepEqual(
    faults(false, false).map(({ short }) => short),
    ['no IPv4 forwarding'],
    'of the families that its pools have',
  );
  t.is(faults(true, false)[0]?.hint, 'sysctl -w net.ipv6.conf.all.forwarding=1');
  t.is(
    faults(true, false, 'as a host')[0]?.hint,
    'sysctl -w net/ipv6/conf/eth0/accept_ra=2 net.ipv6.conf.all.forwarding=1',
    'a host that becomes a router ignores routers, but for this',
  );
  t.deepEqual(faults(true, true), []);
});
