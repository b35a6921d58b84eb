import test from 'ava';
import type { KernelTunnel } from '../../../src/datapath/kernel-tunnel.js';
import { reportOf, takeoverFaults, takeoverOf } from '../../../src/datapath/takeover.js';
import { keyOfRoute, type KernelRoute } from '../../../src/datapath/underlay.js';
import type { Address, Family } from '../../../src/net/address.js';
import { parseCidr } from '../../../src/net/cidr.js';
import { switchedOn, uplinkWith } from './uplinks.js';

function tunnel(name: KernelTunnel['name'], ...families: readonly Family[]): KernelTunnel {
  return { name, index: 9, routes: families.length, families: new Set(families) };
}

function route(
  destination: string,
  type: 'unicast' | 'unreachable' | 'blackhole' = 'unicast',
): KernelRoute {
  const place = { destination: parseCidr(destination), priority: 0 };
  if (type !== 'unicast') return { type, ...place };
  const gateway = '169.254.47.89' as Address;
  return { type, ...place, gateway, index: 7, source: undefined, mtu: 1450 };
}

const routes = new Map(
  [
    route('10.244.0.0/16'),
    route('10.244.0.0/16', 'unreachable'),
    route('10.244.9.0/26'),
    route('fd00:244::/48'),
    route('10.244.1.0/26', 'blackhole'),
  ].map((one) => [keyOfRoute(one), one]),
);

test('what leads past a kernel tunnel are our routes of the family that it carries, and not to our own blocks', (t) => {
  const { groups, detours, rules } = takeoverOf([tunnel('vxlan.calico', 'ipv4')], 'replace', {
    routes,
  });
  t.deepEqual([...groups], [['vxlan.calico', 9]]);
  t.deepEqual(
    [...detours.values()].map(({ type, destination }) => [type, String(destination)]),
    [
      ['unicast', '10.244.0.0/16'],
      ['unicast', '10.244.9.0/26'],
      ['throw', '10.244.1.0/26'],
    ],
  );
  t.deepEqual([...rules], [['ipv4', 'in order']]);
});

test('a device that no route leads to waits in its group, and there are no rules', (t) => {
  const { groups, detours, rules } = takeoverOf([tunnel('tunl0')], 'replace', { routes });
  t.deepEqual([...groups.keys()], ['tunl0']);
  t.deepEqual([detours.size, rules.size], [0, 0]);
});

test('where nothing is replaced nothing leads past anything', (t) => {
  for (const way of ['coexist', 'leave'] as const) {
    const wanted = takeoverOf([tunnel('vxlan.calico', 'ipv4')], way, { routes });
    t.deepEqual([wanted.groups.size, wanted.detours.size, wanted.rules.size], [0, 0, 0]);
  }
});

test('who has the packets of a device follows from its routes and from what was asked for', (t) => {
  const tunnels = [tunnel('vxlan.calico', 'ipv4'), tunnel('tunl0')];
  const hows = (way: 'replace' | 'coexist' | 'leave') =>
    reportOf(tunnels, way).map(({ how }) => how);
  t.deepEqual(hows('replace'), ['taken over', 'idle']);
  t.deepEqual(hows('coexist'), ['coexists', 'idle']);
  t.deepEqual(hows('leave'), ['carries', 'idle']);
});

test('two encapsulators and a strict reverse path filter are a fault where nobody asked for them', (t) => {
  const strict = uplinkWith({ sysctls: { ...switchedOn, reversePath: 'strict' } });
  const tunnels = [tunnel('vxlan.calico', 'ipv4')];
  const shorts = (way: 'coexist' | 'leave', uplink: typeof strict) =>
    takeoverFaults(reportOf(tunnels, way), uplink).map(({ short }) => short);
  t.deepEqual(shorts('leave', strict), ['rp_filter and vxlan.calico']);
  t.deepEqual(shorts('leave', uplinkWith()), []);
  t.deepEqual(shorts('coexist', strict), []);
});
