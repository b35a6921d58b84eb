import test from 'ava';
import type { AddressState, LinkState } from 'libbpf-ts';
import { uplinkOf } from '../../../src/datapath/uplink.js';
import { EncapError } from '../../../src/errors.js';
import type { Desired, PolicyName } from '../../../src/model/desired.js';
import type { Address } from '../../../src/net/address.js';
import type { Mac } from '../../../src/net/mac.js';
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
    master: undefined,
    parent: undefined,
    parentNamespace: undefined,
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

test("the uplink is the interface that has the node's address", (t) => {
  t.deepEqual(uplinkOf(world, links, addresses, found), { name: 'eth1', index: 3, mtu: 1500 });
});

test('an interface that the user names wins', (t) => {
  t.is(uplinkOf(world, links, addresses, { ...found, interface: 'eth0' }).index, 2);
});

test('a smaller MTU may be set for the underlay: what lies behind the interface may carry less', (t) => {
  t.is(uplinkOf(world, links, addresses, { ...found, mtu: 1400 }).mtu, 1400);
});

test('a larger MTU than the interface has is refused', (t) => {
  const error = t.throws(() => uplinkOf(world, links, addresses, { ...found, mtu: 9000 }), {
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
        uplinkOf({ ...world, self: of }, links, addresses.slice(0, 1), {
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
  t.is(uplinkOf(dualStack, links, both, found).name, 'eth1');
});

test('a node with IPv6 alone is found by that', (t) => {
  const ipv6Only = { ...dualStack, self: { ...dualStack.self, ipv4: undefined } };
  t.is(uplinkOf(ipv6Only, links, [address(2, 'fd00:1::1')], found).name, 'eth0');
});

test('two families on two interfaces are refused where pools travel over both', (t) => {
  const apart = [...addresses, address(2, 'fd00:1::1')];
  const error = t.throws(() => uplinkOf(dualStack, links, apart, found), {
    instanceOf: EncapError,
  });
  t.regex(error.message, /192\.168\.1\.254 is on eth1 and fd00:1::1 on eth0/);
  const [[name, policy] = []] = dualStack.policies;
  const ipv4Alone = new Map(name && policy ? [[name, policy] as const] : []);
  t.is(uplinkOf({ ...dualStack, policies: ipv4Alone }, links, apart, found).name, 'eth1');
});
