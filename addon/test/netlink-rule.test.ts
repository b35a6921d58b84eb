import test from 'ava';
import { Netlink, type RulePut } from '../lib/index.js';
import { Network } from './support/network.js';

/** What ip(8) says of the rules between those that the kernel makes. */
function shown(network: Network, family: RulePut['family']): readonly string[] {
  return network
    .ip(`${family === 'ipv4' ? '-4' : '-6'} rule show`)
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => line !== '' && !/^(0|3276[67]):/.test(line));
}

for (const family of ['ipv4', 'ipv6'] as const) {
  test(`${family} rules of one priority count in the order in which they were made`, (t) => {
    const network = new Network(t);
    using netlink = Netlink.open({ namespace: network.path });
    const first: RulePut = { family, priority: 7, table: 254, suppressGroup: 4711, protocol: 147 };
    const second: RulePut = { family, priority: 7, table: 100_000, protocol: 147 };
    netlink.putRule(first);
    netlink.putRule(second);
    netlink.putRule(first);
    const texts = [
      '7: from all lookup main suppress_ifgroup 4711 proto 147',
      '7: from all lookup 100000 proto 147',
    ];
    t.deepEqual(shown(network, family), texts, 'put twice is put once, in its place');
    t.deepEqual(
      netlink.rules().filter((rule) => rule.protocol === 147),
      [first, { ...second, suppressGroup: undefined }],
    );
    t.true(netlink.removeRule(first));
    t.deepEqual(shown(network, family), texts.slice(1));
    t.false(netlink.removeRule(first));
    t.true(netlink.removeRule(second));
    t.deepEqual(shown(network, family), []);
  });

  test(`${family}: what leaves by a group of interfaces falls through to the next table`, (t) => {
    const network = new Network(t);
    using netlink = Netlink.open({ namespace: network.path });
    const [net, host] =
      family === 'ipv4' ? ['10.0.0.0/8', '10.1.2.3'] : ['2001:db8:1::/48', '2001:db8:1::7'];
    const way = () => /dev (\S+)/.exec(network.ip(`route get ${host}`))?.[1];
    network.ip(`address add ${family === 'ipv4' ? '192.0.2.1/24' : '2001:db8::1/64'} dev near`);
    network.ip('link set far up');
    netlink.putRoute({ destination: net, index: network.near });
    netlink.putRoute({ destination: net, index: network.far, table: 100_000 });
    netlink.putRule({ family, priority: 7, table: 254, suppressGroup: 4711 });
    netlink.putRule({ family, priority: 7, table: 100_000 });
    t.is(way(), 'near');
    netlink.changeLink({ index: network.near, group: 4711 });
    t.is(way(), 'far');
    netlink.changeLink({ index: network.near, group: 0 });
    t.is(way(), 'near');
  });
}

test('the rules of others are told, too', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  network.ip('rule add pref 9 blackhole');
  t.deepEqual(
    netlink.rules().map(({ family, priority, table }) => [family, priority, table]),
    [
      ['ipv4', 0, 255],
      ['ipv4', 9, undefined],
      ['ipv4', 32766, 254],
      ['ipv4', 32767, 253],
      ['ipv6', 0, 255],
      ['ipv6', 32766, 254],
    ],
  );
});

test('a rule that no kernel takes is refused before it is asked', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const rule: RulePut = { family: 'ipv4', priority: 7, table: 254 };
  t.throws(() => netlink.putRule({ ...rule, priority: 0 }), { instanceOf: RangeError });
  t.throws(() => netlink.putRule({ ...rule, table: 2 ** 32 }), { instanceOf: RangeError });
  t.throws(() => netlink.putRule({ ...rule, suppressGroup: -1 }), { instanceOf: RangeError });
  t.throws(() => netlink.putRule({ ...rule, family: 'ipx' as 'ipv4' }), { instanceOf: TypeError });
  t.deepEqual(shown(network, 'ipv4'), []);
});

test('a rule that comes and goes is told', async (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const events = netlink.watch(['rule']);
  network.ip('rule add pref 9 lookup 77');
  network.ip('-6 rule add pref 9 lookup 78');
  network.ip('rule del pref 9');
  const told = [];
  for (let count = 0; count < 3; count += 1) told.push((await events.next()).value);
  t.like(told[0], { event: 'rule', change: 'new', family: 'ipv4', priority: 9, table: 77 });
  t.like(told[1], { event: 'rule', change: 'new', family: 'ipv6', priority: 9, table: 78 });
  t.like(told[2], { event: 'rule', change: 'removed', family: 'ipv4', priority: 9, table: 77 });
  await events.return?.();
});
