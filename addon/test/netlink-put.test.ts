import test from 'ava';
import { Netlink, NetlinkError, type RoutePut } from '../lib/index.js';
import { Network } from './support/network.js';

/** What ip says of one destination, shorter. */
function routesTo(network: Network, destination: string, table = 'all'): string[] {
  const family = destination.includes(':') ? '-6' : '-4';
  return network
    .ip(`${family} route show ${destination} table ${table}`)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function prepared(network: Network): Netlink {
  network.ip('address add 192.0.2.1/24 dev near');
  network.ip('address add 2001:db8::1/64 dev near nodad');
  return Netlink.open({ namespace: network.path });
}

const puts = test.macro({
  title: (_, route: RoutePut) => `a route can be put and removed: ${JSON.stringify(route)}`,
  exec: (t, route: RoutePut, expected: (network: Network) => string) => {
    const network = new Network(t);
    using netlink = prepared(network);
    const index = route.type === undefined ? { index: network.near } : {};
    netlink.putRoute({ ...index, ...route });
    t.deepEqual(routesTo(network, route.destination), [expected(network)]);
    netlink.putRoute({ ...index, ...route });
    t.is(routesTo(network, route.destination).length, 1, 'put twice is put once');
    t.true(netlink.removeRoute(route));
    t.deepEqual(routesTo(network, route.destination), []);
    t.false(netlink.removeRoute(route));
  },
});

test(puts, { destination: '10.0.0.0/24' }, () => '10.0.0.0/24 dev near proto static scope link');
test(
  puts,
  {
    destination: '10.0.0.0/24',
    gateway: '192.0.2.9',
    source: '192.0.2.1',
    mtu: 1400,
    protocol: 80,
  },
  () => '10.0.0.0/24 via 192.0.2.9 dev near proto 80 src 192.0.2.1 mtu 1400',
);
test(
  puts,
  { destination: '10.0.0.0/24', gateway: '169.254.1.1', onlink: true, table: 1000, priority: 7 },
  () => '10.0.0.0/24 via 169.254.1.1 dev near table 1000 proto static metric 7 onlink',
);
test(
  puts,
  { destination: '10.0.0.0/24', gateway: '2001:db8::9' },
  () => '10.0.0.0/24 via inet6 2001:db8::9 dev near proto static',
);
test(
  puts,
  { destination: '0.0.0.0/0', gateway: '192.0.2.254', tos: 16 },
  () => 'default tos 0x10 via 192.0.2.254 dev near proto static',
);
for (const type of ['blackhole', 'unreachable', 'prohibit', 'throw'] as const) {
  test(
    puts,
    { destination: '10.0.0.0/24', type, protocol: 80 },
    () => `${type} 10.0.0.0/24 proto 80`,
  );
}
test(
  puts,
  { destination: '2001:DB8:1:0::/48', gateway: '2001:db8::9', mtu: 1400, protocol: 80 },
  () => '2001:db8:1::/48 via 2001:db8::9 dev near proto 80 metric 1024 mtu 1400 pref medium',
);
test(
  puts,
  { destination: '2001:db8:1::/48', table: 77, priority: 5 },
  () => '2001:db8:1::/48 dev near table 77 proto static metric 5 pref medium',
);
test(
  puts,
  { destination: '2001:db8:1::/48', gateway: 'fe80::9', onlink: true, source: '2001:db8::1' },
  () =>
    '2001:db8:1::/48 via fe80::9 dev near proto static src 2001:db8::1 metric 1024 onlink pref medium',
);
test(
  puts,
  { destination: '2001:db8:1::/48', type: 'blackhole' },
  () => 'blackhole 2001:db8:1::/48 dev lo proto static metric 1024 pref medium',
);

test('a multipath route keeps its weights', (t) => {
  const network = new Network(t);
  using netlink = prepared(network);
  const hop = (gateway: string, weight: number) => ({ index: network.near, gateway, weight });
  netlink.putRoute({
    destination: '10.0.0.0/24',
    nextHops: [hop('192.0.2.8', 1), hop('192.0.2.9', 3)],
  });
  t.deepEqual(routesTo(network, '10.0.0.0/24'), [
    '10.0.0.0/24 proto static',
    'nexthop via 192.0.2.8 dev near weight 1',
    'nexthop via 192.0.2.9 dev near weight 3',
  ]);
});

for (const [family, destination, gateway, other] of [
  ['IPv4', '10.0.0.0/24', '192.0.2.8', '192.0.2.9'],
  ['IPv6', '2001:db8:1::/48', '2001:db8::8', '2001:db8::9'],
] as const) {
  test(`${family}: a put changes the route of its place and no other`, (t) => {
    const network = new Network(t);
    using netlink = prepared(network);
    const add = (rest: string) =>
      network.ip(`route add ${destination} via ${other} dev near proto 80 ${rest}`);
    add('metric 5');
    add('metric 9');
    add('metric 7 table 77');
    if (family === 'IPv4') add('metric 7 tos 0x10');
    const foreign = routesTo(network, destination);
    const ours = { destination, index: network.near, priority: 7, protocol: 80 };
    netlink.putRoute({ ...ours, gateway });
    netlink.putRoute({ ...ours, gateway: other });
    netlink.putRoute({ ...ours, gateway });
    const mine = routesTo(network, destination).filter((line) => !foreign.includes(line));
    t.is(mine.length, 1);
    t.regex(mine[0] ?? '', new RegExp(`via ${gateway} .*metric 7`));
    t.true(netlink.removeRoute({ ...ours }));
    t.deepEqual(routesTo(network, destination), foreign);
  });

  test(`${family}: a route of another protocol is neither replaced nor removed`, (t) => {
    const network = new Network(t);
    using netlink = prepared(network);
    network.ip(`route add ${destination} via ${other} dev near proto bird`);
    const before = routesTo(network, destination);
    const ours = { destination, gateway, index: network.near, protocol: 80 };
    const error = t.throws(() => netlink.putRoute(ours), { instanceOf: NetlinkError });
    t.is(error.code, 'EEXIST');
    t.regex(error.message, /^cannot put route .*: EEXIST: a route of protocol 12 is in its place/);
    t.regex(error.hint ?? '', /another priority/);
    t.false(netlink.removeRoute(ours));
    t.deepEqual(routesTo(network, destination), before);
  });
}

test('removing the IPv4 route of priority 0 leaves the one of priority 100, which the kernel alone would take', (t) => {
  const network = new Network(t);
  using netlink = prepared(network);
  network.ip('route add 10.0.0.0/24 dev near proto 80 metric 100');
  t.false(netlink.removeRoute({ destination: '10.0.0.0/24', protocol: 80 }));
  t.is(routesTo(network, '10.0.0.0/24').length, 1);
  t.true(netlink.removeRoute({ destination: '10.0.0.0/24', protocol: 80, priority: 100 }));
});

test('routes that ip made can be removed and put back from their dump', (t) => {
  const network = new Network(t);
  using netlink = prepared(network);
  for (const command of [
    'route add 10.0.0.0/24 via 192.0.2.9 src 192.0.2.1 mtu 1400 proto 80',
    'route add 10.0.0.0/24 via 192.0.2.8 metric 7 table 1000000',
    'route add 10.0.0.0/24 tos 0x10 via 192.0.2.8',
    'route add 10.1.0.0/24 via 203.0.113.1 dev near onlink',
    'route add 10.2.0.0/24 via inet6 2001:db8::9 dev near',
    'route add 10.3.0.0/24 nexthop via 192.0.2.8 weight 3 nexthop via 192.0.2.9',
    'route add throw 10.6.0.0/24 table 77',
    '-6 route add 2001:db8:1::/48 via 2001:db8::9 metric 9 mtu 1400 proto 80',
    '-6 route add 2001:db8:2::/48 from 2001:db8:ff::/48 via 2001:db8::9',
    '-6 route add 2001:db8:3::/48 nexthop via 2001:db8::8 nexthop via 2001:db8::9 weight 4',
    '-6 route add blackhole 2001:db8:4::/48',
  ])
    network.ip(command);
  const shown = () =>
    ['-4', '-6'].map((family) => network.ip(`${family} route show table all`)).join('');
  const before = shown();
  const made = netlink.routes().filter(({ protocol }) => protocol === 80 || protocol === 3);
  t.is(made.length, 11);
  for (const route of made) t.true(netlink.removeRoute(route), route.destination);
  t.deepEqual(
    netlink.routes().filter(({ protocol }) => protocol === 80 || protocol === 3),
    [],
  );
  for (const route of made) netlink.putRoute(route);
  t.deepEqual(shown().split('\n').sort(), before.split('\n').sort());
});

test('neighbours are put, replaced and removed', (t) => {
  const network = new Network(t);
  using netlink = prepared(network);
  const shown = (address: string) => network.ip(`neighbour show ${address} nud all`).trim();
  for (const address of ['192.0.2.9', '169.254.1.1', '2001:db8::9']) {
    const entry = { index: network.near, address };
    netlink.putNeighbour({ ...entry, mac: '02:00:00:00:00:09', state: 'stale' });
    t.is(shown(address), `${address} dev near lladdr 02:00:00:00:00:09 STALE`);
    netlink.putNeighbour({ ...entry, mac: '02:FE:00:00:00:0A' });
    t.is(shown(address), `${address} dev near lladdr 02:fe:00:00:00:0a PERMANENT`);
    t.true(netlink.removeNeighbour(entry));
    t.is(shown(address), '');
    t.false(netlink.removeNeighbour(entry));
  }
  const proxy = { index: network.near, address: '192.0.2.7', proxy: true };
  netlink.putNeighbour(proxy);
  t.is(network.ip('neighbour show proxy').trim(), '192.0.2.7 dev near proxy');
  t.true(netlink.removeNeighbour(proxy));
  t.false(netlink.removeNeighbour(proxy));
});

test('addresses are put, put again and removed', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  for (const [address, prefixLength, other] of [
    ['192.0.2.5', 24, '192.0.2.6'],
    ['2001:db8::5', 64, '2001:db8::6'],
  ] as const) {
    const put = { index: network.near, address, prefixLength, noPrefixRoute: true, noDad: true };
    netlink.putAddress(put);
    netlink.putAddress(put);
    const lines = network.ip(`-o address show dev near to ${address}`);
    t.regex(
      lines,
      new RegExp(`^[^\\n]* ${address}/${prefixLength} [^\\n]*noprefixroute[^\\n]*\\n$`),
    );
    t.true(netlink.removeAddress(put));
    t.false(netlink.removeAddress(put));
    t.false(netlink.removeAddress({ ...put, address: other }));
    t.is(network.ip(`-o address show dev near to ${address}`), '');
  }
});

test('an IPv4 address whose prefix route would have to change is refused, an IPv6 one is changed', (t) => {
  const network = new Network(t);
  using netlink = prepared(network);
  const ipv4 = { index: network.near, address: '192.0.2.1', prefixLength: 24 };
  const error = t.throws(() => netlink.putAddress({ ...ipv4, noPrefixRoute: true }), {
    instanceOf: NetlinkError,
  });
  t.is(error.code, 'EEXIST');
  t.regex(error.hint ?? '', /remove the address first/);
  netlink.putAddress({ ...ipv4, address: '2001:db8::1', prefixLength: 64, noPrefixRoute: true });
  t.regex(network.ip('-o address show dev near to 2001:db8::1'), /noprefixroute/);
});

test('a refusal has the words of the kernel, its errno and the next step', (t) => {
  const network = new Network(t);
  using netlink = prepared(network);
  const error = t.throws(
    () => netlink.putRoute({ destination: '10.0.0.0/24', gateway: '203.0.113.1' }),
    { instanceOf: NetlinkError },
  );
  t.is(
    error.message,
    'cannot put route 10.0.0.0/24 via 203.0.113.1 in table 254: ENETUNREACH: Nexthop has invalid gateway',
  );
  t.is(error.code, 'ENETUNREACH');
  t.is(error.operation, 'put');
  t.regex(error.hint ?? '', /onlink/);
});

const misuse = test.macro(
  (t, what: string, use: (netlink: Netlink) => unknown, type: ErrorConstructor) => {
    using netlink = Netlink.open();
    t.throws(() => use(netlink), { instanceOf: type, message: (text) => text.startsWith(what) });
  },
);

/** What a caller without types may pass. */
function wrong(value: unknown): never {
  return value as never;
}

const near = { index: 1, address: '192.0.2.1' };
for (const [what, use, type] of [
  ['route must be an object', (n) => n.putRoute(wrong(undefined)), TypeError],
  ['route.destination', (n) => n.putRoute({ destination: '10.0.0.0' }), TypeError],
  ['route.destination', (n) => n.putRoute({ destination: wrong(10) }), TypeError],
  ['the prefix length of', (n) => n.putRoute({ destination: '10.0.0.0/33' }), RangeError],
  ['destination 10.0.0.7/24', (n) => n.putRoute({ destination: '10.0.0.7/24' }), RangeError],
  ['destination 2001:db8::1/64', (n) => n.putRoute({ destination: '2001:db8::1/64' }), RangeError],
  ['route.gateway', (n) => n.putRoute({ destination: '::/0', gateway: '192.0.2.1' }), TypeError],
  ['route.gateway', (n) => n.putRoute({ destination: '::/0', gateway: 'fe80::1%lo' }), TypeError],
  ['route.index', (n) => n.putRoute({ destination: '::/0', index: 0 }), RangeError],
  ['route.index', (n) => n.putRoute({ destination: '::/0', index: wrong('lo') }), TypeError],
  ['route.table', (n) => n.putRoute({ destination: '::/0', table: 2 ** 32 }), RangeError],
  ['route.priority', (n) => n.putRoute({ destination: '::/0', priority: -1 }), RangeError],
  ['route.protocol', (n) => n.putRoute({ destination: '::/0', protocol: 256 }), RangeError],
  ['route.mtu', (n) => n.putRoute({ destination: '::/0', mtu: 1.5 }), RangeError],
  ['route.type', (n) => n.putRoute({ destination: '::/0', type: wrong('hole') }), TypeError],
  ['route.source', (n) => n.putRoute({ destination: '::/0', source: '192.0.2.1' }), TypeError],
  ['route.onlink', (n) => n.putRoute({ destination: '::/0', onlink: wrong(1) }), TypeError],
  [
    'route.nextHops[0].index',
    (n) => n.putRoute({ destination: '::/0', nextHops: [wrong({})] }),
    TypeError,
  ],
  [
    'the request is longer',
    (n) => n.putRoute({ destination: '::/0', nextHops: Array(9999).fill({ index: 1 }) }),
    RangeError,
  ],
  ['neighbour.mac', (n) => n.putNeighbour({ ...near, mac: '02:00:00:00:00' }), TypeError],
  ['neighbour.mac', (n) => n.putNeighbour(near), TypeError],
  ['neighbour.address', (n) => n.putNeighbour({ ...near, address: '192.0.2' }), TypeError],
  ['address.prefixLength', (n) => n.putAddress({ ...near, prefixLength: 33 }), RangeError],
  ['address.peer', (n) => n.putAddress({ ...near, prefixLength: 32, peer: '::1' }), TypeError],
  [
    'address.label',
    (n) => n.putAddress({ ...near, prefixLength: 32, label: 'x'.repeat(16) }),
    RangeError,
  ],
  ['filter.table', (n) => n.routes({ table: 0 }), RangeError],
  ['groups[0]', (n) => n.watch([wrong('rules')]), TypeError],
  ['groups', (n) => n.watch([]), TypeError],
] as readonly [string, (netlink: Netlink) => unknown, ErrorConstructor][])
  test(
    `misuse is a JavaScript error that names the field: ${use.toString()} throws ${what}`,
    misuse,
    what,
    use,
    type,
  );

test('a closed socket says so, and closing twice is fine', (t) => {
  const netlink = Netlink.open();
  netlink[Symbol.dispose]();
  netlink[Symbol.dispose]();
  const closed = { message: 'the netlink socket is closed' };
  t.throws(() => netlink.links(), closed);
  t.throws(() => netlink.routes(), closed);
  t.throws(() => netlink.putRoute({ destination: '::/0' }), closed);
  t.throws(() => netlink.removeNeighbour(near), closed);
  t.throws(() => netlink.watch(['link']), closed);
});

test('a link gets another MAC and MTU, each alone or both', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const now = () => {
    const [link] = network.json('link show dev near');
    return { mac: link?.['address'], mtu: link?.['mtu'] };
  };
  const mac = '02:00:00:00:01:0b';
  network.ip('link set near down');
  netlink.changeLink({ index: network.near, mac });
  t.deepEqual(now(), { mac, mtu: 1500 });
  netlink.changeLink({ index: network.near, mtu: 1400 });
  t.deepEqual(now(), { mac, mtu: 1400 });
  netlink.changeLink({ index: network.near, mac: '02:00:00:00:01:0C', mtu: 9000 });
  t.deepEqual(now(), { mac: '02:00:00:00:01:0c', mtu: 9000 });
});

test('a link that is not there, and values that no link has, are refused', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const error = t.throws(() => netlink.changeLink({ index: 9999, mtu: 1400 }), {
    instanceOf: NetlinkError,
  });
  t.is(error.code, 'ENODEV');
  t.regex(error.message, /^cannot set MTU 1400 of interface 9999: ENODEV/);
  t.throws(() => netlink.changeLink({ index: network.near, mtu: 7 }), { instanceOf: NetlinkError });
  for (const wrong of [{ index: 0 }, { index: 1, mtu: 0 }, { index: 1, mtu: 1.5 }])
    t.throws(() => netlink.changeLink(wrong), { instanceOf: RangeError });
  t.throws(() => netlink.changeLink({ index: 1, mac: '02:00' }), { instanceOf: TypeError });
});
